import { backoffMs } from '../wire/retry.ts'

export type DeliveryState = 'delivering' | 'standby' | 'waiting' | 'paused'

/** How often a request tries whether a person has mended what Braze refuses as a whole. */
const PAUSE_MS = 30_000

/**
 * Says when requests may go to Braze, by what the last ones brought. After a failure or a pause a single request
 * goes first, to find out.
 *
 * All times are milliseconds of a monotonic clock.
 *
 * @param random 0 to 1, for the jitter that keeps many senders apart
 */
export function createGate(random: () => number) {
  let state: 'delivering' | 'waiting' | 'paused' = 'delivering'
  let reason: string | null = null
  let closedUntil = 0
  /** Failures in a row, as far as they were found out one after the other. */
  let failures = 0
  /** Rises with each failure and pause: those of requests that left before it tell nothing new. */
  let stretch = 0

  const isProbing = () => failures > 0 || state === 'paused'

  function close(as: 'waiting' | 'paused', why: string, until: number) {
    state = as
    reason = why
    closedUntil = Math.max(closedUntil, until)
    stretch += 1
  }

  return {
    get stretch() {
      return stretch
    },
    get state() {
      return state
    },
    get reason() {
      return reason
    },
    delayMs: (now: number) => Math.max(0, closedUntil - now),
    /** Whether only one request may be in flight, until it has told how things are. */
    isProbing,

    /**
     * A request that left in `sentIn` was answered as it should be; later failures stay what they are. Returns whether
     * that was news.
     */
    succeeded(sentIn: number): boolean {
      if (sentIn !== stretch || !isProbing()) return false
      failures = 0
      state = 'delivering'
      reason = null
      return true
    },
    /**
     * A request that left in `sentIn` failed: the next one waits 1 s at most, doubling up to 5 minutes with each
     * failure in a row. Returns whether that was news.
     */
    failed(why: string, sentIn: number, now: number): boolean {
      if (sentIn !== stretch) return false
      failures += 1
      close('waiting', why, now + backoffMs(failures, random()))
      return true
    },
    /** A person has to mend something. Returns whether that was news. */
    pause(why: string, sentIn: number, now: number): boolean {
      if (sentIn !== stretch) return false
      close('paused', why, now + PAUSE_MS)
      return true
    },
    /**
     * Nothing may leave for a while. That says nothing about whether requests succeed: a failure or a pause that is
     * known stays what it is, and no probe is needed otherwise. Returns whether it was news.
     */
    wait(why: string, forMs: number, now: number): boolean {
      const isNews = now >= closedUntil
      closedUntil = Math.max(closedUntil, now + forMs + random() * Math.min(1_000, forMs / 10))
      if (!isProbing()) {
        state = 'waiting'
        reason = why
      }
      return isNews
    },
    /** A wait is over once its time is; a failure or a pause only with a success. Returns whether that was news. */
    reopen(now: number): boolean {
      if (state !== 'waiting' || failures > 0 || now < closedUntil) return false
      state = 'delivering'
      reason = null
      return true
    },
  }
}

export type Gate = ReturnType<typeof createGate>
