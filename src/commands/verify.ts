import { Command, InvalidArgumentError } from 'commander'
import type { ContactId, Ledger, Outstanding, Run } from '../ledger/ledger.ts'
import { deliverRun } from '../process/deliver-run.ts'
import { BRAZE_SETTINGS, createBraze } from '../process/delivery.ts'
import { CHANNEL, settingsFor, settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { lockRuns, openTaskLedger, runTask, startDelivery, type Task } from '../process/task.ts'
import { createBars } from '../terminal/bars.ts'
import { duration, many, number } from '../terminal/numbers.ts'
import { differing, type Progress, resultOf, tableOf } from '../terminal/verify-result.ts'
import { createAsk } from '../verify/ask.ts'
import { verify } from '../verify/verify.ts'

interface VerifyCliOptions {
  readonly sample?: number
  readonly fix?: boolean
  readonly json?: boolean
}

const SETTINGS = [...BRAZE_SETTINGS, 'DATABASE_URL', 'LOG_LEVEL'] as const
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

async function runVerify(options: VerifyCliOptions, host: Host) {
  const startedAt = performance.now()
  const comparison = { checked: 0, agree: 0, waiting: 0, unknown: 0, missing: 0, wrong: 0, stale: 0 }
  const progress: Progress = { wanted: 0, comparison, fixed: 0, outstanding: null }
  await runTask(
    host,
    (task) => perform(options, task, progress),
    (end) => {
      const result = resultOf(end, progress, options, (performance.now() - startedAt) / 1000)
      if (options.json) host.stdout.write(`${JSON.stringify(result)}\n`)
      else if (result.checked + result.waiting > 0 || end === 'done') host.stdout.write(tableOf(result))
      if (end === 'interrupted')
        host.stderr.write(`Interrupted after ${number(result.checked)} of ${number(progress.wanted)}.\n`)
    },
  )
}

async function perform(
  { sample = Number.POSITIVE_INFINITY, fix }: VerifyCliOptions,
  task: Task,
  progress: Progress,
) {
  const settings = settingsFor(task.host, SETTINGS)
  const { display, signal } = task
  const log = task.log(settings.LOG_LEVEL)
  const ledger = await openTaskLedger(task, settings.DATABASE_URL, { mustExist: true })
  const fixer = fix ? await createFixer(ledger) : undefined
  const deliverer = fix ? startDelivery(settings, { task, ledger, log }) : undefined
  const braze = createBraze(settings)
  task.closing(braze.close)
  const total = await countContacts(ledger)
  progress.wanted = Math.min(sample, total)
  display.show(createBars(() => barsOf(progress, fix === true)))

  const ask = createAsk({
    braze,
    attribute: settings.BRAZE_ATTRIBUTE,
    aliasLabel: settings.BRAZE_ALIAS_LABEL,
    signal,
    ...(task.host.sleep && { sleep: task.host.sleep }),
    onPause(reason, ms) {
      if (ms >= LONG_PAUSE_MS) display.say(`${reason}: waiting for ${duration(ms / 1000)}.`)
    },
  })
  progress.comparison = await verify({
    ledger,
    ask,
    channel: CHANNEL,
    total,
    sample: progress.wanted,
    createProfiles: settings.BRAZE_CREATE_PROFILES,
    async onProgress(comparison, ids) {
      progress.comparison = comparison
      if (!fixer || ids.length === 0) return
      progress.fixed += await fixer.resend(ids)
      progress.outstanding = await fixer.outstanding()
    },
  })
  const run = await fixer?.end()
  if (run && deliverer) {
    const onLook = (outstanding: Outstanding) => {
      progress.outstanding = outstanding
    }
    await deliverRun({ ledger, run: run.id, deliverer, onLook, note: display.say, signal })
  }
  const { checked, waiting } = progress.comparison
  if (checked === 0 && waiting > 0)
    throw new Error(
      'Nobody could be compared: something about everybody is on its way to Braze. Try again later.',
    )
  const differ = differing(progress.comparison)
  if (differ > 0 && !fix)
    throw new Error(
      `${many(differ, 'contact')} ${differ === 1 ? 'differs' : 'differ'}; verify --fix tells Braze of just those again.`,
    )
}

/** A run of its own for what is told again, once there is anything. */
async function createFixer(ledger: Ledger) {
  await lockRuns(ledger)
  let run: Run | undefined
  return {
    async resend(ids: readonly ContactId[]): Promise<number> {
      run ??= await ledger.beginRun('verify', CHANNEL)
      return ledger.resend(run.id, ids)
    },
    outstanding: async () => (run ? ledger.outstanding(run.id) : null),
    end: async () => run && ledger.endRun(run.id, 'complete'),
  }
}

async function countContacts(ledger: Ledger): Promise<number> {
  const counts = (await ledger.counts()).find(({ channel }) => channel === CHANNEL)
  return counts ? counts.friend + counts.messager + counts.gone : 0
}

function barsOf({ wanted, comparison, fixed, outstanding }: Progress, fix: boolean) {
  const open = outstanding ? outstanding.pending + outstanding.failed : fixed
  return [
    { name: 'compared', value: comparison.checked + comparison.waiting, total: wanted },
    ...(fix ? [{ name: 'delivered', value: Math.max(0, fixed - open), total: fixed }] : []),
  ]
}
