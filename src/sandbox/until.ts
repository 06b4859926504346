export interface Waits {
  /** Resolves once `predicate` holds, rejects when it throws or the waits are closed. */
  until: (predicate: () => boolean) => Promise<void>
  /** Something happened: asks every waiting predicate again. */
  check: () => void
  /** Rejects what still waits, and whatever comes later and does not hold already. */
  close: () => void
}

/** Lets tests wait for what happens instead of for time. */
export function createWaits(): Waits {
  const waiting = new Set<() => void>()
  let closed = false

  function until(predicate: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      function ask() {
        try {
          if (predicate()) resolve()
          else if (closed) throw new Error('The sandbox was closed before what was waited for came true')
          else return
        } catch (error) {
          reject(error)
        }
        waiting.delete(ask)
      }
      waiting.add(ask)
      ask()
    })
  }

  function check() {
    for (const ask of waiting) ask()
  }

  function close() {
    closed = true
    check()
  }

  return { until, check, close }
}
