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

/** One who waits, in a ring of all who do. */
interface Waiter {
  before: Waiter
  after: Waiter
  readonly at: number
  readonly give: () => void
}

/**
 * For what must be answered in time. All share a timer, since one for each webhook would cost 7 % of what a webhook
 * costs: it runs to the earliest end, and looks there who still waits.
 *
 * They stand in a ring, and whoever leaves it lets go of the others. A Set would be rehashed all the time, and each table
 * that it leaves behind keeps alive, by way of the next one, whatever was in it (measured: webhooks a third slower).
 */
export function createDeadlines({ monotonic, after }: Time) {
  const ring = { at: Number.POSITIVE_INFINITY, give() {} } as Waiter
  ring.before = ring
  ring.after = ring
  let looksAt = Number.POSITIVE_INFINITY

  function join(at: number, give: () => void): Waiter {
    const waiter = { before: ring.before, after: ring, at, give }
    waiter.before.after = waiter
    ring.before = waiter
    lookAt(at)
    return waiter
  }

  function leave(waiter: Waiter) {
    waiter.before.after = waiter.after
    waiter.after.before = waiter.before
    waiter.before = waiter
    waiter.after = waiter
  }

  function lookAt(at: number) {
    if (at >= looksAt) return
    looksAt = at
    after(Math.max(0, at - monotonic()), look)
  }

  function look() {
    looksAt = Number.POSITIVE_INFINITY
    const now = monotonic()
    for (let each = ring.after, next = each.after; each !== ring; each = next, next = each.after) {
      if (each.at > now) {
        lookAt(each.at)
        continue
      }
      leave(each)
      each.give()
    }
  }

  return {
    /**
     * Settles as `work` does, or rejects with `TooLate` at the moment `at` of the monotonic clock. Work that ends later
     * still ends, and its rejection is nobody's then.
     */
    by<T>(at: number, work: Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const waiter = join(at, () => reject(new TooLate('The database has not answered in time.')))
        work.then(
          (value) => {
            leave(waiter)
            resolve(value)
          },
          (error) => {
            leave(waiter)
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
