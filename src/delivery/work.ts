import type { Acknowledgement, DueProfile, Ledger } from '../ledger/ledger.ts'
import type { Holds } from './holds.ts'

/** Profiles read at once: enough for a second's worth of reads to be few, little enough to hold in memory. */
const PAGE = 3_000
/** Commits may come by the thousand a second: on none of them alone is the ledger read again within this time. */
const READ_GAP_MS = 10
/** What was read longer ago may have changed, and is read again. */
const PAGE_LIFE_MS = 1_000
/** A batch that is not full leaves no sooner than this after the one before, and so takes more people along. */
const GATHER_MS = 50
/** While somebody who is due is held, the ledger is asked so often whether others are due. */
const HELD_LOOK_MS = 250

const NEVER = Number.NEGATIVE_INFINITY

/** Profiles that travel together. */
export interface Batch {
  readonly profiles: readonly DueProfile[]
  /** When the ledger was asked, by the monotonic clock: they have been pending for as long as it said since then. */
  readonly readAt: number
}

export interface WorkOptions {
  readonly ledger: Pick<Ledger, 'due' | 'nextDueMs' | 'acknowledge'>
  readonly holds: Holds
  /** Of which it is known how to write them: the ledger may have others, that the settings do not have any more. */
  readonly channels: readonly string[]
  /** What is to be stored of a profile of which there is no need to ask Braze; null of all others. */
  readonly answerFor: (profile: DueProfile) => Acknowledgement | null
  /** Whether this process delivers, and no other may have begun to. */
  readonly mayAnswer: () => boolean
  /** Milliseconds that nobody sets. */
  readonly monotonic: () => number
}

/**
 * Hands out batches of due profiles: whatever has waited longest first, and those whose last batch failed after all others
 * and never among them. No profile is in two batches, or twice in one.
 */
export function createWork({ ledger, holds, channels, answerFor, mayAnswer, monotonic }: WorkOptions) {
  /** Each with the longest waiting at its end. */
  let fresh: DueProfile[] = []
  let suspects: DueProfile[] = []
  /** When that was asked for. */
  let pageAt = NEVER
  let readAt = NEVER
  let reading: Promise<void> | undefined
  const known = new Set(channels)
  /** Whether the ledger has named others: they wait, and from then on hide nobody. */
  let hasForeign = false
  /** Whether the last read left some in the ledger. */
  let isMoreDue = false
  let lastPartialAt = Number.NEGATIVE_INFINITY
  let suspectsFrom = Number.NEGATIVE_INFINITY

  /** The next batch, of `size` at most; or how many milliseconds to rest, unless something happens before. */
  async function next(size: number): Promise<Batch | number> {
    const ageMs = monotonic() - readAt
    if (fresh.length < size || ageMs > PAGE_LIFE_MS) {
      const tooSoonMs = isMoreDue ? 0 : READ_GAP_MS - ageMs
      if (tooSoonMs <= 0) {
        await read()
        if (readAt === NEVER) return READ_GAP_MS
      } else if (fresh.length > 0 || suspects.length === 0) return tooSoonMs
    } else if (fresh.length < PAGE / 2 && isMoreDue) {
      // Ahead of need. A failure shows where the page is needed.
      read().catch(() => {})
    }
    if (fresh.length === 0) return takeSuspects(size)
    if (fresh.length < size) {
      const gatherMs = lastPartialAt + GATHER_MS - monotonic()
      if (gatherMs > 0) return gatherMs
      lastPartialAt = monotonic()
    }
    return take(fresh, size) ?? takeSuspects(size)
  }

  function read(): Promise<void> {
    reading ??= readPage().finally(() => {
      reading = undefined
    })
    return reading
  }

  async function readPage() {
    holds.sweep()
    readAt = monotonic()
    const askedAt = readAt
    const limit = PAGE + holds.size
    const due = await ledger.due(limit, hasForeign ? channels : undefined)
    isMoreDue = due.length === limit
    pageAt = askedAt
    fresh = []
    suspects = []
    const answers: Acknowledgement[] = []
    for (const profile of due.reverse()) {
      if (!known.has(profile.channel)) hasForeign = true
      if (!known.has(profile.channel) || !holds.isFree(profile, askedAt)) continue
      const answer = answerFor(profile)
      if (answer) answers.push(answer)
      else (holds.isSuspect(profile) ? suspects : fresh).push(profile)
    }
    if (answers.length > 0 && mayAnswer()) await storeAnswers(answers)
  }

  /** What waited for these may be due now. */
  async function storeAnswers(answers: readonly Acknowledgement[]) {
    await ledger.acknowledge(answers, 0)
    readAt = NEVER
  }

  function take(page: DueProfile[], size: number): Batch | null {
    const profiles: DueProfile[] = []
    let limit = size
    for (let profile = page.at(-1); profile && profiles.length < limit; profile = page.at(-1)) {
      limit = Math.min(limit, holds.sizeFor(profile))
      if (profiles.length >= limit) break
      page.pop()
      // By way of two channels a profile may be here twice, and something may have happened since the page was read.
      if (holds.take(profile, pageAt)) profiles.push(profile)
    }
    return profiles.length > 0 ? { profiles, readAt: pageAt } : null
  }

  async function takeSuspects(size: number): Promise<Batch | number> {
    const restMs = suspectsFrom - monotonic()
    if (suspects.length > 0 && restMs > 0) return restMs
    const batch = take(suspects, size)
    if (batch) return batch
    const dueMs = (await ledger.nextDueMs()) ?? PAGE_LIFE_MS
    // Who is due already is held, and hides when others will be. Not longer than the page lives: another process may
    // commit something, or a clock may be set.
    const lookMs = dueMs > 0 ? dueMs : HELD_LOOK_MS
    return Math.max(1, Math.min(PAGE_LIFE_MS, lookMs, holds.nextEndMs()))
  }

  return {
    next,
    /** Nothing can be sent for a while: what was prepared is read anew later. */
    drop() {
      fresh = []
      suspects = []
    },
    /** Those whose last batch failed are not handed out for so long. */
    restSuspects(forMs: number) {
      suspectsFrom = monotonic() + forMs
    },
  }
}

export type Work = ReturnType<typeof createWork>
