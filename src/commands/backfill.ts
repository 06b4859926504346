import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { estimateTotal } from '../backfill/estimate.ts'
import { backfill } from '../backfill/run.ts'
import type { Ledger, Outstanding } from '../ledger/ledger.ts'
import { deliverRun } from '../process/deliver-run.ts'
import { BRAZE_SETTINGS, type BrazeSettings } from '../process/delivery.ts'
import { CHANNEL, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { createLineApi, LINE_API_SETTINGS, lineSettingsFor } from '../process/line-api.ts'
import { lockRuns, openTaskLedger, runTask, startDelivery, type Task } from '../process/task.ts'
import { explain } from '../terminal/backfill-errors.ts'
import { type BackfillResult, type Progress, resultOf, summaryOf } from '../terminal/backfill-result.ts'
import { createBars } from '../terminal/bars.ts'

interface BackfillCliOptions {
  readonly dryRun?: boolean
  readonly restart?: boolean
  readonly wait: boolean
  readonly allowMassClear?: boolean
  readonly json?: boolean
}

const SETTINGS = ['DATABASE_URL', 'LOG_LEVEL'] as const
/** How often the bar of what is delivered is looked after while the list is read. */
const LOOK_MS = 1_000
/** Looking costs time in proportion to what is left: it may take this part of the time. */
const LOOK_SHARE = 0.05

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
      settingsHelp(['LINE_CHANNEL_SECRET', ...LINE_API_SETTINGS, ...BRAZE_SETTINGS, ...SETTINGS]),
    )
    .action((options) => runBackfill(options, host))
}

async function runBackfill(options: BackfillCliOptions, host: Host) {
  const startedAt = performance.now()
  const progress: Progress = { run: null, total: null, outstanding: null, leftBefore: 0 }
  const result = (status: BackfillResult['status']) =>
    resultOf(status, progress, (performance.now() - startedAt) / 1000)
  await runTask(
    host,
    (task) => perform(options, task, progress),
    (end) => {
      const done = result(end === 'done' ? (options.dryRun ? 'dry-run' : 'complete') : end)
      const text = `${summaryOf(done, progress, options)}\n`
      if (options.json) host.stdout.write(`${JSON.stringify(done)}\n`)
      else if (end === 'done') host.stdout.write(text)
      if (end === 'interrupted') host.stderr.write(text)
    },
  )
}

async function perform(options: BackfillCliOptions, task: Task, progress: Progress) {
  const delivers = options.wait && !options.dryRun
  const settings = lineSettingsFor(task.host, [...SETTINGS, ...(delivers ? BRAZE_SETTINGS : [])])
  const { display, signal, closing } = task
  const log = task.log(settings.LOG_LEVEL)
  const ledger = await openTaskLedger(task, settings.DATABASE_URL, { isScratch: options.dryRun ?? false })
  if (!options.dryRun) await lockRuns(ledger)
  const line = createLineApi(settings, log, task.host.sleep)
  closing(line.close)
  // Before anybody delivers: what earlier runs left is waited for, too.
  const open = options.restart ? null : await ledger.openRun(CHANNEL)
  progress.leftBefore = (await ledger.outstanding(open?.id ?? 0)).earlier
  const deliverer = delivers ? startDelivery(settings as BrazeSettings, { task, ledger, log }) : undefined
  estimateTotal(line, ledger, { channel: CHANNEL, signal }).then((total) => {
    progress.total = total
  })
  const stopLooking = lookAround(ledger, progress, signal)
  closing(stopLooking)

  display.show(createBars(() => barsOf(progress, delivers)))
  try {
    const { dryRun = false, restart = false, allowMassClear = false } = options
    progress.run = await backfill({
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
        },
      },
      signal,
    })
  } catch (error) {
    throw explain(error, options.dryRun ? null : progress.run)
  } finally {
    await stopLooking()
  }
  const { id } = progress.run
  if (deliverer) {
    const onLook = (outstanding: Outstanding) => {
      progress.outstanding = outstanding
    }
    await deliverRun({ ledger, run: id, deliverer, onLook, note: display.say, signal })
  } else progress.outstanding = await ledger.outstanding(id)
}

/** Keeps `progress.outstanding` fresh while the list is read. Returns how to stop that. */
function lookAround(ledger: Ledger, progress: Progress, signal: AbortSignal) {
  const stopping = new AbortController()
  const stop = AbortSignal.any([stopping.signal, signal])
  async function watch() {
    while (!stop.aborted) {
      const askedAt = performance.now()
      if (progress.run) progress.outstanding = await ledger.outstanding(progress.run.id)
      const lookMs = performance.now() - askedAt
      await sleep(Math.max(LOOK_MS, lookMs / LOOK_SHARE), undefined, { signal: stop }).catch(() => {})
    }
  }
  // What is wrong with the ledger shows where it is needed.
  const looking = watch().catch(() => {})
  return async () => {
    stopping.abort()
    await looking
  }
}

function barsOf({ run, total, outstanding, leftBefore }: Progress, delivers: boolean) {
  const listed = run?.listed ?? 0
  const isListed = run !== null && run.state !== 'listing'
  const changed = (run ? run.added + run.returned + run.gone : 0) + leftBefore
  const open = outstanding ? outstanding.pending + outstanding.earlier + outstanding.failed : changed
  return [
    { name: 'listed', value: listed, total: isListed ? listed : total, isAbout: !isListed },
    ...(delivers ? [{ name: 'delivered', value: Math.max(0, changed - open), total: changed }] : []),
  ]
}
