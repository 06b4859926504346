/** The time that the HTTP side lives by; handed in, so that tests need not wait for it. */
export interface Time {
  /** Milliseconds that nobody sets. */
  monotonic(): number
  /** Calls once, in so many milliseconds. Returns how to stop that. */
  after(ms: number, call: () => void): () => void
}

export const realTime: Time = {
  monotonic: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

/** What was waited for has not come; the message may be shown to anybody. */
export class TooLate extends Error {
  override name = 'TooLate'
}

/**
 * Settles as `work` does, or rejects with `TooLate` in `ms`. Work that ends later still ends, and its rejection is
 * nobody's then.
 */
export function within<T>(work: Promise<T>, ms: number, { after }: Time): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = after(Math.max(0, ms), () => reject(new TooLate('The database has not answered in time.')))
    work.then(
      (value) => {
        stop()
        resolve(value)
      },
      (error) => {
        stop()
        reject(error)
      },
    )
  })
}
