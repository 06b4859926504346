import { headerOf } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'

type Headers = HttpAnswer['headers']

/** Braze's limits reset on the clock hour at the latest; a longer wait is a misunderstanding. */
const LONGEST_WAIT_MS = 3_600_000
/** Braze's reset is a UTC epoch on some contracts and the seconds remaining on others. */
const EPOCH_FROM = 1e9

/**
 * How many milliseconds a 429 asks to wait, or undefined when it does not say so in a way that makes sense.
 * Source: braze.com/docs/api/api_limits; `Retry-After` as in RFC 9110.
 *
 * @param now milliseconds since 1970
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  return (
    waitMs(headers, 'retry-after', now) ??
    waitMs(headers, 'x-ratelimit-retry-after', now) ??
    waitMs(headers, 'x-ratelimit-reset', now)
  )
}

/** How long nothing may be sent, by an answer that says that nothing remains until the limit resets. */
export function exhaustedForMs(headers: Headers, now: number): number | undefined {
  return headerOf(headers, 'x-ratelimit-remaining')?.trim() === '0'
    ? waitMs(headers, 'x-ratelimit-reset', now)
    : undefined
}

function waitMs(headers: Headers, name: string, now: number): number | undefined {
  const value = headerOf(headers, name)?.trim()
  if (!value) return undefined
  const number = Number(value)
  const ms = Number.isNaN(number)
    ? Date.parse(value) - now
    : number > EPOCH_FROM
      ? number * 1000 - now
      : number * 1000
  // A moment that is past says that the clocks differ, and not that Braze can take more.
  return ms > 0 && ms <= LONGEST_WAIT_MS ? ms : undefined
}

/** Hands out moments at which requests may leave: at most `perSecond` of them, and never a burst to catch up. */
export function createPacer(perSecond: number) {
  const gapMs = 1000 / perSecond
  let next = 0
  return {
    /** Milliseconds until the next request may leave; 0 means now. `now` is monotonic, in milliseconds. */
    delayMs: (now: number) => Math.max(0, next - now),
    /** A request leaves. A timer that was late by a few milliseconds may be made up for. */
    leave(now: number) {
      next = Math.max(next, now - CATCH_UP_MS) + gapMs
    },
  }
}

const CATCH_UP_MS = 20
