import { setTimeout as sleep } from 'node:timers/promises'
import type { Deliverer } from '../delivery/deliverer.ts'
import type { Ledger, Outstanding } from '../ledger/ledger.ts'

export interface WaitOptions {
  readonly ledger: Pick<Ledger, 'outstanding'>
  readonly run: number
  readonly deliverer: Pick<Deliverer, 'delivery'>
  /** Told at each look. */
  readonly onLook: (outstanding: Outstanding) => void
  readonly signal: AbortSignal
}

const POLL_MS = 100
/** Looking costs time in proportion to what is left: it may take this part of the time. */
const SHARE = 0.05

/**
 * Resolves once Braze has heard of everything that runs made due, this one and those before it: from this process, or from
 * the server that holds the lease.
 *
 * @throws Error when this process delivers and a person has to mend something first
 */
export async function untilDelivered(options: WaitOptions): Promise<Outstanding> {
  const { ledger, run, deliverer, onLook, signal } = options
  for (;;) {
    const askedAt = performance.now()
    const outstanding = await ledger.outstanding(run)
    onLook(outstanding)
    if (outstanding.pending === 0) return outstanding
    const { state, reason } = deliverer.delivery()
    if (state === 'paused') throw new Error(String(reason))
    const lookMs = performance.now() - askedAt
    await sleep(Math.max(POLL_MS, lookMs / SHARE), undefined, { signal })
  }
}
