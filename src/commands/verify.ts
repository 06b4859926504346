import { Command, InvalidArgumentError } from 'commander'
import { type ChannelSettings, channelSettings } from '../config/channels.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { CHANNEL_OPTION, type ChannelChoice, configFor } from '../process/channels.ts'
import { BRAZE_SETTINGS, createBraze } from '../process/delivery.ts'
import { settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { startResending } from '../process/run-delivery.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { createBars } from '../terminal/bars.ts'
import { duration, many } from '../terminal/numbers.ts'
import {
  barsOf,
  type ChannelProgress,
  comparisonOf,
  differing,
  newProgress,
  type Progress,
  reportOf,
} from '../terminal/verify-result.ts'
import { createAsk } from '../verify/ask.ts'
import { type Comparison, type Found, verify } from '../verify/verify.ts'

interface VerifyOptions extends ChannelChoice {
  readonly sample?: number
  readonly fix?: boolean
  readonly json?: boolean
}

const SETTINGS = [...BRAZE_SETTINGS, ...TASK_SETTINGS] as const
/** A pause of Braze's that is longer is worth a sentence. */
const LONG_PAUSE_MS = 2_000

export function verifyCommand(host: Host): Command {
  return new Command('verify')
    .description('compares the ledger with what Braze holds (the key needs users.export.ids)')
    .option(...CHANNEL_OPTION)
    .option(
      '--sample <number>',
      'compares so many profiles of each channel, taken at random, instead of all',
      readSample,
    )
    .option('--fix', 'tells Braze again of those that differ')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', settingsHelp([...channelSettings('braze'), ...SETTINGS]))
    .action((options) => runVerify(options, host))
}

function readSample(text: string): number {
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 on.')
  return Number(text)
}

async function runVerify(options: VerifyOptions, host: Host) {
  const progress: Progress = { channels: [] }
  const work = (task: Task) => perform(options, task, progress)
  await runTask(host, options, work, (end) => reportOf(end, progress, options.fix === true))
}

async function perform(options: VerifyOptions, task: Task, progress: Progress) {
  const { sample = Infinity, fix = false } = options
  const { settings, channels, allChannels } = configFor(task.host, SETTINGS, 'braze', options)
  const { display, signal } = task
  const { ledger, log } = await openTaskLedger(task, settings, { mustExist: true })
  const fixer = fix
    ? await startResending('verify', { task, settings, channels: allChannels, ledger, log })
    : undefined
  const braze = createBraze(settings, allChannels)
  task.closing(braze.close)
  const totals = await totalsOf(ledger, channels)
  progress.channels = channels.map(({ name }) => ({
    ...newProgress(name),
    wanted: Math.min(sample, totals.get(name) ?? 0),
  }))
  display.show(createBars(() => barsOf(progress, fix)))

  const ask = createAsk({
    braze,
    signal,
    sleep: task.host.sleep,
    onPause(reason, ms) {
      if (ms >= LONG_PAUSE_MS) display.say(`${reason}: waiting for ${duration(ms / 1000)}.`)
    },
  })
  for (const part of progress.channels) {
    await verify({
      ledger,
      ask,
      channel: part.channel,
      total: totals.get(part.channel) ?? 0,
      sample: part.wanted,
      createProfiles: settings.BRAZE_CREATE_PROFILES !== 'false',
      comparison: part.comparison,
      onDiffering: (found) => fixer && mend(found, { ledger, fixer, part }),
    })
  }
  await fixer?.finish()
  assertAgreement(comparisonOf(progress), fix)
}

function assertAgreement(comparison: Comparison, isFixed: boolean) {
  if (comparison.checked === 0 && comparison.waiting > 0)
    throw new Error(
      'Nobody could be compared: something about everybody is on its way to Braze. Try again later.',
    )
  const differ = differing(comparison)
  if (differ > 0 && !isFixed)
    throw new Error(
      `${many(differ, 'profile')} ${differ === 1 ? 'differs' : 'differ'}; verify --fix tells Braze of just those again.`,
    )
}

interface Mending {
  readonly ledger: Ledger
  readonly fixer: Awaited<ReturnType<typeof startResending>>
  readonly part: ChannelProgress
}

/** Braze drops what it is told again of a customer whom it does not know: the alias profile is where the person belongs then. */
async function mend(found: readonly Found[], { ledger, fixer, part }: Mending) {
  const isLost = ({ difference, isCustomer }: Found) => isCustomer && difference === 'unknown'
  const idsOf = (some: readonly Found[]) => some.map(({ id }) => id)
  const [lost, others] = [found.filter(isLost), found.filter((each) => !isLost(each))]
  if (lost.length > 0) await ledger.recheck(idsOf(lost))
  if (others.length > 0) await fixer.resend(part.channel, idsOf(others), part)
  part.rechecked += lost.length
}

/** How many profiles each channel has. */
async function totalsOf(
  ledger: Ledger,
  channels: readonly ChannelSettings[],
): Promise<ReadonlyMap<string, number>> {
  const totals = new Map<string, number>()
  for (const { name } of channels) {
    let total = 0
    for await (const page of ledger.profiles(name)) total += page.length
    totals.set(name, total)
  }
  return totals
}
