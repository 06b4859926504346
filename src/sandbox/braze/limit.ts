/**
 * How much Braze lets through: `requests` in each window of `perMs`. [LIMITS] In the dialect `epoch` X-RateLimit-Reset is the UTC epoch
 * second of the reset, on a 429 too; in `seconds` it is the seconds that remain, and a 429 has X-Ratelimit-Retry-After in its place.
 */
export interface Limit {
  dialect: 'epoch' | 'seconds'
  requests: number
  perMs: number
}

export type Limiter = ReturnType<typeof createLimiter>

/** Windows follow each other from the first request on. */
export function createLimiter({ dialect, requests, perMs }: Limit) {
  let endsAt = 0
  let used = 0

  function roll() {
    if (Date.now() < endsAt) return
    endsAt = Date.now() + perMs
    used = 0
  }

  return {
    /** Counts one request; false when it is one too many. */
    take(): boolean {
      roll()
      if (used >= requests) return false
      used++
      return true
    },
    /** The headers of an answer, as things stand. */
    headers(status: number): Headers {
      roll()
      const seconds = String(Math.ceil((endsAt - Date.now()) / 1000))
      if (dialect === 'seconds' && status === 429) return new Headers({ 'X-Ratelimit-Retry-After': seconds })
      return new Headers({
        'X-RateLimit-Limit': String(requests),
        'X-RateLimit-Remaining': String(requests - used),
        'X-RateLimit-Reset': dialect === 'seconds' ? seconds : String(Math.ceil(endsAt / 1000)),
      })
    },
  }
}
