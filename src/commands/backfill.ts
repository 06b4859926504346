import { Command } from 'commander'
import { estimateTotal } from '../backfill/estimate.ts'
import { backfill } from '../backfill/run.ts'
import { type ChannelSettings, channelSettings, OPTIONAL_FOR_LINE } from '../config/channels.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { CHANNEL_OPTION, type ChannelChoice, configFor } from '../process/channels.ts'
import { failWith } from '../process/closing.ts'
import { BRAZE_SETTINGS, type BrazeSettings } from '../process/delivery.ts'
import { type Log, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { createLineApi, LINE_API_SETTINGS, type LineApiSettings } from '../process/line-api.ts'
import { lockRuns, startRunDelivery } from '../process/run-delivery.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { explain } from '../terminal/backfill-errors.ts'
import {
  type BackfillChoices,
  barsOf,
  type ChannelProgress,
  newProgress,
  type Progress,
  reportOf,
  titleAtWork,
} from '../terminal/backfill-result.ts'
import { createBars } from '../terminal/bars.ts'

interface BackfillOptions extends BackfillChoices, ChannelChoice {
  readonly restart?: boolean
  readonly json?: boolean
}

export function backfillCommand(host: Host): Command {
  return new Command('backfill')
    .description("brings LINE's follower list into the ledger and Braze, also beside a running server")
    .option(...CHANNEL_OPTION)
    .option('--dry-run', 'reads the whole list and says what would change; writes nothing')
    .option('--restart', 'begins anew, also where the last run could go on')
    .option('--no-wait', 'leaves it to the server to tell Braze, and does not wait for that')
    .option('--allow-mass-clear', 'clears also more than 20 % of the known friends')
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      settingsHelp(
        [...channelSettings('line'), ...LINE_API_SETTINGS, ...BRAZE_SETTINGS, ...TASK_SETTINGS],
        OPTIONAL_FOR_LINE,
      ),
    )
    .action((options) => runBackfill(options, host))
}

async function runBackfill(options: BackfillOptions, host: Host) {
  const progress: Progress = { channels: [], leftBefore: 0 }
  const work = (task: Task) => perform(options, task, progress)
  await runTask(host, options, work, (end) => reportOf(end, progress, options))
}

/** What each channel is done with. */
interface Means {
  readonly options: BackfillOptions
  readonly task: Task
  readonly settings: LineApiSettings
  readonly ledger: Ledger
  readonly log: Log
  /** Undefined where it is left to the server to tell Braze. */
  readonly delivery: Awaited<ReturnType<typeof startRunDelivery>> | undefined
}

async function perform(options: BackfillOptions, task: Task, progress: Progress) {
  const { dryRun = false } = options
  const delivers = options.wait && !dryRun
  const names = [...LINE_API_SETTINGS, ...TASK_SETTINGS, ...(delivers ? BRAZE_SETTINGS : [])]
  const { settings, channels, allChannels } = configFor(task.host, names, 'line', options)
  const { ledger, log } = await openTaskLedger(task, settings, { isScratch: dryRun })
  if (!dryRun) await lockRuns(ledger)
  progress.channels = channels.map(({ name }) => newProgress(name))
  // Before anybody delivers: what earlier runs left is waited for, too.
  progress.leftBefore = await leftBefore(ledger, progress, options)
  const delivery = delivers
    ? await startRunDelivery({
        task,
        settings: settings as BrazeSettings,
        channels: allChannels,
        ledger,
        log,
      })
    : undefined
  task.display.show(createBars(() => barsOf(progress, delivers), { title: () => titleAtWork(progress) }))
  const means = { options, task, settings, ledger, log, delivery }
  const failures = await eachOf(channels, progress, means)
  // Where nothing was brought in there is nothing to wait for.
  if (delivery && failures.length < channels.length)
    await delivery.finish().catch((error) => failures.push(error))
  failWith(failures)
}

async function leftBefore(
  ledger: Ledger,
  { channels }: Progress,
  { restart }: BackfillOptions,
): Promise<number> {
  let left = (await ledger.outstanding(0)).earlier
  for (const { channel } of restart ? [] : channels) {
    const open = await ledger.openRun(channel)
    if (open) left -= (await ledger.outstanding(open.id)).pending
  }
  return left
}

/** One after the other. What is wrong with one keeps none of the others from being done: it is returned, and thrown in the end. */
async function eachOf(
  channels: readonly ChannelSettings[],
  progress: Progress,
  means: Means,
): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const [place, channel] of channels.entries()) {
    const part = progress.channels[place] as ChannelProgress
    part.state = 'works'
    const prefix = channels.length > 1 ? `${channel.name}: ` : ''
    try {
      await backfillOne(channel, part, means, prefix)
      part.state = 'listed'
    } catch (cause) {
      means.task.signal.throwIfAborted()
      part.state = 'failed'
      part.failure = (cause as Error).message
      failures.push(prefix ? new Error(prefix + part.failure, { cause }) : cause)
    }
  }
  return failures
}

async function backfillOne(channel: ChannelSettings, part: ChannelProgress, means: Means, prefix: string) {
  const { options, task, settings, ledger, log, delivery } = means
  const { dryRun = false, restart = false, allowMassClear = false } = options
  const { display, signal, closing, host } = task
  const line = createLineApi(channel, settings, log, host.sleep)
  closing(line.close)
  estimateTotal(line, ledger, { channel: channel.name, signal }).then((total) => {
    part.total = total
  })
  /** Where a running server delivers meanwhile, that counts, too. */
  async function look() {
    if (!delivery) part.outstanding = await ledger.outstanding(part.run?.id ?? 0)
  }
  part.run = await backfill({
    ledger,
    line,
    channel: channel.name,
    restart: restart || dryRun,
    // A copy may be cleared as far as it likes; the summary says what would stop a run.
    allowMassClear: allowMassClear || dryRun,
    observer: {
      note: (sentence) => display.say(prefix + sentence),
      progress(run) {
        part.run = run
        if (run) delivery?.follow(run, part)
      },
    },
    signal,
  }).catch(async (error) => {
    // What is wrong with the ledger is said already.
    await look().catch(() => {})
    throw explain(error, dryRun ? null : part.run)
  })
  delivery?.follow(part.run, part)
  await look()
}
