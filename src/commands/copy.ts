import { Command } from 'commander'
import { databaseFault } from '../config/database-url.ts'
import { copyLedger, undoCopy } from '../ledger/copy.ts'
import type { LedgerPart } from '../ledger/records.ts'
import { settingsFor, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { UsageError } from '../process/run.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { createBars } from '../terminal/bars.ts'
import { barsOf, type CopyProgress, newProgress, reportOf, undoReportOf } from '../terminal/copy-result.ts'

interface CopyCommandOptions {
  readonly to?: string
  readonly undo?: boolean
  readonly json?: boolean
}

const HELP = `
Stop every server on DATABASE_URL first: a copy is refused while one delivers, and from its beginning on nothing is
stored there any more, by nobody. The database of --to must be empty, or hold an earlier copy of the same database, as
one that was interrupted: then it goes on. Nobody can work with it before it is complete. Afterwards set DATABASE_URL to
it. What is in the database that was copied stays as it is, and --undo lets it be worked with again.`

export function copyCommand(host: Host): Command {
  return new Command('copy')
    .description('copies the whole ledger into another database, SQLite or PostgreSQL, either way')
    .option('--to <URL>', 'the database to copy into, as DATABASE_URL names one')
    .option('--undo', 'instead: the database of DATABASE_URL, which was copied, is worked with again')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', `${HELP}\n${settingsHelp(TASK_SETTINGS)}`)
    .action((options) => runCopy(options, host))
}

async function runCopy(options: CopyCommandOptions, host: Host) {
  const { to, undo } = options
  if ((to === undefined) === !undo) throw new UsageError('Give either --to URL, or --undo.')
  // Not by Commander, which would print what it refuses, and with it a password.
  const fault = to === undefined ? undefined : targetFault(to)
  if (fault) throw new UsageError(`The URL of --to ${fault}.`)
  if (to === undefined) {
    let wasClosed = false
    const work = async (task: Task) => {
      wasClosed = await performUndo(task)
    }
    return runTask(host, options, work, (end) => undoReportOf(end, wasClosed))
  }
  const progress = newProgress()
  const work = (task: Task) => performCopy(to, task, progress)
  await runTask(host, options, work, (end) => reportOf(end, progress))
}

function targetFault(url: string): string | undefined {
  if (/^(file:.*[^/]|postgres(ql)?:\/\/.+)$/.test(url)) return databaseFault(url)
  return 'must be file:PATH or postgres://USER:PASSWORD@HOST/DATABASE'
}

const SOURCE = { mustExist: true, isCopySource: true }

async function performUndo(task: Task) {
  const { ledger } = await openTaskLedger(task, settingsFor(task.host, TASK_SETTINGS), SOURCE)
  return undoCopy(ledger)
}

async function performCopy(target: string, task: Task, progress: CopyProgress) {
  const settings = settingsFor(task.host, TASK_SETTINGS)
  const { ledger: from } = await openTaskLedger(task, settings, SOURCE)
  const { ledger: to } = await openTaskLedger(
    task,
    { ...settings, DATABASE_URL: target },
    { isCopyTarget: true },
  )
  progress.total = (await from.counts()).reduce(
    (all, { friend, messager, gone }) => all + friend + messager + gone,
    0,
  )
  task.display.show(createBars(() => barsOf(progress)))
  progress.counts = await copyLedger({
    from,
    to,
    sleep: task.host.sleep,
    signal: task.signal,
    onPart: (part) => note(part, progress),
  })
}

function note(part: LedgerPart, { copied }: CopyProgress) {
  if (part.kind === 'contacts' || part.kind === 'customers') copied[part.kind] += part.rows.length
}
