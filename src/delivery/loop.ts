import type { Ledger } from '../ledger/ledger.ts'
import { backoffMs } from '../wire/retry.ts'
import type { After } from '../wire/time.ts'
import { createAlarm } from './alarm.ts'
import type { DeliveryMeans } from './means.ts'

/** A ledger that fails is asked again so often at least: it may be well again at any moment. */
const LONGEST_REST_MS = 10_000
/** Commits may come by the thousand a second: the ledger is not looked at more often than this. */
const LOOK_GAP_MS = 50
/** Another process may commit something, or a clock may be set. */
const IDLE_MS = 1_000

export interface LoopOptions extends Pick<DeliveryMeans, 'log' | 'monotonic' | 'random'> {
  readonly ledger: Pick<Ledger, 'onRecorded'>
  readonly after?: After | undefined
  /** For the log: what it does, "looking customers up". */
  readonly name: string
  /** Does what can be done now, as one look and one request. Returns how long to rest unless something happens before. */
  readonly step: () => Promise<number>
}

/** Takes one step after the other, soon after each commit and otherwise when the last one said, until it is stopped. */
export function createLoop({ ledger, after, name, step, log, monotonic, random }: LoopOptions) {
  const alarm = createAlarm(after)
  let steppedAt = Number.NEGATIVE_INFINITY
  let isIdle = false
  let stopping = false
  let running: Promise<void> | undefined
  let unsubscribe = () => {}

  async function run() {
    for (let failures = 0; !stopping; ) {
      try {
        await alarm.rest(await next())
        failures = 0
      } catch (error) {
        failures += 1
        log.error({ error: (error as Error).message }, `${name} fails`)
        await alarm.rest(Math.min(LONGEST_REST_MS, backoffMs(failures, random())))
      }
    }
  }

  async function next(): Promise<number> {
    const gapMs = steppedAt + LOOK_GAP_MS - monotonic()
    if (isIdle && gapMs > 0) return gapMs
    steppedAt = monotonic()
    const restMs = Math.min(IDLE_MS, await step())
    isIdle = restMs > 0
    return restMs
  }

  return {
    start() {
      unsubscribe = ledger.onRecorded(alarm.wake)
      running = run()
    },
    wake: alarm.wake,
    /** Finishes the request in flight. */
    async stop() {
      stopping = true
      unsubscribe()
      alarm.wake()
      await running
    },
  }
}

export type Loop = ReturnType<typeof createLoop>
