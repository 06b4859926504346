/**
 * How much Braze lets through: `requests` in each window of `perMs`. [LIMITS] In the dialect `epoch` X-RateLimit-Reset is the UTC epoch
 * second of the reset, on a 429 too; in `seconds` it is the seconds that remain, and a 429 has X-Ratelimit-Retry-After in its place.
 */
export interface Limit {
  dialect: 'epoch' | 'seconds'
  requests: number
  perMs: number
}

export interface Limiter {
  /** Counts one request; false when it is one too many. */
  take: () => boolean
  /** The headers of an answer, as things stand. */
  headers: (status: number) => Record<string, string>
}

/** Windows follow each other from the first request on. `now` is in epoch milliseconds. */
export function createLimiter(limit: Limit, now: () => number = Date.now): Limiter {
  let endsAt = 0
  let used = 0

  function roll() {
    if (now() < endsAt) return
    endsAt = now() + limit.perMs
    used = 0
  }

  return {
    take() {
      roll()
      if (used >= limit.requests) return false
      used++
      return true
    },
    headers(status) {
      roll()
      const seconds = String(Math.ceil((endsAt - now()) / 1000))
      if (limit.dialect === 'seconds' && status === 429) return { 'X-Ratelimit-Retry-After': seconds }
      return {
        'X-RateLimit-Limit': String(limit.requests),
        'X-RateLimit-Remaining': String(limit.requests - used),
        'X-RateLimit-Reset': limit.dialect === 'seconds' ? seconds : String(Math.ceil(endsAt / 1000)),
      }
    },
  }
}
