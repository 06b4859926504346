import { Command } from 'commander'
import { estimateTotal } from '../backfill/estimate.ts'
import { backfill } from '../backfill/run.ts'
import { BRAZE_SETTINGS, type BrazeSettings } from '../process/delivery.ts'
import { CHANNEL, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { createLineApi, LINE_API_SETTINGS, lineSettingsFor } from '../process/line-api.ts'
import { lockRuns, startRunDelivery } from '../process/run-delivery.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { explain } from '../terminal/backfill-errors.ts'
import { type BackfillChoices, barsOf, type Progress, reportOf } from '../terminal/backfill-result.ts'
import { createBars } from '../terminal/bars.ts'

interface BackfillOptions extends BackfillChoices {
  readonly restart?: boolean
  readonly json?: boolean
}

export function backfillCommand(host: Host): Command {
  return new Command('backfill')
    .description("brings LINE's follower list into the ledger and Braze, also beside a running server")
    .option('--dry-run', 'reads the whole list and says what would change; writes nothing')
    .option('--restart', 'begins anew, also where the last run could go on')
    .option('--no-wait', 'leaves it to the server to tell Braze, and does not wait for that')
    .option('--allow-mass-clear', 'clears also more than 20 % of the known friends')
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      settingsHelp(['LINE_CHANNEL_SECRET', ...LINE_API_SETTINGS, ...BRAZE_SETTINGS, ...TASK_SETTINGS]),
    )
    .action((options) => runBackfill(options, host))
}

async function runBackfill(options: BackfillOptions, host: Host) {
  const progress: Progress = { run: null, total: null, outstanding: null, leftBefore: 0 }
  const work = (task: Task) => perform(options, task, progress)
  await runTask(host, options, work, (end) => reportOf(end, progress, options))
}

async function perform(options: BackfillOptions, task: Task, progress: Progress) {
  const { dryRun = false, restart = false, allowMassClear = false } = options
  const delivers = options.wait && !dryRun
  const settings = lineSettingsFor(task.host, [...TASK_SETTINGS, ...(delivers ? BRAZE_SETTINGS : [])])
  const { display, signal, closing } = task
  const { ledger, log } = await openTaskLedger(task, settings, { isScratch: dryRun })
  if (!dryRun) await lockRuns(ledger)
  const line = createLineApi(settings, log, task.host.sleep)
  closing(line.close)
  // Before anybody delivers: what earlier runs left is waited for, too.
  const open = restart ? null : await ledger.openRun(CHANNEL)
  progress.leftBefore = (await ledger.outstanding(open?.id ?? 0)).earlier
  const delivery = delivers
    ? startRunDelivery({ task, settings: settings as BrazeSettings, ledger, log, progress })
    : undefined
  /** Where a running server delivers meanwhile, that counts, too. */
  async function look() {
    progress.outstanding = await ledger.outstanding(progress.run?.id ?? 0)
  }
  estimateTotal(line, ledger, { channel: CHANNEL, signal }).then((total) => {
    progress.total = total
  })

  display.show(createBars(() => barsOf(progress, delivers)))
  const run = await backfill({
    ledger,
    line,
    channel: CHANNEL,
    restart: restart || dryRun,
    // A copy may be cleared as far as it likes; the summary says what would stop a run.
    allowMassClear: allowMassClear || dryRun,
    observer: {
      note: display.say,
      progress(run) {
        progress.run = run
        if (run) delivery?.follow(run)
      },
    },
    signal,
  }).catch(async (error) => {
    // What is wrong with the ledger is said already.
    if (!delivery) await look().catch(() => {})
    throw explain(error, dryRun ? null : progress.run)
  })
  progress.run = run
  await (delivery ? delivery.finish(run) : look())
}
