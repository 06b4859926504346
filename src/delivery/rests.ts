export interface RestsOptions {
  /** 0: nobody rests. */
  readonly restMs: number
  /** Milliseconds that nobody sets. */
  readonly monotonic: () => number
}

/**
 * Who rests: each for `restMs` at least and twice that at most. Two sets that take turns, so that a rest costs one entry, and
 * no moment, of the many that begin each second.
 */
export function createRests({ restMs, monotonic }: RestsOptions) {
  let [newer, older]: [Set<string>, Set<string>] = [new Set(), new Set()]
  let turnedAt = Number.NEGATIVE_INFINITY
  let lastAt = Number.NEGATIVE_INFINITY

  function turn() {
    const sinceMs = monotonic() - turnedAt
    if (sinceMs < restMs) return
    ;[newer, older] = [new Set(), sinceMs < 2 * restMs ? newer : new Set()]
    turnedAt = monotonic()
  }

  return {
    add(key: string) {
      if (restMs === 0) return
      turn()
      newer.add(key)
      lastAt = monotonic()
    },
    has(key: string): boolean {
      if (newer.size + older.size === 0) return false
      turn()
      return newer.has(key) || older.has(key)
    },
    /** Milliseconds until some rest ends; infinite where nobody rests. */
    nextEndMs(): number {
      if (restMs > 0) turn()
      return newer.size + older.size > 0 ? turnedAt + restMs - monotonic() : Number.POSITIVE_INFINITY
    },
    /** Milliseconds until all that have begun must be over. */
    lastEndMs: (): number => Math.max(0, lastAt + restMs - monotonic()),
  }
}
