import { type ChannelChoice, configFor } from '../process/channels.ts'
import { createLog } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { createMessagingApi, LINE_API_SETTINGS, pushUrl } from '../process/line-api.ts'
import { runTask, type Task } from '../process/task.ts'
import { many } from '../terminal/numbers.ts'
import { type CheckOutcome, newCheck, reportOfCheck } from '../terminal/template-check-result.ts'
import { readTemplateFile } from './template-file.ts'

interface CheckOptions extends ChannelChoice {
  readonly value?: ReadonlyMap<string, string>
  readonly json?: boolean
}

export async function runCheck(file: string, options: CheckOptions, host: Host) {
  const outcome = newCheck()
  const work = (task: Task) => perform(file, options, task, outcome)
  await runTask(host, options, work, (end) => reportOfCheck(end, outcome))
}

async function perform(file: string, options: CheckOptions, task: Task, outcome: CheckOutcome) {
  const { host, display, closing, signal } = task
  const { value: values = new Map() } = options
  const names = [...LINE_API_SETTINGS, 'LOG_LEVEL'] as const
  const { settings, channels } = configFor(host, names, 'line', options, { needsToken: false })
  const template = await readTemplateFile(file, task)
  const checked = await template.check({ channels, url: pushUrl(settings), values, signal })
  outcome.problems = checked.problems.map(template.placed)
  outcome.warnings = checked.warnings.map(template.placed)
  outcome.values = new Map(checked.names.map((name) => [name, values.get(name) ?? null]))

  const [first, ...others] = channels
  const channel =
    channels.find(({ name }) => name === checked.channel) ?? (others.length === 0 ? first : undefined)
  const log = createLog(settings.LOG_LEVEL, display, host)
  closing(() => log.flush())
  const line = channel && createMessagingApi(channel, settings, log, host.sleep)
  if (line) closing(line.close)
  if (line && checked.request) {
    outcome.line = 'no answer'
    const judgement = await line.validate(checked.request.messages, signal)
    outcome.line = judgement.isValid ? 'valid' : 'invalid'
    if (!judgement.isValid)
      outcome.problems.push(...judgement.faults.map((fault) => ({ ...fault, isOfLine: true })))
  }
  const { length } = outcome.problems
  if (length > 0) throw new Error(`${many(length, 'problem')}: not everybody would get the message.`)
}
