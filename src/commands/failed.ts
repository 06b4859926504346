import { Command } from 'commander'
import { channelSettings } from '../config/channels.ts'
import { createReasons, isFor, type Reasons, reasonOf } from '../desk/reasons.ts'
import type { Failure, Ledger } from '../ledger/ledger.ts'
import { CHANNEL_OPTION, type ChannelChoice, configFor } from '../process/channels.ts'
import { BRAZE_SETTINGS } from '../process/delivery.ts'
import { settingsHelp } from '../process/environment.ts'
import { writeOutput } from '../process/files.ts'
import type { Host } from '../process/host.ts'
import { startResending } from '../process/run-delivery.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { createBars } from '../terminal/bars.ts'
import {
  barsOfRetry,
  newRetry,
  type RetryProgress,
  reportOfRetry,
  textOfReasons,
} from '../terminal/failed-result.ts'

interface FailedOptions extends ChannelChoice {
  readonly reason?: string
  readonly json?: boolean
}

const REASON_OPTION = ['--reason <words>', 'only those in whose reason these words stand'] as const

const HELP = `
Ids and numbers are left out of reasons, so that those of several people are the same. It is read from the
database, also while no server runs.`

export const failedCommand = (host: Host): Command =>
  new Command('failed')
    .description('who was rejected by Braze, grouped by what it said')
    .option(...CHANNEL_OPTION)
    .option(...REASON_OPTION)
    .option('--json', 'print all of them as one JSON object')
    .addHelpText('after', `${HELP}\n${settingsHelp([...channelSettings('braze'), ...TASK_SETTINGS])}`)
    .action((options) => list(options, host))
    .addCommand(retryCommand(host))

const retryCommand = (host: Host) =>
  new Command('retry')
    .description('tells Braze of them again, also beside a running server')
    .option(...CHANNEL_OPTION)
    .option(...REASON_OPTION)
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', settingsHelp([...channelSettings('braze'), ...BRAZE_SETTINGS, ...TASK_SETTINGS]))
    // What stands before the word counts as well: else all would be told of again.
    .action((_options, command: Command) => retry({ ...command.parent?.opts(), ...command.opts() }, host))

async function list(options: FailedOptions, host: Host) {
  const reasons = createReasons()
  const work = (task: Task) => performList(options, task, reasons)
  // With --json it is printed as it is read: there may be many.
  await runTask(host, {}, work, (end) => ({
    result: {},
    text: options.json || end !== 'done' ? '' : textOfReasons(reasons, options.reason),
    interrupted: 'Interrupted; nothing was changed.',
  }))
}

async function performList(options: FailedOptions, task: Task, reasons: Reasons) {
  const { settings, channels } = configFor(task.host, TASK_SETTINGS, 'braze', options)
  const { ledger } = await openTaskLedger(task, settings, { isLook: true })
  // Without a choice, also those that only the database knows.
  const names = options.channel === undefined ? undefined : channels.map(({ name }) => name)
  const pages = wanted(ledger, names, options.reason, task.signal)
  if (options.json) return writeOutput(jsonOf(pages, reasons), undefined, task)
  for await (const page of pages) for (const failure of page) reasons.add(failure)
}

async function* wanted(
  ledger: Ledger,
  channels: readonly string[] | undefined,
  words: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Failure[]> {
  for await (const page of ledger.failures(channels)) {
    signal.throwIfAborted()
    yield words === undefined ? page : page.filter((failure) => isFor(failure, words))
  }
}

async function* jsonOf(pages: AsyncIterable<Failure[]>, reasons: Reasons): AsyncGenerator<string> {
  yield '{"contacts":['
  for await (const page of pages) {
    const texts = page.map((failure) => {
      const comma = reasons.total === 0 ? '' : ','
      reasons.add(failure)
      return comma + JSON.stringify(contactOf(failure))
    })
    yield texts.join('')
  }
  const counts = reasons.list().map(({ reason, count }) => ({ reason, count }))
  yield `],"reasons":${JSON.stringify(counts)}}\n`
}

const contactOf = (failure: Failure) => ({
  userId: failure.userId,
  channel: failure.channel,
  externalId: 'externalId' in failure.address ? failure.address.externalId : null,
  failure: failure.failure,
  reason: reasonOf(failure),
})

async function retry(options: FailedOptions, host: Host) {
  const parts: RetryProgress[] = []
  const work = (task: Task) => performRetry(options, task, parts)
  await runTask(host, options, work, (end) => reportOfRetry(end, parts))
}

async function performRetry({ reason, ...options }: FailedOptions, task: Task, parts: RetryProgress[]) {
  const names = [...BRAZE_SETTINGS, ...TASK_SETTINGS] as const
  const { settings, channels, allChannels } = configFor(task.host, names, 'braze', options)
  const { display, signal } = task
  const { ledger, log } = await openTaskLedger(task, settings, { mustExist: true })
  parts.push(...channels.map(({ name }) => newRetry(name)))
  for (const part of parts) {
    for await (const page of wanted(ledger, [part.channel], reason, signal)) part.wanted += page.length
  }
  if (parts.every((part) => part.wanted === 0)) return
  const { resend, finish } = await startResending('retry', {
    task,
    settings,
    channels: allChannels,
    ledger,
    log,
  })
  display.show(createBars(() => barsOfRetry(parts)))
  for (const part of parts) {
    for await (const page of wanted(ledger, [part.channel], reason, signal)) {
      if (page.length === 0) continue
      await resend(
        part.channel,
        page.map(({ id }) => id),
        part,
      )
    }
  }
  await finish()
}
