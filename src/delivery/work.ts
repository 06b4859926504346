import type { DueContact, Ledger } from '../ledger/ledger.ts'

/** Contacts read at once: enough for a second's worth of reads to be few, little enough to hold in memory. */
const PAGE = 3_000
/** Commits may come by the thousand a second: on none of them alone is the ledger read again within this time. */
const READ_GAP_MS = 10
/** What was read longer ago may have changed, and is read again. */
const PAGE_LIFE_MS = 1_000
/** A batch that is not full leaves no sooner than this after the one before, and so takes more people along. */
const GATHER_MS = 50

export interface WorkOptions {
  readonly ledger: Ledger
  readonly settleMs: number
  /** Milliseconds since 1970, for the ledger. */
  readonly clock: () => number
  /** Milliseconds that nobody sets. */
  readonly monotonic: () => number
}

/**
 * Hands out batches of due contacts. No user is in two batches, or twice in one, until `finish`; a user whose last
 * write may or may not have reached Braze gets no different one before it has settled.
 */
export function createWork({ ledger, settleMs, clock, monotonic }: WorkOptions) {
  let page: DueContact[] = []
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined
  /** Whether the last read left some in the ledger. */
  let isMoreDue = false
  let lastPartialAt = Number.NEGATIVE_INFINITY
  /** Batches that Braze refused as a whole, halved; their users stay taken. */
  let halves: DueContact[][] = []
  const taken = new Set<string>()
  /**
   * Users whose last batch failed, and the size of the largest batch that they may be in until Braze has answered for
   * them. They come after all others. So one over whom Braze stumbles is alone soon, and holds nobody up.
   */
  const caps = new Map<string, number>()
  const uncertain = new Map<string, { reachable: boolean; until: number }>()

  /** The next batch, of `size` at most; or how many milliseconds to rest, unless something happens before. */
  async function next(size: number): Promise<DueContact[] | number> {
    const half = halves.shift()
    if (half) return half
    const ageMs = monotonic() - readAt
    if (page.length < size || ageMs > PAGE_LIFE_MS) {
      if (ageMs < READ_GAP_MS && !isMoreDue) return READ_GAP_MS - ageMs
      await read()
    } else if (page.length < PAGE / 2 && isMoreDue) {
      // Ahead of need. A failure shows where the page is needed.
      read().catch(() => {})
    }
    if (page.length === 0) return restMs()
    if (page.length < size) {
      const gatherMs = lastPartialAt + GATHER_MS - monotonic()
      if (gatherMs > 0) return gatherMs
      lastPartialAt = monotonic()
    }
    return take(size)
  }

  function read(): Promise<void> {
    reading ??= readPage().finally(() => {
      reading = undefined
    })
    return reading
  }

  async function readPage() {
    forgetSettled()
    readAt = monotonic()
    const limit = PAGE + taken.size + uncertain.size
    const due = await ledger.due(clock(), limit)
    isMoreDue = due.length === limit
    const free = due.filter((contact) => !taken.has(contact.userId) && !isUncertain(contact))
    const isCapped = ({ userId }: DueContact) => caps.has(userId)
    page = [...free.filter((contact) => !isCapped(contact)), ...free.filter(isCapped)].reverse()
  }

  /** From the page's end, the longest waiting first. A user may be on it twice, by way of two channels. */
  function take(size: number): DueContact[] {
    const batch: DueContact[] = []
    for (let limit = size; batch.length < limit; ) {
      const contact = page.pop()
      if (!contact) break
      if (taken.has(contact.userId)) continue
      limit = Math.min(limit, caps.get(contact.userId) ?? size)
      if (batch.length >= limit) {
        page.push(contact)
        break
      }
      taken.add(contact.userId)
      batch.push(contact)
    }
    return batch
  }

  async function restMs(): Promise<number> {
    if (taken.size > 0 || uncertain.size > 0) return PAGE_LIFE_MS / 4
    const dueAt = await ledger.nextDueAt()
    // Not longer: another process may commit something, or a clock may be set.
    return dueAt === null ? PAGE_LIFE_MS : Math.min(PAGE_LIFE_MS, Math.max(1, dueAt - clock()))
  }

  function isUncertain({ userId, reachable }: DueContact): boolean {
    const last = uncertain.get(userId)
    return last !== undefined && last.reachable !== reachable
  }

  function forgetSettled() {
    const now = monotonic()
    for (const [userId, { until }] of uncertain) if (until <= now) uncertain.delete(userId)
  }

  return {
    next,
    /** The batch is over: its users may be taken again, if the ledger still says that they are due. */
    finish(batch: readonly DueContact[]) {
      for (const { userId } of batch) taken.delete(userId)
    },
    /** Braze has answered for these users. */
    undefer(batch: readonly DueContact[]) {
      for (const { userId } of batch) caps.delete(userId)
    },
    /** The batch failed, and who knows why: its users come after all others, in batches of half its size at most. */
    defer(batch: readonly DueContact[]) {
      for (const { userId } of batch) caps.set(userId, Math.max(1, Math.floor(batch.length / 2)))
    },
    /** To be sent again in two halves, instead of `finish`. */
    halve(batch: readonly DueContact[]) {
      const middle = Math.ceil(batch.length / 2)
      halves.push(batch.slice(0, middle), batch.slice(middle))
    },
    /** Nothing can be sent for a while: what was prepared is read anew later. */
    drop() {
      page = []
      for (const { userId } of halves.flat()) taken.delete(userId)
      halves = []
    },
    /** It is not known whether these writes reached Braze: they may still be under way. */
    doubt(batch: readonly DueContact[]) {
      const until = monotonic() + settleMs
      for (const { userId, reachable } of batch) uncertain.set(userId, { reachable, until })
    },
    /** Whether some write may still be under way. */
    isInDoubt() {
      forgetSettled()
      return uncertain.size > 0
    },
  }
}

export type Work = ReturnType<typeof createWork>
