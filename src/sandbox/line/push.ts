import { createHash } from 'node:crypto'
import { type Reply, refusal } from '../answers.ts'
import { between, hex, type Random } from '../random.ts'
import type { Arrival } from '../service.ts'
import { faulty, notJson, refuseMessages } from './messages.ts'
import { type Fault, isFields } from './shape.ts'

interface Parts {
  random: Random
  clock: () => number
  /** Whether somebody can be written to now. */
  reaches: (userId: string) => boolean
  onPush: (push: Push) => void
}

/** A push that was accepted. Nothing is kept of what it said. */
export interface Push {
  /** In epoch milliseconds. */
  at: number
  to: string
  /** Whether that person got it: LINE says 200 of those who have blocked, too. */
  received: boolean
  /** How many messages it had. */
  messages: number
  /** LINE's id of the request. */
  requestId: string
  retryKey: string | null
  /** SHA-256 of the body, so that two can be told apart. */
  hash: string
  /** Bearer token that it came with, hashed the same way. */
  tokenHash: string
}

interface Accepted {
  at: number
  requestId: string
  sentMessages: object[]
}

/** In bytes. [REF] */
const maxBody = 2 * 1024 * 1024
/** How long a retry key is remembered. [RETRY] */
const retryKeyMs = 24 * 60 * 60 * 1000
/** Names of aggregation units in a month; later ones are dropped without a word. [REF] */
const maxUnits = 1000
const maxPushes = 100_000
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const versionedUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i
/** What can be quoted. [REF] */
const quotable = ['text', 'sticker', 'image', 'video', 'template', 'flex', 'imagemap']

const hashed = (text: string) => createHash('sha256').update(text).digest('hex')

/** Pushes of one channel, its month's quota, and who got what. [REF] Send push message */
export function createPushes({ random, clock, reaches, onPush }: Parts) {
  const pushes: Push[] = []
  const received = new Map<string, number>()
  const accepted = new Map<string, Accepted>()
  const units = new Map<string, number>()
  const strangers = new Set<string>()
  let limit: number | null = null
  let used = 0
  let retryKeyPattern = uuid

  const controls = {
    /** Most messages of a month; null: no end. */
    setQuota(messages: number | null) {
      limit = messages
    },
    /** Messages that the month has seen already; 0 begins another month. */
    setQuotaUsed(messages: number) {
      used = messages
      if (messages === 0) units.clear()
    },
    /** From now on a retry key must say which version of UUID it is. LINE does not document whether it looks. */
    demandUuidVersions(on: boolean) {
      retryKeyPattern = on ? versionedUuid : uuid
    },
    /** The user id belongs to another provider: LINE knows nobody by it, and says so. */
    addStranger: (userId: string) => void strangers.add(userId),
    /** Pushes that were accepted, the newest 100,000 of them, oldest first. */
    pushes: pushes as readonly Push[],
    /** How many pushes each person got; who got none is not in it. */
    received: received as ReadonlyMap<string, number>,
    /** How many pushes each aggregation unit counts. */
    units: units as ReadonlyMap<string, number>,
  }

  function read(arrival: Arrival): { to: string; messages: unknown[]; unit: string | null } | Reply {
    if (!arrival.contentType.startsWith('application/json'))
      return refusal(415, `The content type, ${arrival.contentType}, is not supported`)
    if (arrival.body === null || Buffer.byteLength(arrival.body) > maxBody)
      return refusal(413, 'The request is larger than 2MB')
    const body = parse(arrival.body)
    if (!isFields(body)) return notJson
    const faults = [...toFaults(body.to), ...flagFaults(body.notificationDisabled), ...unitFaults(body)]
    if (faults.length > 0) return faulty(faults)
    const wrong = refuseMessages(body.messages)
    if (wrong !== null) return wrong
    const to = body.to as string
    if (!/^[UCR][0-9a-f]{32}$/.test(to) || strangers.has(to))
      return refusal(400, "The property, 'to', in the request body is invalid (line: -, column: -)")
    const [unit = null] = (body.customAggregationUnits ?? []) as string[]
    return { to, messages: body.messages as unknown[], unit }
  }

  /** Answers `POST /v2/bot/message/push`. */
  function push(arrival: Arrival, requestId: string): Reply {
    const retryKey = arrival.headers['x-line-retry-key']
    const key = typeof retryKey === 'string' ? retryKey.toLowerCase() : null
    if (key !== null && !retryKeyPattern.test(key))
      return refusal(400, "The value for the 'X-Line-Retry-Key' header is invalid")
    const asked = read(arrival)
    if ('status' in asked) return asked
    const before = key === null ? undefined : accepted.get(key)
    if (before !== undefined && before.at + retryKeyMs > clock()) return again(before)
    if (limit !== null && used >= limit) return refusal(429, 'You have reached your monthly limit.')
    const sentMessages = asked.messages.map((message) => sent(message))
    if (key !== null) accepted.set(key, { at: clock(), requestId, sentMessages })
    take(asked, { requestId, retryKey: key, hash: hashed(arrival.body ?? ''), token: arrival.authorization })
    return { status: 200, body: { sentMessages } }
  }

  function take(
    { to, messages, unit }: { to: string; messages: unknown[]; unit: string | null },
    { token, ...ids }: { requestId: string; retryKey: string | null; hash: string; token: string },
  ) {
    const isReceived = reaches(to)
    if (isReceived) {
      used++
      received.set(to, (received.get(to) ?? 0) + 1)
      if (unit !== null && (units.has(unit) || units.size < maxUnits))
        units.set(unit, (units.get(unit) ?? 0) + 1)
    }
    const tokenHash = hashed(token.slice('Bearer '.length))
    const push = { at: clock(), to, received: isReceived, messages: messages.length, ...ids, tokenHash }
    if (pushes.push(push) > maxPushes) pushes.shift()
    onPush(push)
  }

  function sent(message: unknown) {
    const id =
      String(between(random, 1, 9)) + Array.from({ length: 17 }, () => between(random, 0, 9)).join('')
    const { type } = message as { type: string }
    return quotable.includes(type) ? { id, quoteToken: hex(random, 64) } : { id }
  }

  return {
    controls,
    push,
    /** Answers `GET /v2/bot/message/quota`. */
    answerQuota: (): Reply => ({
      status: 200,
      body: limit === null ? { type: 'none' } : { type: 'limited', value: limit },
    }),
    /** Answers `GET /v2/bot/message/quota/consumption`. */
    answerConsumption: (): Reply => ({ status: 200, body: { totalUsage: used } }),
  }
}

/** The answer to a retry of what was accepted. [RETRY] */
const again = ({ requestId, sentMessages }: Accepted): Reply => ({
  status: 409,
  headers: { 'x-line-accepted-request-id': requestId },
  body: { message: 'The retry key is already accepted', sentMessages },
})

const toFaults = (to: unknown): Fault[] =>
  typeof to === 'string' && to !== '' ? [] : [{ message: 'May not be empty', property: 'to' }]

const flagFaults = (flag: unknown): Fault[] =>
  flag === undefined || typeof flag === 'boolean'
    ? []
    : [{ message: 'Must be a boolean', property: 'notificationDisabled' }]

/** At most one unit. */
function unitFaults({ customAggregationUnits: units }: Record<string, unknown>): Fault[] {
  const property = 'customAggregationUnits'
  if (units === undefined) return []
  if (!Array.isArray(units) || units.length > 1)
    return [{ message: 'Size must be between 0 and 1', property }]
  const isName = (unit: unknown) => typeof unit === 'string' && /^\w{1,30}$/.test(unit)
  return units.every(isName)
    ? []
    : [{ message: 'Must match ^[a-zA-Z0-9_]{1,30}$', property: `${property}[0]` }]
}

export function parse(body: string | null): unknown {
  try {
    return JSON.parse(body ?? '')
  } catch {
    return undefined
  }
}
