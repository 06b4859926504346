import { DELIVERY_LEASE, type LeaseAnswer } from '../ledger/ledger.ts'
import type { DeliveryMeans } from './means.ts'

/** How often a process that does not hold it asks for it. */
const ASK_MS = 1_000

type LeaseOptions = Pick<DeliveryMeans, 'ledger' | 'braze' | 'holder' | 'settleMs' | 'clock' | 'monotonic'>

/**
 * The right to deliver, held by one process at a time. Longer than a request's time-out, so that no request of
 * ours can still be under way when another process takes over; short enough for a holder that hangs.
 *
 * It ends by whichever clock says so first: the monotonic one stands still while a machine is suspended, and the other one
 * can be set.
 */
export function createLease(options: LeaseOptions) {
  const { ledger, holder, settleMs, clock, monotonic } = options
  /** Nothing is sent in the lease's last stretch of that length. */
  const requestTimeoutMs = options.braze.timeoutMs
  const durationMs = requestTimeoutMs * 1.5 + 1_000
  const renewalMs = durationMs * 0.2
  /**
   * What the last writes of a former holder need to settle. One that has ended sends nothing any more. One that may go on
   * (a clock jumped, or a machine was suspended) sends until it would have renewed the lease, and then for one time-out.
   */
  const aftermath = { endedMs: settleMs, lostMs: renewalMs + requestTimeoutMs + settleMs }
  /** By the moment before we asked, and so never later than the ledger's own idea. */
  let held: { readonly until: number; readonly untilByClock: number } | undefined
  let askAt = Number.NEGATIVE_INFINITY

  const isHeldFor = (ms: number) =>
    held !== undefined && monotonic() + ms < held.until && clock() + ms < held.untilByClock

  return {
    isHeld: () => isHeldFor(0),
    /** Whether a request that leaves now ends while the lease is still ours. */
    isSafe: () => isHeldFor(requestTimeoutMs),
    /** Milliseconds until it should be renewed, or asked for; 0 at once where it was lost unnoticed. */
    askInMs: () => (held && !isHeldFor(0) ? 0 : Math.max(0, askAt - monotonic())),
    /** Takes or renews it. */
    async hold(): Promise<LeaseAnswer> {
      const [askedAt, askedAtByClock] = [monotonic(), clock()]
      const answer = await ledger.holdLease(DELIVERY_LEASE, holder, durationMs, aftermath)
      held = answer.held
        ? { until: askedAt + durationMs, untilByClock: askedAtByClock + durationMs }
        : undefined
      askAt = askedAt + (answer.held ? renewalMs : ASK_MS)
      return answer
    },
    /** Gives it back. Its next holder sends nothing before `quietMs` are over. */
    async release(quietMs: number) {
      held = undefined
      await ledger.releaseLease(DELIVERY_LEASE, holder, quietMs)
    },
  }
}
