import type { BrazeClient } from '../braze/client.ts'
import { MAX_ITEMS } from '../braze/client.ts'
import { interpret, type Meaning } from '../braze/interpret.ts'
import { createPacer, exhaustedForMs } from '../braze/pace.ts'
import type { Acknowledgement, DueContact, Ledger } from '../ledger/ledger.ts'
import { createAlarm } from './alarm.ts'
import { createGate, type DeliveryState } from './gate.ts'
import { createLease } from './lease.ts'
import { createWork } from './work.ts'

/** How long to rest when the ledger fails, or another process delivers. */
const REST_MS = 1_000
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
  const { ledger, braze, settleMs, concurrency, log, observer } = options
  const { clock = Date.now, monotonic = () => performance.now(), random = Math.random } = options
  const lease = createLease({ ...options, requestTimeoutMs: braze.timeoutMs, clock, monotonic })
  const work = createWork({ ledger, settleMs, batchSize: MAX_ITEMS, clock, monotonic })
  const pacer = createPacer(options.requestsPerSecond)
  const gate = createGate(random)
  const alarm = createAlarm()
  const sending = new Set<Promise<void>>()
  let held = false
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
    if (lease.renewInMs() === 0 && !(await renew())) return REST_MS
    if (!lease.isSafe()) return LATE_MS
    const now = monotonic()
    gate.reopen(now)
    const delayMs = Math.max(gate.delayMs(now), pacer.delayMs(now))
    if (delayMs > 0) return Math.min(delayMs, lease.renewInMs())
    if (sending.size >= (gate.isProbing() ? 1 : concurrency)) return lease.renewInMs()

    const batch = await work.next()
    if (typeof batch === 'number') return Math.min(batch, lease.renewInMs())
    // The lease, or the gate, may have closed while the ledger was asked.
    if (!lease.isSafe() || gate.delayMs(monotonic()) > 0) work.finish(batch)
    else start(batch)
    return 0
  }

  async function renew(): Promise<boolean> {
    const answer = await lease.hold()
    if (answer.held && !held) log.info({}, 'this process delivers to Braze')
    // Also when we held it ourselves and did not notice that we had lost it.
    if (answer.takenOver)
      gate.wait('requests of the process that delivered before have to settle', settleMs, monotonic())
    if (!answer.held && held) log.warn({}, 'another process delivers to Braze')
    if (!answer.held) work.drop()
    else await ledger.clampDue(clock() + settleMs)
    held = answer.held
    return held
  }

  function start(batch: DueContact[]) {
    pacer.leave(monotonic())
    const sent = send(batch)
      .catch((error) => {
        // Braze has answered and the ledger could not keep it: the contacts stay due, and are sent again.
        log.error({ error: error.message }, 'the ledger did not take an answer of Braze')
        work.doubt(batch)
        work.finish(batch)
        gate.wait('the ledger does not take the answers of Braze', REST_MS, monotonic())
      })
      .finally(() => {
        sending.delete(sent)
        alarm.wake()
      })
    sending.add(sent)
  }

  async function send(batch: DueContact[]) {
    const sentIn = gate.stretch
    const meaning = await ask(batch)
    switch (meaning.kind) {
      case 'accepted':
        gate.succeeded(sentIn)
        await acknowledge(batch, (place) => meaning.rejected.get(place) ?? null)
        break
      case 'refused':
        gate.succeeded(sentIn)
        await acknowledge(batch, (place) => meaning.rejected.get(place))
        break
      case 'split':
        gate.succeeded(sentIn)
        if (batch.length > 1) return work.halve(batch)
        await acknowledge(batch, () => meaning.reason)
        break
      case 'wait':
        if (meaning.forMs === undefined) close(gate.failed(meaning.reason, sentIn, monotonic()))
        else close(gate.wait(meaning.reason, meaning.forMs, monotonic()))
        break
      case 'pause':
        close(gate.pause(meaning.reason, sentIn, monotonic()))
        break
      case 'retry':
        work.doubt(batch)
        close(gate.failed(meaning.reason, sentIn, monotonic()))
        break
    }
    work.finish(batch)
  }

  async function ask(batch: readonly DueContact[]): Promise<Meaning> {
    const startedAt = monotonic()
    let status: number | 'error' = 'error'
    try {
      const answer = await braze.track(batch)
      status = answer.status
      const exhaustedMs = exhaustedForMs(answer.headers, clock())
      if (exhaustedMs !== undefined)
        gate.wait("Braze's limit is used up until it resets", exhaustedMs, monotonic())
      return interpret(answer, batch.length, clock())
    } catch (error) {
      return {
        kind: 'retry',
        reason: `Braze cannot be reached: ${describe(error as Error, braze.timeoutMs)}`,
      }
    } finally {
      observer?.requested(status, (monotonic() - startedAt) / 1000)
    }
  }

  /** Stores what Braze said of each contact: null for accepted, its words for rejected, undefined for nothing. */
  async function acknowledge(
    batch: readonly DueContact[],
    failureOf: (place: number) => string | null | undefined,
  ) {
    const now = clock()
    const answers: Acknowledgement[] = []
    for (const [place, { id, revision, userId, changedAt }] of batch.entries()) {
      const failure = failureOf(place)
      if (failure === undefined) continue
      const words = failure === null ? null : failure.replaceAll(userId, '<user id>')
      if (words === null) observer?.accepted((now - changedAt) / 1000)
      else log.warn({ reason: words }, 'Braze rejects a contact')
      answers.push({ id, revision, failure: words, settledAt: now + settleMs })
    }
    await ledger.acknowledge(answers)
    log.debug({ users: batch.map(({ userId }) => userId) }, 'Braze has answered')
  }

  function close(isNews: boolean) {
    work.drop()
    if (!isNews) return
    log.warn(
      { state: gate.state, reason: gate.reason, forMs: Math.round(gate.delayMs(monotonic())) },
      'delivery waits',
    )
  }

  return {
    start() {
      unsubscribe = ledger.onRecorded(alarm.wake)
      running = run()
    },
    /** Looks for due contacts now. */
    wake: alarm.wake,
    delivery(): Delivery {
      if (!held) return { state: 'standby', reason: 'this process does not hold the lease for delivery' }
      return { state: gate.state, reason: gate.reason }
    },
    /** Finishes the requests in flight and gives the lease back. */
    async stop() {
      stopping = true
      unsubscribe()
      alarm.wake()
      await running
      await Promise.all(sending)
      // The next holder must not write to a user whose last write may still be under way: it waits the lease out.
      if (held && !work.isInDoubt()) await lease.release()
      held = false
    },
  }
}

export type Deliverer = ReturnType<typeof createDeliverer>

function describe(error: Error, timeoutMs: number): string {
  if (error.name === 'TimeoutError') return `no whole answer within ${timeoutMs} ms`
  const code = (error as { code?: string }).code
  return [code, error.message].filter(Boolean).join(': ') || error.name
}
