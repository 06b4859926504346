import { Command, InvalidArgumentError } from 'commander'
import { exportLinks } from '../links/export.ts'
import { importLinks, newCounts } from '../links/import.ts'
import { readMoment, usableMoment } from '../links/moment.ts'
import { CHANNEL_OPTION, type ChannelChoice, configFor } from '../process/channels.ts'
import { settingsHelp } from '../process/environment.ts'
import { openInput, writeOutput } from '../process/files.ts'
import type { Host } from '../process/host.ts'
import { UsageError } from '../process/run.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { createBars } from '../terminal/bars.ts'
import { barsOf, createComplaints, type Progress, reportOf } from '../terminal/links-result.ts'
import { many } from '../terminal/numbers.ts'

interface ImportOptions extends ChannelChoice {
  readonly dryRun?: boolean
  readonly linkedAt?: number
  readonly json?: boolean
}

interface ExportOptions extends ChannelChoice {
  readonly json?: boolean
}

/** A channel's name is all that counts here. */
const SETTINGS = ['LINE_CHANNELS_FILE', ...TASK_SETTINGS] as const

export function linksCommand(host: Host): Command {
  return new Command('links')
    .description('which customer of yours each LINE user is, as CSV')
    .addCommand(importCommand(host))
    .addCommand(exportCommand(host))
}

const IMPORT_HELP = `
FILE is a CSV in UTF-8, whose first line names the columns line_user_id and external_id, in any order. It may
have linked_at (since when it has been so: ISO 8601 with a time zone, or milliseconds since 1970) and channel;
others are left alone. An empty external_id ends a link. Of two words on one user the later one counts,
wherever it came from, so that a file can be imported again at any time.

Lines that are wrong are named on stderr and skipped, and the exit code is then 1.`

const importCommand = (host: Host) =>
  new Command('import')
    .description('links LINE users to the customers that a CSV names, also beside a running server')
    .argument('<FILE>', 'the CSV, or - for standard input')
    .option(CHANNEL_OPTION[0], 'the channel of LINE_CHANNELS_FILE that FILE is of')
    .option('--dry-run', 'reads all of it and says what would change; writes nothing')
    .option(
      '--linked-at <moment>',
      'when that was so which the file gives no linked_at for (default: when FILE was last changed)',
      readLinkedAt,
    )
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', `${IMPORT_HELP}\n${settingsHelp(SETTINGS)}`)
    .action((file, options) => runImport(file, options, host))

const exportCommand = (host: Host) =>
  new Command('export')
    .description('the links of today as the same CSV')
    .argument('[FILE]', 'a new file for it; without one it goes to standard output')
    .option(...CHANNEL_OPTION)
    .option('--json', 'print the result as one JSON object (with FILE)')
    .addHelpText('after', settingsHelp(SETTINGS))
    .action((file, options) => runExport(file, options, host))

function readLinkedAt(text: string): number {
  const moment = readMoment(text, Date.now())
  if (typeof moment === 'string') throw new InvalidArgumentError(`It ${moment}.`)
  return moment
}

async function runImport(path: string, options: ImportOptions, host: Host) {
  const progress: Progress = { counts: newCounts(), size: null, isRead: false }
  const work = (task: Task) => performImport(path, options, task, progress)
  await runTask(host, options, work, (end) => reportOf(end, progress, options.dryRun === true))
}

async function performImport(path: string, options: ImportOptions, task: Task, progress: Progress) {
  const { dryRun = false, linkedAt: said, channel } = options
  const { settings, allChannels } = configFor(task.host, TASK_SETTINGS, 'braze', options)
  const { display, signal } = task
  const { source, size, changedAt } = await openInput(path, task)
  progress.size = size
  const linkedAt = said ?? usableMoment(changedAt, Date.now())
  const { ledger } = await openTaskLedger(task, settings, { isScratch: dryRun })
  display.show(createBars(() => barsOf(progress)))
  const { counts } = progress
  await importLinks({
    ledger,
    source,
    channels: allChannels.map(({ name }) => name),
    channel,
    linkedAt,
    counts,
    observer: {
      begun({ place }) {
        if (!place.has('linked_at')) display.say(undated(linkedAt, said !== undefined, changedAt !== null))
      },
      invalid: createComplaints(display.say),
    },
    signal,
  })
  progress.isRead = true
  if (counts.invalid > 0)
    throw new Error(
      `${many(counts.invalid, 'line')} ${counts.invalid === 1 ? 'was' : 'were'} skipped; correct ${counts.invalid === 1 ? 'it' : 'them'} and import the file again: what is stored already changes nothing.`,
    )
}

function undated(at: number, isSaid: boolean, isOfFile: boolean): string {
  const why = isSaid ? '' : isOfFile ? ', when the file was last changed' : ', now'
  return `The file has no column linked_at: what it says counts as of ${new Date(at).toISOString()}${why}, and what was learnt later stays.${isSaid ? '' : ' --linked-at names another moment.'}`
}

async function runExport(path: string | undefined, options: ExportOptions, host: Host) {
  if (options.json && path === undefined)
    throw new UsageError('With --json name a FILE: standard output cannot hold both.')
  const progress = { links: 0 }
  const work = (task: Task) => performExport(path, options, task, progress)
  await runTask(host, options, work, (end) => ({
    result: { status: end === 'done' ? 'complete' : end, ...progress },
    text: '',
    interrupted: 'Interrupted; the list is not complete.',
  }))
}

async function performExport(
  path: string | undefined,
  options: ExportOptions,
  task: Task,
  progress: { links: number },
) {
  const { settings, channels } = configFor(task.host, TASK_SETTINGS, 'braze', options)
  const { ledger } = await openTaskLedger(task, settings, { mustExist: true })
  const texts = exportLinks({
    ledger,
    channels: channels.map(({ name }) => name),
    onLinks(count) {
      progress.links += count
    },
  })
  await writeOutput(texts, path, task)
  task.display.say(`${many(progress.links, 'link')}${path === undefined ? '' : ` in ${path}`}.`)
}
