import { type ContactKey, type Evidence, friend, gone, messaged } from '../contact/contact.ts'
import { fieldsOf, isObject, parseJson } from '../wire/answer.ts'
import { type AccountLink, readAccountLink } from './account-link.ts'
import { isMoment } from './epoch.ts'
import { type EventType, typeOf } from './event-types.ts'
import { DUMMY_USER, isUserId } from './user-id.ts'

/** What a webhook body says. */
export interface WebhookReading {
  /** In the order of the events; events that say nothing about reachability leave none. */
  readonly evidence: Evidence[]
  /** Who has come through LINE's account link, in the order of the events. */
  readonly accountLinks: AccountLink[]
  /** For each event its type: a known one, `other`, or `invalid` for one that makes no sense and was skipped. */
  readonly types: EventType[]
  /** The bot's user id: the account that the webhook is for. Undefined where it names none. */
  readonly destination: string | undefined
}

/** The three events that say something about reachability, and what they say. */
const EVIDENCE: ReadonlyMap<unknown, (key: ContactKey, at: number) => Evidence> = new Map([
  ['follow', friend],
  ['message', messaged],
  ['unfollow', gone],
])

/** A signed body that is not what LINE sends; the message says how. */
export class MalformedWebhook extends Error {
  override name = 'MalformedWebhook'
}

/**
 * Reads a webhook body that LINE has signed. Tolerant of everything that LINE may add, leave out or reorder: an
 * event that makes no sense is typed `invalid` and skipped, and spoils none of the others.
 *
 * LINE's timestamps are believed, also where they are ahead of our clock: LINE has signed them, and our clock may be
 * the one that is wrong.
 *
 * @throws MalformedWebhook when the bytes are not JSON, or hold no list `events`
 */
export function readWebhook(body: Uint8Array, channel: string): WebhookReading {
  const { events, destination } = parseBody(body)
  const found: Found = { evidence: [], accountLinks: [] }
  const types: EventType[] = []
  for (const event of events) types.push(readEvent(event, channel, found))
  return { ...found, types, destination: isUserId(destination) ? destination : undefined }
}

function parseBody(body: Uint8Array): { events: unknown[]; destination: unknown } {
  // A broken character can only be part of a text that is not read here, so it is replaced and not refused.
  const parsed = parseJson(decoder.decode(body))
  if (parsed === undefined) throw new MalformedWebhook('The body is not JSON.')
  const { events, destination } = fieldsOf(parsed)
  if (!Array.isArray(events)) throw new MalformedWebhook('The body has no list "events".')
  return { events, destination }
}

const decoder = new TextDecoder()

type Found = Pick<WebhookReading, 'evidence' | 'accountLinks'>

function readEvent(event: unknown, channel: string, { evidence, accountLinks }: Found): EventType {
  if (!isObject(event) || typeof event.type !== 'string' || event.type === '') return 'invalid'
  const type = typeOf(event.type)
  const observe = EVIDENCE.get(type)
  if (!observe) {
    const link = type === 'accountLink' ? readAccountLink(event, channel) : null
    if (link === 'invalid') return 'invalid'
    if (link) accountLinks.push(link)
    return type
  }

  const { source } = event
  if (!isObject(source) || typeof source.type !== 'string') return 'invalid'
  // Members of groups and rooms need not be friends; users who never gave consent have no id.
  if (source.type !== 'user' || source.userId === undefined || source.userId === DUMMY_USER) return type

  if (!isMoment(event.timestamp) || !isUserId(source.userId)) return 'invalid'
  evidence.push(observe({ channel, userId: source.userId }, Math.floor(event.timestamp)))
  return type
}
