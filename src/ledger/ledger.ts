import type { ContactKey, Evidence, Status } from '../contact/contact.ts'

/**
 * Durable memory of every contact, shared by all processes that open the same database.
 *
 * All moments are milliseconds since 1970 by the caller's clock. Every method may be called at any time and
 * together with any other; a rejection is a `LedgerError` and means that nothing of the call was stored.
 */
export interface Ledger {
  // ── What we learn ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Merges evidence into contacts. Resolves once it is on disk (committed and fsynced); a rejection means that
   * none of it is. Safe to repeat and to reorder. Calls that arrive together share one transaction.
   *
   * A contact becomes due when it is new and whenever its reachability flips.
   */
  record(evidence: readonly Evidence[]): Promise<void>

  /** Calls `listener` after each commit of this process that stored evidence. Returns how to stop that. */
  onRecorded(listener: () => void): () => void

  // ── What Braze should know ─────────────────────────────────────────────────────────────────────────────

  /**
   * Up to `limit` contacts that may be sent at `now`: news from webhooks before what runs brought, and of each those
   * that have waited longest first. Changes nothing.
   */
  due(now: number, limit: number): Promise<DueContact[]>

  /** The earliest moment at which some contact may be sent; null when nothing is pending. */
  nextDueAt(): Promise<number | null>

  /**
   * Stores what Braze said. An acceptance counts for the revision that was sent and for those before it; a
   * rejection counts only while that revision is the newest. A contact named here is not due again before
   * `settledAt`. Atomic and durable, and safe to repeat; shares transactions with `record`.
   */
  acknowledge(answers: readonly Acknowledgement[]): Promise<void>

  /** Makes pending contacts that are due later than `latest` due at `latest`: heals a clock that was set back. */
  clampDue(latest: number): Promise<void>

  // ── Runs: what reaches many contacts at once ─────────────────────────────────────────────────────────────

  /**
   * Takes the lock `name`, which lasts until the function returned is called or this process has ended, however it
   * does. Null while somebody else has it.
   */
  lock(name: string): Promise<(() => Promise<void>) | null>

  /** The newest backfill of the channel, and of the account that counts now, that has not ended; or null. */
  openRun(channel: string): Promise<Run | null>

  /** How many people the last complete follower list of the channel named; null when there was none. */
  lastListed(channel: string): Promise<number | null>

  /** Begins a run, and abandons the one of its kind and channel that has not ended. */
  beginRun(kind: RunKind, channel: string, startedAt: number): Promise<Run>

  /**
   * Stores pages of the follower list and where it goes on, in one durable transaction. Everybody on a page was a
   * friend at its `listedAt`, though not before the run began. A page without `next` is the last: the run is then
   * `clearing`. This and `clearAbsent` reject once a webhook has named another account than that of the run.
   */
  recordPages(run: number, pages: readonly FollowerPage[]): Promise<Run>

  /**
   * How many contacts are friends by evidence from before the run began, and by none since: once its list is complete,
   * those who were missing from it.
   */
  countAbsent(run: number): Promise<number>

  /**
   * Dates the next `limit` of the absent friends with an id above `after` as gone when the run began, in one durable
   * transaction. `after` is the id to go on with, null when there are no more. Safe to repeat.
   */
  clearAbsent(run: number, after: number, limit: number): Promise<{ run: Run; after: number | null }>

  /** Nothing more is stored for the run. */
  endRun(run: number, state: 'complete' | 'abandoned'): Promise<Run>

  /** Up to `limit` contacts of the channel with an id above `after`, in the order of their ids. */
  contacts(channel: string, after: number, limit: number): Promise<KnownContact[]>

  /**
   * Makes contacts due although nothing about them has changed, in the name of `run`, and takes over those that an
   * earlier run made due; those that are due by a webhook are left as they are. Returns how many they are.
   */
  resend(run: number, ids: readonly number[]): Promise<number>

  /** What Braze has not accepted yet of what this run, and every other, made due. */
  outstanding(run: number): Promise<Outstanding>

  // ── Whose ledger this is ─────────────────────────────────────────────────────────────────────────────────

  /**
   * Remembers which account (the bot's user id) a channel belongs to. The first to speak sets it; a webhook's word
   * (`heard`), which LINE has signed, also replaces what only a token said. Returns the account that counts.
   */
  claimAccount(channel: string, destination: string, heard: boolean): Promise<string>

  // ── Who delivers ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes or renews the lease `name` for `holder` until `now + durationMs`, unless somebody else holds it.
   * Of several callers at one moment exactly one gets a free lease.
   */
  holdLease(name: string, holder: string, now: number, durationMs: number): Promise<LeaseAnswer>

  /** Gives the lease back, if `holder` has it, so that the next one need not wait. */
  releaseLease(name: string, holder: string): Promise<void>

  // ── What people ask ────────────────────────────────────────────────────────────────────────────────────

  /** The numbers of every channel, in time that does not depend on how many contacts there are. */
  counts(): Promise<ChannelCounts[]>

  /**
   * Since when the contact that is due first has been pending; null when nothing is. One that waits out its settle
   * pause comes first only when that is over.
   */
  oldestPendingAt(): Promise<number | null>

  /** Makes an empty durable write. Resolves when evidence could be stored right now, rejects when not. */
  probe(): Promise<void>

  /** Finishes what was called before, then closes the database. Later calls reject. */
  close(): Promise<void>
}

/** A contact of which Braze does not know the newest revision. */
export interface DueContact extends ContactKey {
  readonly id: number
  /** Raised each time reachability flips; hand it back in the acknowledgement. */
  readonly revision: number
  /** Whether Braze should hold the user's LINE id (true) or lose it (false). */
  readonly reachable: boolean
  /** Since when it has been pending without a break. */
  readonly changedAt: number
}

/** What Braze said of one contact. */
export interface Acknowledgement {
  readonly id: number
  /** The revision that was sent. */
  readonly revision: number
  /** Braze's words, when it refused this contact for good; null when it accepted. */
  readonly failure: string | null
  /** The next write to this contact must not leave earlier. */
  readonly settledAt: number
}

export type RunKind = 'backfill' | 'resync' | 'verify'

/** Where a run stands; every count is of the whole run, also where it was interrupted and went on. */
export interface Run {
  readonly id: number
  readonly channel: string
  /** The account it is of, as far as one was known when it began. */
  readonly account: string | null
  /** The moment before its first page was asked for. */
  readonly startedAt: number
  /** `clearing`: the list is complete, and who was missing from it is being cleared. */
  readonly state: 'listing' | 'clearing' | 'complete' | 'abandoned'
  /** Where the list goes on; null before its first page and after its last. */
  readonly cursor: string | null
  /** When the cursor was stored. */
  readonly cursorAt: number
  /** Friends when it began. */
  readonly known: number
  readonly pages: number
  /** User ids on those pages. */
  readonly listed: number
  /** Entries that were no user ids. */
  readonly invalid: number
  /** Contacts that the list made. */
  readonly added: number
  /** Contacts that were gone and that the list made reachable. */
  readonly returned: number
  /** Contacts that can't be reached any more, since they were missing. */
  readonly gone: number
}

/** A page of LINE's follower list. */
export interface FollowerPage {
  readonly userIds: readonly string[]
  /** How many of its entries were no user ids. */
  readonly invalid: number
  /** The moment before it was asked for. */
  readonly listedAt: number
  /** Where the list goes on; null on the last page. */
  readonly next: string | null
}

/** A contact, as far as what Braze should hold of it. */
export interface KnownContact {
  readonly id: number
  readonly userId: string
  readonly reachable: boolean
  /** Whether Braze rejected its newest state. */
  readonly failed: boolean
  /** Whether nothing about it waits to be sent, and what was sent last has had its settle pause. */
  readonly settled: boolean
}

export interface Outstanding {
  /** Contacts that the run made due, of which Braze has not heard. */
  readonly pending: number
  /** Contacts that the run made due and that Braze rejected. */
  readonly failed: number
  /** Contacts that other runs made due, of which Braze has not heard. */
  readonly earlier: number
}

export interface LeaseAnswer {
  readonly held: boolean
  /** Whether the lease ran out in other hands: requests of its last holder may still be under way. */
  readonly takenOver: boolean
}

export type ChannelCounts = {
  readonly channel: string
  readonly pending: number
  readonly failed: number
} & {
  readonly [status in Status]: number
}

/** A lease that ends later than this from now was dated by a clock that was wrong, and holds nobody back. */
export const LEASE_LIMIT_MS = 600_000

/** Something that kept the ledger from doing what it was asked; the message is a sentence for a person. */
export class LedgerError extends Error {
  override name = 'LedgerError'
}
