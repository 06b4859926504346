import type { LeaseAnswer, Ledger } from '../ledger/ledger.ts'

/** The name of the lease: one Braze workspace per ledger. */
const NAME = 'braze'
/** How often a process that does not hold it asks for it. */
const ASK_MS = 1_000

export interface LeaseOptions {
  readonly ledger: Ledger
  /** Unlike that of any other process, also of earlier ones. */
  readonly holder: string
  /** How long one request may take: nothing is sent in the lease's last stretch of that length. */
  readonly requestTimeoutMs: number
  /** Milliseconds since 1970, for the ledger. */
  readonly clock: () => number
  /** Milliseconds that nobody sets. */
  readonly monotonic: () => number
}

/**
 * The right to deliver, held by one process at a time. Longer than a request's time-out, so that no request of
 * ours can still be under way when another process takes over; short enough for a restart after a crash.
 */
export function createLease({ ledger, holder, requestTimeoutMs, clock, monotonic }: LeaseOptions) {
  const durationMs = requestTimeoutMs * 1.5 + 1_000
  const renewalMs = durationMs * 0.2
  /** By the moment before we asked, and so never later than the ledger's own idea. */
  let heldUntil = Number.NEGATIVE_INFINITY
  let askAt = Number.NEGATIVE_INFINITY

  return {
    /**
     * For how long requests of a holder that lost the lease may go on: until it would have renewed it, and then for
     * one time-out. That is after the lease ran out only where clocks jump or a machine was suspended.
     */
    aftermathMs: renewalMs + requestTimeoutMs,
    isHeld: () => monotonic() < heldUntil,
    /** Whether a request that leaves now ends while the lease is still ours. */
    isSafe: () => monotonic() + requestTimeoutMs < heldUntil,
    /** Milliseconds until it should be renewed, or asked for. */
    askInMs: () => Math.max(0, askAt - monotonic()),
    /** Takes or renews it. */
    async hold(): Promise<LeaseAnswer> {
      const askedAt = monotonic()
      const answer = await ledger.holdLease(NAME, holder, clock(), durationMs)
      heldUntil = answer.held ? askedAt + durationMs : Number.NEGATIVE_INFINITY
      askAt = askedAt + (answer.held ? renewalMs : ASK_MS)
      return answer
    },
    async release() {
      heldUntil = Number.NEGATIVE_INFINITY
      await ledger.releaseLease(NAME, holder)
    },
  }
}
