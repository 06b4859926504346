/**
 * What we know of one LINE user, as three moments in milliseconds since 1970 (0: no such evidence yet).
 *
 * Learning is taking the larger of each, so evidence may come twice, late and in any order: there is nothing
 * to deduplicate and nothing to sort.
 */
export interface Times {
  /** The newest moment at which the user followed, or LINE listed the user as a follower. */
  readonly friendAt: number
  /** The newest moment at which the user wrote to the account in a 1:1 chat. */
  readonly messagedAt: number
  /** The newest moment at which the user blocked the account, or was missing from a complete follower list. */
  readonly goneAt: number
}

/** Who a contact is: LINE hands out user ids per provider, so the channel belongs to the key. */
export interface ContactKey {
  readonly channel: string
  readonly userId: string
}

/** What one observation adds to one contact. */
export interface Evidence extends ContactKey, Times {}

/** `friend` and `messager` (wrote without following) can be sent messages; `gone` cannot. */
export type Status = 'friend' | 'messager' | 'gone'

/** The status words, in the order in which reports list them. */
export const STATUSES: readonly Status[] = ['friend', 'messager', 'gone']

const NOTHING: Times = { friendAt: 0, messagedAt: 0, goneAt: 0 }

/** The evidence that the user was a friend at `at`. */
export const friend = (key: ContactKey, at: number): Evidence => ({ ...key, ...NOTHING, friendAt: at })

/** The evidence that the user wrote in a 1:1 chat at `at`. */
export const messaged = (key: ContactKey, at: number): Evidence => ({ ...key, ...NOTHING, messagedAt: at })

/** The evidence that the user could not be reached at `at`. */
export const gone = (key: ContactKey, at: number): Evidence => ({ ...key, ...NOTHING, goneAt: at })

/** Everything that `a` and `b` say together. Commutative, associative and idempotent. */
export function merge(a: Times, b: Times): Times {
  return {
    friendAt: Math.max(a.friendAt, b.friendAt),
    messagedAt: Math.max(a.messagedAt, b.messagedAt),
    goneAt: Math.max(a.goneAt, b.goneAt),
  }
}

/** What a user's three times say. A tie counts as gone: never write to someone who may have blocked. */
export function statusOf({ friendAt, messagedAt, goneAt }: Times): Status {
  if (friendAt > goneAt) return 'friend'
  if (messagedAt > goneAt) return 'messager'
  return 'gone'
}

/** Whether Braze should hold the user's LINE id. */
export const isReachable = (times: Times): boolean => statusOf(times) !== 'gone'
