import { Command, InvalidArgumentError } from 'commander'
import type { Ledger } from '../ledger/ledger.ts'
import { BRAZE_SETTINGS, createBraze } from '../process/delivery.ts'
import { CHANNEL, settingsFor, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { startResending } from '../process/run-delivery.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { createBars } from '../terminal/bars.ts'
import { duration, many } from '../terminal/numbers.ts'
import { barsOf, differing, type Progress, reportOf } from '../terminal/verify-result.ts'
import { createAsk } from '../verify/ask.ts'
import { type Comparison, newComparison, verify } from '../verify/verify.ts'

interface VerifyOptions {
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
    .option('--sample <number>', 'compares so many contacts, taken at random, instead of all', readSample)
    .option('--fix', 'tells Braze again of those that differ')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', settingsHelp(SETTINGS))
    .action((options) => runVerify(options, host))
}

function readSample(text: string): number {
  if (!/^[1-9]\d{0,11}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 on.')
  return Number(text)
}

async function runVerify(options: VerifyOptions, host: Host) {
  const progress: Progress = { wanted: 0, comparison: newComparison(), resent: 0, outstanding: null }
  const work = (task: Task) => perform(options, task, progress)
  await runTask(host, options, work, (end) => reportOf(end, progress, options.fix === true))
}

async function perform({ sample = Infinity, fix = false }: VerifyOptions, task: Task, progress: Progress) {
  const settings = settingsFor(task.host, SETTINGS)
  const { display, signal } = task
  const { ledger, log } = await openTaskLedger(task, settings, { mustExist: true })
  const fixer = fix ? await startResending('verify', { task, settings, ledger, log, progress }) : undefined
  const braze = createBraze(settings)
  task.closing(braze.close)
  const total = await countContacts(ledger)
  progress.wanted = Math.min(sample, total)
  display.show(createBars(() => barsOf(progress, fix)))

  const ask = createAsk({
    braze,
    signal,
    sleep: task.host.sleep,
    onPause(reason, ms) {
      if (ms >= LONG_PAUSE_MS) display.say(`${reason}: waiting for ${duration(ms / 1000)}.`)
    },
  })
  await verify({
    ledger,
    ask,
    channel: CHANNEL,
    total,
    sample: progress.wanted,
    createProfiles: settings.BRAZE_CREATE_PROFILES,
    comparison: progress.comparison,
    onDiffering: (ids) => fixer?.resend(ids),
  })
  await fixer?.finish()
  assertAgreement(progress.comparison, fix)
}

function assertAgreement(comparison: Comparison, isFixed: boolean) {
  if (comparison.checked === 0 && comparison.waiting > 0)
    throw new Error(
      'Nobody could be compared: something about everybody is on its way to Braze. Try again later.',
    )
  const differ = differing(comparison)
  if (differ > 0 && !isFixed)
    throw new Error(
      `${many(differ, 'contact')} ${differ === 1 ? 'differs' : 'differ'}; verify --fix tells Braze of just those again.`,
    )
}

async function countContacts(ledger: Ledger): Promise<number> {
  const counts = (await ledger.counts()).find(({ channel }) => channel === CHANNEL)
  return counts ? counts.friend + counts.messager + counts.gone : 0
}
