/** Event types that LINE documents. Source: developers.line.biz/en/reference/messaging-api/#webhook-event-objects */
const KNOWN_TYPES = [
  'follow',
  'unfollow',
  'message',
  'unsend',
  'postback',
  'join',
  'leave',
  'memberJoined',
  'memberLeft',
  'messageEdited',
  'videoPlayComplete',
  'beacon',
  'accountLink',
  'membership',
  'delivery',
  'module',
  'activated',
  'deactivated',
  'botSuspended',
  'botResumed',
] as const

export const EVENT_TYPES = [...KNOWN_TYPES, 'other', 'invalid'] as const
export type EventType = (typeof EVENT_TYPES)[number]

const KNOWN: ReadonlySet<string> = new Set(KNOWN_TYPES)

export const typeOf = (name: string): EventType => (KNOWN.has(name) ? (name as EventType) : 'other')
