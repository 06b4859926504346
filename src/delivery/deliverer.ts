import type { BrazeClient } from '../braze/client.ts'
import { MAX_ITEMS } from '../braze/client.ts'
import { createPacer } from '../braze/pace.ts'
import type { DueContact, Ledger } from '../ledger/ledger.ts'
import { createAlarm } from './alarm.ts'
import { createGate, type DeliveryState } from './gate.ts'
import { createLease } from './lease.ts'
import { createSender } from './sender.ts'
import { createWork } from './work.ts'

/** How long to rest when the ledger fails. */
const REST_MS = 1_000
/** So many answers for each connection may wait for the ledger before more is sent. */
const STORING_LIMIT = 4
/** How long to rest when the ledger was so slow that the lease has to be renewed first. */
const LATE_MS = 50

export interface DelivererOptions {
  readonly ledger: Ledger
  readonly braze: BrazeClient
  /** Unlike that of any other process, also of earlier ones. */
  readonly holder: string
  readonly settleMs: number
  readonly requestsPerSecond: number
  readonly concurrency: number
  readonly log: DeliveryLog
  readonly observer?: DeliveryObserver
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
  readonly random?: () => number
}

/** What a pino logger offers. */
export interface DeliveryLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Who wants to know the numbers. */
export interface DeliveryObserver {
  /** A request ended, with an HTTP status, or with `error` when no whole answer came. */
  requested(status: number | 'error', seconds: number): void
  /** Braze accepted a contact, so long after the change was committed. */
  accepted(seconds: number): void
}

export interface Delivery {
  readonly state: DeliveryState
  /** Why nothing is sent, for a person; null while delivering. */
  readonly reason: string | null
}

/**
 * Tells Braze of every due contact, as the one active deliverer among all processes on the ledger.
 *
 * Level-triggered: it looks at what differs and not at what happened, so losing a wake-up, an answer or the
 * process itself costs time and nothing else.
 */
export function createDeliverer(options: DelivererOptions) {
  const { ledger, braze, settleMs, concurrency, log } = options
  const { clock = Date.now, monotonic = () => performance.now(), random = Math.random } = options
  const lease = createLease({ ...options, requestTimeoutMs: braze.timeoutMs, clock, monotonic })
  const work = createWork({ ledger, settleMs, clock, monotonic })
  const pacer = createPacer(options.requestsPerSecond)
  const gate = createGate(random)
  const send = createSender({ ...options, gate, work, clock, monotonic })
  const alarm = createAlarm()
  const sending = new Set<Promise<void>>()
  /** What Braze has answered and the ledger is about to keep. */
  const storing = new Set<Promise<void>>()
  let wasHeld: boolean | undefined
  let stopping = false
  let running: Promise<void> | undefined
  let unsubscribe = () => {}

  async function run() {
    while (!stopping) {
      try {
        await alarm.rest(await step())
      } catch (error) {
        log.error({ error: (error as Error).message }, 'delivery cannot use the ledger')
        await alarm.rest(REST_MS)
      }
    }
  }

  /** Does what can be done now. Returns how many milliseconds to rest, unless something happens before. */
  async function step(): Promise<number> {
    if (lease.askInMs() === 0) await renew()
    if (!lease.isHeld()) return lease.askInMs()
    if (!lease.isSafe()) return LATE_MS
    const now = monotonic()
    gate.reopen(now)
    const delayMs = Math.max(gate.delayMs(now), pacer.delayMs(now))
    if (delayMs > 0) return Math.min(delayMs, lease.askInMs())
    if (sending.size >= (gate.isProbing() ? 1 : concurrency)) return lease.askInMs()
    if (storing.size >= concurrency * STORING_LIMIT) return lease.askInMs()

    // A probe risks a single contact: one that Braze stumbles over must not hold up those beside it for ever.
    const batch = await work.next(gate.isProbing() ? 1 : MAX_ITEMS)
    if (typeof batch === 'number') return Math.min(batch, lease.askInMs())
    // The lease, or the gate, may have closed while the ledger was asked.
    if (!lease.isSafe() || gate.delayMs(monotonic()) > 0) work.finish(batch)
    else start(batch)
    return 0
  }

  async function renew() {
    const { held, takenOver } = await lease.hold()
    if (held !== wasHeld)
      log.info({}, held ? 'this process delivers to Braze' : 'another process delivers to Braze')
    wasHeld = held
    // Also where we held it before, and did not notice that we had lost it.
    if (takenOver)
      gate.wait('requests of the last deliverer have to settle', lease.aftermathMs + settleMs, monotonic())
    if (held) await ledger.clampDue(clock() + settleMs)
    else work.drop()
  }

  function start(batch: DueContact[]) {
    pacer.leave(monotonic())
    const sent = send(batch)
      .then(({ stored }) => keep(batch, stored))
      .finally(() => {
        sending.delete(sent)
        alarm.wake()
      })
    sending.add(sent)
  }

  /** A commit takes longer than a request, and carries many answers: the next request need not wait for it. */
  function keep(batch: DueContact[], stored: Promise<void>) {
    const kept = stored
      .catch((error) => {
        // Braze has answered and the ledger could not keep it: the contacts stay due, and are sent again.
        log.error({ error: error.message }, 'the ledger did not take an answer of Braze')
        work.doubt(batch)
        work.finish(batch)
        gate.wait('the ledger does not take the answers of Braze', REST_MS, monotonic())
      })
      .finally(() => {
        storing.delete(kept)
        alarm.wake()
      })
    storing.add(kept)
  }

  return {
    start() {
      unsubscribe = ledger.onRecorded(alarm.wake)
      running = run()
    },
    /** Looks for due contacts now. */
    wake: alarm.wake,
    delivery(): Delivery {
      if (!lease.isHeld())
        return { state: 'standby', reason: 'this process does not hold the lease for delivery' }
      return { state: gate.state, reason: gate.reason }
    },
    /** Finishes the requests in flight and gives the lease back. */
    async stop() {
      stopping = true
      unsubscribe()
      alarm.wake()
      await running
      await Promise.all(sending)
      await Promise.all(storing)
      // The next holder must not write to a user whose last write may still be under way: it waits the lease out.
      if (!work.isInDoubt()) await lease.release()
    },
  }
}

export type Deliverer = ReturnType<typeof createDeliverer>
