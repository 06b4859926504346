import type { DueContact } from '../ledger/ledger.ts'
import type { DeliveryMeans } from './means.ts'

/** What keeps one user back, and in what company the user may travel. */
interface Hold {
  /**
   * Whom the ledger named before this moment may not be sent; infinite while a request is under way and until what Braze
   * said is stored. So it does not matter how old an answer of the ledger is when it arrives.
   */
  until: number
  /** The largest batch to travel in, since one that was larger failed; infinite for everybody else. */
  size: number
  /** How often in a row Braze has failed over this user alone. */
  stumbles: number
  /** What a write of unknown fate said: until `settledAt` it may still be under way, and only the same may be sent. */
  reachable: boolean
  settledAt: number
}

type Batch = readonly DueContact[]

const ANY_SIZE = Number.POSITIVE_INFINITY
const UNDER_WAY = Number.POSITIVE_INFINITY

/**
 * Who may be sent when: one hold for each user, since two channels of one LINE user are one profile at Braze. A user
 * without a hold is free.
 */
export function createHolds({ settleMs, monotonic }: Pick<DeliveryMeans, 'settleMs' | 'monotonic'>) {
  const holds = new Map<string, Hold>()

  function holdOf({ userId, reachable }: DueContact): Hold {
    const known = holds.get(userId)
    if (known) return known
    const hold = { until: 0, size: ANY_SIZE, stumbles: 0, reachable, settledAt: 0 }
    holds.set(userId, hold)
    return hold
  }
  function change(batch: Batch, to: (contact: DueContact) => Partial<Hold>) {
    for (const contact of batch) Object.assign(holdOf(contact), to(contact))
  }
  /** Whether the contact, as the ledger named it when it was asked at `readAt`, may be sent. */
  function isFree({ userId, reachable }: DueContact, readAt: number): boolean {
    const hold = holds.get(userId)
    if (!hold) return true
    return hold.until <= readAt && (hold.settledAt <= readAt || hold.reachable === reachable)
  }
  const sizeFor = ({ userId }: DueContact) => holds.get(userId)?.size ?? ANY_SIZE

  return {
    get size() {
      return holds.size
    },
    /** How many users Braze has failed over alone. */
    stumbling(): number {
      let count = 0
      for (const { stumbles } of holds.values()) if (stumbles > 0) count += 1
      return count
    },
    isFree,
    /** The largest batch that this user may be in. */
    sizeFor,
    /** Whether the last batch with this user failed. */
    isSuspect: (contact: DueContact) => sizeFor(contact) < ANY_SIZE,

    /** Puts the contact, as it was named at `readAt`, on its way, if it may be sent. Returns whether. */
    take(contact: DueContact, readAt: number): boolean {
      if (!isFree(contact, readAt)) return false
      holdOf(contact).until = UNDER_WAY
      return true
    },
    /** Nothing came of it: whom the ledger names from now on may be sent again. */
    release: (batch: Batch) => change(batch, () => ({ until: monotonic() })),
    /** What Braze said of them is stored: from now on they are users like all others. */
    settle: (batch: Batch) =>
      change(batch, () => ({ until: monotonic(), size: ANY_SIZE, stumbles: 0, settledAt: 0 })),
    /** It is not known whether these writes reached Braze: they may still be under way. */
    doubt: (batch: Batch) =>
      change(batch, ({ reachable }) => ({ reachable, settledAt: monotonic() + settleMs })),
    /** The batch failed, or was refused as a whole: its users travel in batches of `size` at most, after `restMs`. */
    split: (batch: Batch, size: number, restMs: number) =>
      change(batch, () => ({ until: monotonic() + restMs, size })),
    /** Braze failed over this user alone. Returns how often in a row. */
    stumble: (contact: DueContact): number => ++holdOf(contact).stumbles,

    /** Forgets the holds that hold nobody any more. */
    sweep() {
      const now = monotonic()
      for (const [userId, { until, size, settledAt }] of holds)
        if (until <= now && settledAt <= now && size === ANY_SIZE) holds.delete(userId)
    },
    /** Another process delivers: what this one knew counts only for writes that may still be under way. */
    forget() {
      const now = monotonic()
      for (const [userId, { until, settledAt }] of holds)
        if (until < UNDER_WAY && settledAt <= now) holds.delete(userId)
    },
    /** Milliseconds until the next hold ends; infinite where none ends by itself. */
    nextEndMs(): number {
      const now = monotonic()
      let next = Number.POSITIVE_INFINITY
      for (const { until, settledAt } of holds.values()) {
        const end = until > now ? until : settledAt
        if (end > now) next = Math.min(next, end - now)
      }
      return next
    },
    /** For how long some write of unknown fate may still be under way; 0 where there is none. */
    unsettledMs(): number {
      const now = monotonic()
      let last = now
      for (const { settledAt } of holds.values()) last = Math.max(last, settledAt)
      return last - now
    },
  }
}

export type Holds = ReturnType<typeof createHolds>
