import type { After } from '../wire/time.ts'

/** The time that the HTTP side lives by; handed in, so that tests need not wait for it. */
export interface Time {
  /** Milliseconds that nobody sets. */
  monotonic(): number
  /** Keeps no process from ending. */
  readonly after: After
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

interface Waiter {
  readonly at: number
  readonly give: () => void
  place: number
}

/**
 * For what must be answered in time. All share a timer, so that a webhook costs none of its own: it runs to the earliest
 * end, and looks there who still waits.
 */
export function createDeadlines({ monotonic, after }: Time) {
  // Not a Set, nor a Map: V8 makes their tables anew as entries come and go, each old one refers to the next and to what
  // was in it, and once one of them is in the old space, all requests of later ones stay until a full collection.
  const waiting: Waiter[] = []
  let looksAt = Number.POSITIVE_INFINITY

  function lookAt(at: number) {
    if (at >= looksAt) return
    looksAt = at
    after(Math.max(0, at - monotonic()), look)
  }

  function look() {
    looksAt = Number.POSITIVE_INFINITY
    const now = monotonic()
    for (const waiter of waiting.filter(({ at }) => at <= now)) {
      leave(waiter)
      waiter.give()
    }
    if (waiting.length > 0)
      lookAt(waiting.reduce((next, { at }) => Math.min(next, at), Number.POSITIVE_INFINITY))
  }

  function leave(waiter: Waiter) {
    if (waiting[waiter.place] !== waiter) return
    const last = waiting.pop() as Waiter
    if (last === waiter) return
    last.place = waiter.place
    waiting[last.place] = last
  }

  return {
    /**
     * Settles as `work` does, or rejects with `TooLate` at the moment `at` of the monotonic clock. Work that ends later
     * still ends, and its rejection is nobody's then.
     */
    by<T>(at: number, work: Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const give = () => reject(new TooLate('The database has not answered in time.'))
        const waiter = { at, give, place: waiting.length }
        waiting.push(waiter)
        lookAt(at)
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
