import { randomUUID } from 'node:crypto'
import { holderOf } from '../contact/link.ts'
import { type Ledger, LedgerError } from '../ledger/ledger.ts'
import { type ChannelChoice, configFor } from '../process/channels.ts'
import { confirm } from '../process/confirm.ts'
import { createLog, type Log } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { createMessagingApi, LINE_API_SETTINGS, pushUrl } from '../process/line-api.ts'
import { UsageError } from '../process/run.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import {
  explainPush,
  newSend,
  questionOf,
  reportOfSend,
  type SendOutcome,
  whyNot,
} from '../terminal/template-send-result.ts'
import { readTemplateFile } from './template-file.ts'

interface SendOptions extends ChannelChoice {
  readonly to?: string
  readonly externalId?: string
  readonly value?: ReadonlyMap<string, string>
  readonly yes?: boolean
  readonly json?: boolean
}

/** One person: LINE's ids of groups and rooms, where many would read it, begin with C and R. */
const ONE_PERSON = /^U[0-9a-f]{32}$/

export async function runSend(file: string, options: SendOptions, host: Host) {
  const { to, externalId } = options
  if ((to === undefined) === (externalId === undefined))
    throw new UsageError('Say with --to or with --external-id to which one person it is to be sent.')
  if (to !== undefined && !ONE_PERSON.test(to))
    throw new UsageError('--to must be the LINE user id of one person: U and 32 of 0 to 9 and a to f.')
  const outcome = newSend()
  const work = (task: Task) => perform(file, options, task, outcome)
  await runTask(host, options, work, (end) => reportOfSend(end, outcome))
}

async function perform(file: string, options: SendOptions, task: Task, outcome: SendOutcome) {
  const { host, signal, closing } = task
  const { settings, channels } = configFor(host, [...LINE_API_SETTINGS, ...TASK_SETTINGS], 'line', options)
  const template = await readTemplateFile(file, task)
  const { value: given = new Map<string, string>() } = options
  const how = { channels, url: pushUrl(settings), values: given, signal }
  const { problems, channel: name } = await template.check(how)
  const channel = channels.find((each) => each.name === name)
  outcome.problems = problems.map(template.placed)
  if (problems.length > 0 || !channel)
    throw new Error('Nothing was sent: LINE would refuse the message, or Braze send it wrongly.')
  const { ledger, log } = await openKnown(settings, task)
  const { userId, status } = await recipientOf(options, channel.name, ledger)
  outcome.status = status

  const line = createMessagingApi(channel, settings, log, host.sleep)
  if (!line) throw new Error(`The channel ${channel.name} has no token.`)
  closing(line.close)
  outcome.quota = await line.quota(signal).catch(() => null)
  signal.throwIfAborted()
  if (!options.yes) await confirm(questionOf(outcome), task)

  // As Braze would render it for this person; a dispatch of its own, so that it is no repetition of the test before.
  const values = new Map([
    ...given,
    [`custom_attribute.${channel.attribute}`, userId],
    ['campaign.dispatch_id', randomUUID()],
  ])
  const { request, retryKey } = await template.check({ ...how, values })
  if (request?.to !== userId || retryKey === undefined)
    throw new Error('Nothing was sent: it is not for this person.')
  outcome.isTried = true
  outcome.answer = await line.push(request, retryKey, signal).catch((error) => {
    throw explainPush(error)
  })
  const why = whyNot(outcome)
  if (why) throw new Error(why)
}

type LedgerSettings = Parameters<typeof openTaskLedger>[1]

/** The ledger, if there is one: a message can be tested before. */
async function openKnown(
  settings: LedgerSettings,
  task: Task,
): Promise<{ ledger: Ledger | undefined; log: Log }> {
  try {
    return await openTaskLedger(task, settings, { mustExist: true })
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    task.display.say(error.message)
    return { ledger: undefined, log: createLog(settings.LOG_LEVEL, task.display, task.host) }
  }
}

interface Recipient {
  readonly userId: string
  /** `unknown` where the ledger has not heard of the person, null without a ledger. */
  readonly status: SendOutcome['status']
}

/** Of several contacts of a customer the one to whom Braze would send. */
async function recipientOf(
  { to, externalId }: SendOptions,
  channel: string,
  ledger: Ledger | undefined,
): Promise<Recipient> {
  if (to !== undefined) {
    const [contact] = (await ledger?.contacts(channel, { userId: to })) ?? []
    return { userId: to, status: contact?.status ?? (ledger ? 'unknown' : null) }
  }
  if (!ledger)
    throw new Error('Without a ledger nobody knows who that is on LINE; give the user id with --to.')
  const contacts = await ledger.contacts(channel, { externalId: externalId as string })
  const holder = holderOf(contacts.map((contact) => ({ ...contact, reachable: contact.status !== 'gone' })))
  const contact = holder ?? contacts[0]
  if (!contact || !ONE_PERSON.test(contact.userId))
    throw new Error(`Nothing was sent: on the channel ${channel} nobody is linked to this external id.`)
  return contact
}
