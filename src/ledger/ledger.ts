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

  /** Up to `limit` contacts that may be sent at `now`, those that have waited longest first. Changes nothing. */
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
