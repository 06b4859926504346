import { setTimeout as sleep } from 'node:timers/promises'
import type { Deliverer } from '../delivery/deliverer.ts'
import type { Ledger, Outstanding } from '../ledger/ledger.ts'

export interface WaitOptions {
  readonly ledger: Pick<Ledger, 'outstanding'>
  readonly run: number
  readonly deliverer: Pick<Deliverer, 'delivery'>
  /** Told at each look. */
  readonly onLook: (outstanding: Outstanding) => void
  /** Something that a person should know; a sentence. */
  readonly note: (sentence: string) => void
  readonly signal: AbortSignal
}

const POLL_MS = 100
/** When nothing has moved for so long, it is worth a sentence. */
const SLOW_MS = 60_000
/** Longer than Braze's longest limit, an hour: the end of waiting for another process. */
const STALLED_MS = 65 * 60_000
/** Looking costs time in proportion to what is left: it may take this part of the time. */
const SHARE = 0.05

/**
 * Resolves once Braze has heard of everything that runs made due, this one and those before it: from this process, or from
 * the server that holds the lease.
 *
 * @throws Error when this process delivers and a person has to mend something first, or when the server that delivers
 * does not get on
 */
export async function untilDelivered(options: WaitOptions): Promise<Outstanding> {
  const { ledger, run, deliverer, onLook, note, signal } = options
  let movedAt = performance.now()
  let least = Number.POSITIVE_INFINITY
  let isTold = false
  for (;;) {
    const askedAt = performance.now()
    const outstanding = await ledger.outstanding(run)
    onLook(outstanding)
    if (outstanding.pending + outstanding.earlier === 0) return outstanding
    const open = outstanding.pending + outstanding.earlier
    if (open < least) {
      least = open
      movedAt = askedAt
    }
    const { state, reason } = deliverer.delivery()
    if (!isTold && state === 'standby' && askedAt - movedAt > SLOW_MS) {
      isTold = true
      note('The server that delivers has told Braze of nobody for a minute; its /health says why.')
    }
    if (state === 'standby' && askedAt - movedAt > STALLED_MS) {
      throw new Error(
        `The server that delivers has told Braze of nobody for ${STALLED_MS / 60_000} minutes; its /health says why. ${open} changes wait for it.`,
      )
    }
    if (state === 'paused') throw new Error(String(reason))
    const lookMs = performance.now() - askedAt
    await sleep(Math.max(POLL_MS, lookMs / SHARE), undefined, { signal })
  }
}
