import { backoffMs } from '../wire/retry.ts'
import { sleep as sleepFor } from '../wire/time.ts'
import type { Messaging, Quota } from './messaging.ts'

export interface QuotaWatchOptions {
  readonly channel: string
  /** Asks LINE. */
  readonly quota: Messaging['quota']
  readonly log: QuotaLog
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
  /** 0 to 1. */
  readonly random?: () => number
  /** Rejects when the signal aborts. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<unknown>
}

/** What a pino logger offers. */
export interface QuotaLog {
  debug(fields: object, message: string): void
  warn(fields: object, message: string): void
}

const HOUR_MS = 3_600_000
/** After a failure it is asked again so soon, and then more and more seldom. */
const FIRST_REST_MS = 60_000
/** What is older says nothing: one campaign can use up a month. */
export const LONGEST_MS = 3 * HOUR_MS

/**
 * Asks once an hour how many messages a channel may send this month, and has sent, until it is stopped. It is on nobody's
 * way: whoever wants to know gets what LINE has said last.
 */
export function createQuotaWatch(options: QuotaWatchOptions) {
  const { channel, quota, log, random = Math.random, sleep = sleepFor } = options
  const { monotonic = () => performance.now() } = options
  const stopping = new AbortController()
  const { signal } = stopping
  let running: Promise<void> | undefined
  let last: { readonly quota: Quota; readonly at: number } | undefined

  async function run() {
    for (let failures = 0; !signal.aborted; ) {
      let restMs = HOUR_MS
      try {
        const answer = await quota(signal)
        last = { quota: answer, at: monotonic() }
        failures = 0
        log.debug({ channel, ...answer }, "LINE has said how many of the month's messages are sent")
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        if (failures === 1)
          log.warn(
            { channel, error: (error as Error).message },
            "LINE does not say how many of the month's messages are sent; it is asked again and again",
          )
        restMs = backoffMs(failures, random(), FIRST_REST_MS, HOUR_MS)
      }
      await sleep(restMs, signal).catch(() => {})
    }
  }

  return {
    start() {
      running ??= run()
    },
    async stop() {
      stopping.abort(new Error('stopping'))
      await running
    },
    /** Null where LINE has not said it yet, or not for three hours. */
    status: (): { readonly channel: string; readonly quota: Quota | null } => ({
      channel,
      quota: last && monotonic() - last.at <= LONGEST_MS ? last.quota : null,
    }),
  }
}
