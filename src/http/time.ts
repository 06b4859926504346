/** The time that the HTTP side lives by; handed in, so that tests need not wait for it. */
export interface Time {
  /** Milliseconds that nobody sets. */
  monotonic(): number
  /** Calls once, in so many milliseconds, unless the process ends before. Returns how to stop that. */
  after(ms: number, call: () => void): () => void
}

export const realTime: Time = {
  monotonic: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms).unref()
    return () => clearTimeout(timer)
  },
}

/** What was waited for has not come; the message may be shown to anybody. */
export class TooLate extends Error {
  override name = 'TooLate'
}

/**
 * For what must be answered in time. All share a timer, so that a webhook costs none of its own: it runs to the earliest
 * end, and looks there who still waits.
 */
export function createDeadlines({ monotonic, after }: Time) {
  const waiting = new Set<{ readonly at: number; readonly give: () => void }>()
  let looksAt = Number.POSITIVE_INFINITY

  function lookAt(at: number) {
    if (at >= looksAt) return
    looksAt = at
    after(Math.max(0, at - monotonic()), look)
  }

  function look() {
    looksAt = Number.POSITIVE_INFINITY
    const now = monotonic()
    let next = Number.POSITIVE_INFINITY
    for (const each of waiting) {
      if (each.at <= now) {
        waiting.delete(each)
        each.give()
      } else next = Math.min(next, each.at)
    }
    if (waiting.size > 0) lookAt(next)
  }

  return {
    /**
     * Settles as `work` does, or rejects with `TooLate` at the moment `at` of the monotonic clock. Work that ends later
     * still ends, and its rejection is nobody's then.
     */
    by<T>(at: number, work: Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const give = () => reject(new TooLate('The database has not answered in time.'))
        const waiter = { at, give }
        waiting.add(waiter)
        lookAt(at)
        work.then(
          (value) => {
            waiting.delete(waiter)
            resolve(value)
          },
          (error) => {
            waiting.delete(waiter)
            reject(error)
          },
        )
      })
    },
  }
}

/** `by`, so many milliseconds from now. */
export function createPatience(time: Time, ms: number) {
  const deadlines = createDeadlines(time)
  return <T>(work: Promise<T>) => deadlines.by(time.monotonic() + ms, work)
}
