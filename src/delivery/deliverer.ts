import { MAX_ITEMS } from '../braze/client.ts'
import { createPacer } from '../braze/pace.ts'
import type { Acknowledgement, DueProfile, Ledger } from '../ledger/ledger.ts'
import { backoffMs } from '../wire/retry.ts'
import type { After } from '../wire/time.ts'
import { createAlarm } from './alarm.ts'
import { createCustomers } from './customers.ts'
import { createForgets } from './forgets.ts'
import { createGate, type DeliveryState } from './gate.ts'
import { createHolds } from './holds.ts'
import { createLease } from './lease.ts'
import { createLookUp } from './look-up.ts'
import type { DeliveryMeans } from './means.ts'
import { createMerges } from './merges.ts'
import { createSender } from './sender.ts'
import { type Batch, createWork } from './work.ts'

/** So many answers for each connection may wait for the ledger before more is sent. */
const STORING_LIMIT = 4
/** How long to rest when the ledger was so slow that the lease has to be renewed first. */
const LATE_MS = 50
/** Where a window was set for many at once, delivery goes on between one look and the next. */
const LAPSE_GAP_MS = 250
/** A ledger that fails is asked again so often at least: it may be well again at any moment. */
const LONGEST_REST_MS = 10_000

type Times = 'clock' | 'monotonic' | 'random'

export interface DelivererOptions extends Omit<DeliveryMeans, Times>, Partial<Pick<DeliveryMeans, Times>> {
  readonly requestsPerSecond: number
  readonly concurrency: number
  /** Whether the customers to whom people are linked are looked up in Braze before links count. */
  readonly checkCustomers: boolean
  /** Whether the alias profiles of linked people are handed over to the customers. */
  readonly mergeProfiles: boolean
  readonly after?: After
}

export interface Delivery {
  readonly state: DeliveryState
  /** Why nothing is sent, for a person; null while delivering. */
  readonly reason: string | null
  /** Profiles over which alone Braze fails; each waits alone and is tried again. */
  readonly stumbling: number
}

/**
 * Tells Braze of every due profile, as the one active deliverer among all processes on the ledger.
 *
 * Level-triggered: it looks at what differs and not at what happened, so losing a wake-up, an answer or the
 * process itself costs time and nothing else.
 */
export function createDeliverer(options: DelivererOptions) {
  const { ledger, settleMs, concurrency, log } = options
  const { clock = Date.now, monotonic = () => performance.now(), random = Math.random } = options
  const means = { ...options, clock, monotonic, random }
  const lease = createLease(means)
  const holds = createHolds(means)
  const channels = [...options.braze.channels.keys()]
  const work = createWork({ ledger, holds, monotonic, channels, answerFor, mayAnswer: lease.isSafe })
  const pacer = createPacer(options.requestsPerSecond)
  const gate = createGate(random)
  const send = createSender({ ...means, ledger: { acknowledge }, gate, holds, work })
  const alarm = createAlarm(options.after)
  const lookUp = createLookUp(means)
  const customers = createCustomers({ ...means, lookUp, mayAsk: lease.isSafe })
  const mayAsk = () => lease.isSafe() && monotonic() >= quietUntil
  const merges = createMerges({ ...means, lookUp, holds, mayAsk })
  const forgets = createForgets({ ...means, lookUp, holds, mayAsk })
  /** Until then requests of the last deliverer have to settle. */
  let quietUntil = Number.NEGATIVE_INFINITY
  /** Until what Braze said is stored, which takes longer than a request. */
  const underWay = new Set<Promise<void>>()
  /** How many of them wait for Braze. */
  let asking = 0
  /** Answers in a row that the ledger did not keep, as far as one was known when the next request left. */
  let unkept = 0
  let unkeptAt = Number.NEGATIVE_INFINITY
  let wasHeld: boolean | undefined
  /** When it is looked again whose last message is too old. */
  let lapseAt = Number.NEGATIVE_INFINITY
  let stopping = false
  let running: Promise<void> | undefined
  let unsubscribe = () => {}

  /** Braze is not asked to clear what it was never told of. */
  function answerFor(profile: DueProfile): Acknowledgement | null {
    const { id, revision, value, mayHold } = profile
    if (value !== null || mayHold || holds.isTold(profile)) return null
    return { id, revision, failure: null, untold: options.holder }
  }

  async function acknowledge(...args: Parameters<Ledger['acknowledge']>) {
    await ledger.acknowledge(...args)
    unkept = 0
  }

  async function run() {
    for (let failures = 0; !stopping; ) {
      try {
        const restMs = await step()
        failures = 0
        await alarm.rest(restMs)
      } catch (error) {
        failures += 1
        log.error({ error: (error as Error).message }, 'delivery cannot use the ledger')
        await alarm.rest(Math.min(LONGEST_REST_MS, backoffMs(failures, random())))
      }
    }
  }

  /** Does what can be done now. Returns how many milliseconds to rest, unless something happens before. */
  async function step(): Promise<number> {
    if (lease.askInMs() === 0) await renew()
    if (!lease.isHeld()) return lease.askInMs()
    if (!lease.isSafe()) return LATE_MS
    if (monotonic() >= lapseAt) return lapse()
    const now = monotonic()
    if (gate.reopen(now)) log.info({}, 'delivery goes on')
    const delayMs = Math.max(gate.delayMs(now), pacer.delayMs(now))
    if (delayMs > 0) return Math.min(delayMs, lease.askInMs())
    if (asking >= (gate.isProbing() ? 1 : concurrency)) return lease.askInMs()
    if (underWay.size - asking >= concurrency * STORING_LIMIT) return lease.askInMs()

    // Objects are paid for: none more before the ledger can keep what comes of it.
    if (unkept > 0) await ledger.probe()
    // A probe risks a single contact: one that Braze stumbles over must not hold up those beside it for ever.
    const batch = await work.next(gate.isProbing() ? 1 : MAX_ITEMS)
    if (typeof batch === 'number') return Math.min(batch, lease.askInMs())
    // The lease, or the gate, may have closed while the ledger was asked.
    if (!lease.isSafe() || gate.delayMs(monotonic()) > 0) holds.release(batch.profiles)
    else start(batch)
    return 0
  }

  /** Who only wrote, and too long ago, is not reachable any more. The lease is renewed more often than that is looked at. */
  async function lapse(): Promise<number> {
    const lapseMs = (await ledger.lapse()) ?? LONGEST_REST_MS
    lapseAt = monotonic() + Math.min(Math.max(lapseMs, LAPSE_GAP_MS), LONGEST_REST_MS)
    return 0
  }

  async function renew() {
    const { held, quietMs } = await lease.hold()
    if (held !== wasHeld) {
      customers.wake()
      log.info({}, held ? 'this process delivers to Braze' : 'another process delivers to Braze')
    }
    wasHeld = held
    if (!held) {
      work.drop()
      holds.forget()
      return
    }
    if (quietMs > 0) quietUntil = monotonic() + quietMs
    if (quietMs > 0) gate.wait('requests of the last deliverer have to settle', quietMs, monotonic())
    await ledger.clampDue(settleMs)
  }

  function start(batch: Batch) {
    const startedAt = monotonic()
    pacer.leave(startedAt)
    asking += 1
    const sent = send(batch, () => {
      asking -= 1
      alarm.wake()
    })
      .catch((error) => notKept(batch, startedAt, error))
      .finally(() => {
        underWay.delete(sent)
        alarm.wake()
      })
    underWay.add(sent)
  }

  /** Braze has answered and the ledger could not keep it: the profiles stay due, and each time is paid for. */
  function notKept({ profiles }: Batch, startedAt: number, error: Error) {
    log.error({ error: error.message }, 'the ledger did not take an answer of Braze')
    holds.doubt(profiles)
    holds.release(profiles)
    if (startedAt < unkeptAt) return
    unkept += 1
    unkeptAt = monotonic()
    work.drop()
    gate.wait('the ledger does not take the answers of Braze', backoffMs(unkept, random()), monotonic())
  }

  return {
    start() {
      unsubscribe = ledger.onRecorded(alarm.wake)
      running = run()
      customers.start()
      merges.start()
      forgets.start()
    },
    /** Looks for due contacts now. */
    wake: alarm.wake,
    delivery(): Delivery {
      if (!lease.isHeld())
        return { state: 'standby', reason: 'this process does not hold the lease for delivery', stumbling: 0 }
      return { state: gate.state, reason: gate.reason, stumbling: holds.stumbling() }
    },
    /** Finishes the requests in flight and gives the lease back. */
    async stop() {
      stopping = true
      unsubscribe()
      alarm.wake()
      await Promise.all([running, customers.stop(), merges.stop(), forgets.stop()])
      await Promise.all(underWay)
      // The next holder must not write to a user whose last write may still be under way.
      await lease.release(holds.unsettledMs())
    },
  }
}

export type Deliverer = ReturnType<typeof createDeliverer>
