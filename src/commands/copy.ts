import { Command, InvalidArgumentError } from 'commander'
import { copyLedger } from '../ledger/copy.ts'
import type { LedgerPart } from '../ledger/records.ts'
import { settingsFor, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { createBars } from '../terminal/bars.ts'
import { barsOf, type CopyProgress, newProgress, reportOf } from '../terminal/copy-result.ts'

interface CopyCommandOptions {
  readonly to: string
  readonly json?: boolean
}

const HELP = `
Stop every server on DATABASE_URL first: a copy is refused while one is at work. The database of --to must be
empty, or hold an earlier copy of the same database, as one that was interrupted: then it goes on. Nobody can work
with it before it is complete. Afterwards set DATABASE_URL to it; the database that was copied stays as it is.`

export function copyCommand(host: Host): Command {
  return new Command('copy')
    .description('copies the whole ledger into another database, SQLite or PostgreSQL, either way')
    .requiredOption('--to <URL>', 'the database to copy into, as DATABASE_URL names one', readTarget)
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', `${HELP}\n${settingsHelp(TASK_SETTINGS)}`)
    .action((options) => runCopy(options, host))
}

function readTarget(text: string): string {
  if (/^(file:.*[^/]|postgres(ql)?:\/\/.+)$/.test(text)) return text
  throw new InvalidArgumentError('It must be file:PATH or postgres://USER:PASSWORD@HOST/DATABASE.')
}

async function runCopy(options: CopyCommandOptions, host: Host) {
  const progress = newProgress()
  const work = (task: Task) => performCopy(options, task, progress)
  await runTask(host, options, work, (end) => reportOf(end, progress))
}

async function performCopy({ to: target }: CopyCommandOptions, task: Task, progress: CopyProgress) {
  const settings = settingsFor(task.host, TASK_SETTINGS)
  const { ledger: from } = await openTaskLedger(task, settings, { mustExist: true })
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
