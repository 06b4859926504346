import { between, hex, pick, type Random } from '../random.ts'

/** Where an event comes from; `userId` is absent for people who never gave consent. [REF] */
interface LineSource {
  type: 'user' | 'group' | 'room'
  userId?: string
  [room: string]: unknown
}

/** A webhook event. [REF] `timestamp` is in epoch milliseconds, `webhookEventId` is a ULID. */
export interface LineEvent {
  type: string
  mode: 'active' | 'standby'
  timestamp: number
  source?: LineSource
  webhookEventId: string
  deliveryContext: { isRedelivery: boolean }
  [more: string]: unknown
}

/** Fields that go over the builder's own; wrong ones too, which is what tests need. */
type More = Record<string, unknown>

/** The dummy of old console checks, to be ignored. */
export const dummyUser = 'Udeadbeefdeadbeefdeadbeefdeadbeef'
/** Types of events that can be replied to, among those that say something. */
const repliable = ['follow', 'message', 'accountLink']
const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** Texts whose serialisation differs between LINE and JSON.stringify, see line-json.ts. */
const texts = ['こんにちは 🎉', 'a < b && c > d', "it's 100% = all", 'ok "quoted" \\ / \n', '안녕하세요 <3']

/** Builds events as LINE does. Timestamps default to now; `random` is the source of all ids. */
export function createEvents(random: Random) {
  const digits = (count: number) => Array.from({ length: count }, () => between(random, 0, 9)).join('')

  function ulid(timestamp: number): string {
    let text = ''
    for (let rest = timestamp; text.length < 10; rest = Math.floor(rest / 32))
      text = crockford[rest % 32] + text
    while (text.length < 26) text += pick(random, [...crockford])
    return text
  }

  function event(type: string, source: LineSource | undefined, timestamp: number, more: More): LineEvent {
    // Standby channels get no replyToken, and nobody can be replied to without a source. [REF]
    const isRepliable = repliable.includes(type) && source !== undefined && more.mode !== 'standby'
    return {
      type,
      ...(source && { source }),
      timestamp,
      mode: 'active',
      webhookEventId: ulid(timestamp),
      deliveryContext: { isRedelivery: false },
      ...(isRepliable && { replyToken: hex(random, 32) }),
      ...more,
    }
  }

  const text = () => ({ id: digits(18), type: 'text', text: pick(random, texts) })
  const sources = {
    user: (userId: string): LineSource => ({ type: 'user', userId }),
    group: (userId: string): LineSource => ({ type: 'group', groupId: `C${hex(random, 32)}`, userId }),
    room: (userId: string): LineSource => ({ type: 'room', roomId: `R${hex(random, 32)}`, userId }),
    nobody: () => undefined,
  }
  const { user } = sources

  return {
    /** A user id that is nobody's. */
    user: (): string => `U${hex(random, 32)}`,
    follow: (userId: string, at = Date.now(), more: More = {}) =>
      event('follow', user(userId), at, { follow: { isUnblocked: false }, ...more }),
    unfollow: (userId: string, at = Date.now(), more: More = {}) => event('unfollow', user(userId), at, more),
    /** A 1:1 message. */
    message: (userId: string, at = Date.now(), more: More = {}) =>
      event('message', user(userId), at, { message: text(), ...more }),
    /** A person has linked their accounts; the nonce says which. */
    accountLink: (userId: string, nonce: string, at = Date.now(), more: More = {}) =>
      event('accountLink', user(userId), at, { link: { result: 'ok', nonce }, ...more }),
    /** They could not, as when somebody else opens their link. */
    accountLinkFailed: (nonce: string, at = Date.now(), more: More = {}) =>
      event('accountLink', undefined, at, { link: { result: 'failed', nonce }, ...more }),
    /** An event that says nothing about whether anyone can be reached. */
    noise(kind: NoiseKind, userId: string, at = Date.now()): LineEvent {
      const { type = kind, from = 'user', ...own }: Noise = kinds[kind](userId, digits(18))
      return event(type, sources[from](userId), at, own)
    },
  }
}

/** The same event as LINE sends it again: same `webhookEventId` and `timestamp`. [RECV] */
export function asRedelivery(event: LineEvent): LineEvent {
  return { ...event, deliveryContext: { isRedelivery: true } }
}

/** What is special about one kind of noise: the event's type where it is not the kind's name, its source, its own fields. */
interface Noise {
  type?: string
  from?: 'user' | 'group' | 'room' | 'nobody'
  [field: string]: unknown
}

const message = (id: string) => ({ type: 'message', message: { id, type: 'text', text: '?' } })
const members = (userId: string) => ({ members: [{ type: 'user', userId }] })
const kinds = {
  groupMessage: (_, id) => ({ from: 'group', ...message(id) }),
  roomMessage: (_, id) => ({ from: 'room', ...message(id) }),
  messageWithoutConsent: (_, id) => ({ ...message(id), source: { type: 'user' } }),
  messageEdited: (_, id) => ({ message: { id, type: 'text', text: 'edited' } }),
  unsend: (_, messageId) => ({ unsend: { messageId } }),
  postback: () => ({ postback: { data: 'action=buy&item=1', params: { date: '2026-08-01' } } }),
  join: () => ({ from: 'group' }),
  leave: () => ({ from: 'group' }),
  memberJoined: (userId) => ({ from: 'group', joined: members(userId) }),
  memberLeft: (userId) => ({ from: 'group', left: members(userId) }),
  videoPlayComplete: () => ({ videoPlayComplete: { trackingId: 'track-1' } }),
  beacon: () => ({ beacon: { hwid: 'd41d8cd98f', type: 'enter' } }),
  accountLink: (_, nonce) => ({ link: { result: 'ok', nonce } }),
  accountLinkFailed: (_, nonce) => ({
    type: 'accountLink',
    from: 'nobody',
    link: { result: 'failed', nonce },
  }),
  membership: () => ({ membership: { type: 'joined', membershipId: 3189 } }),
  delivery: () => ({ from: 'nobody', delivery: { data: '15034552939884E28681A7D668CEA94C147C716C' } }),
  module: () => ({ from: 'nobody', module: { type: 'attached', botId: 'U0', scopes: ['message:send'] } }),
  activated: () => ({ chatControl: { expireAt: 1_800_000_000_000 } }),
  deactivated: () => ({}),
  botSuspended: () => ({ from: 'nobody' }),
  botResumed: () => ({ from: 'nobody' }),
  unknownType: (userId) => ({ type: 'somethingNew', somethingNew: { userId, deep: [[[{}]]] } }),
  dummyFollow: () => ({ type: 'follow', source: { type: 'user', userId: dummyUser } }),
} satisfies Record<string, (userId: string, id: string) => Noise>

/** Every event type that says nothing, and follows and messages of nobody. */
export type NoiseKind = keyof typeof kinds
export const noiseKinds = Object.keys(kinds) as readonly NoiseKind[]
