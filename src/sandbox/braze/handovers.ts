import type { Write } from './object.ts'
import type { Profiles } from './profiles.ts'

/** A value that a request takes from a profile. */
interface Loss {
  /** Attribute and value. */
  what: string
  profile: string
  write: Write
  /** When Braze took it, in epoch milliseconds; null as long as it has not been answered. */
  at: number | null
}

/** Clocks are read in whole milliseconds on both sides. */
const toleranceMs = 1

export type Handovers = ReturnType<typeof createHandovers>

/**
 * Watches how a value goes from one profile to another: it is given only `settleMs` after Braze took the write that takes it away. Otherwise
 * Braze could apply the two in either order, and two profiles would hold it, which need not happen in a test.
 */
export function createHandovers(parts: {
  settleMs: number
  clock: () => number
  profiles: Profiles
  blame: (violation: string) => void
}) {
  const { settleMs, clock, profiles, blame } = parts
  const losses = new Map<string, Loss>()

  /** The texts of a profile that a write replaces or removes: only they are anybody's own. */
  function lossesOf(write: Write): Loss[] {
    const held = profiles.find(write.target)?.attributes ?? new Map()
    const profile = profiles.keyOf(write.target)
    return write.attributes.flatMap(([name, value]) => {
      const before = held.get(name)
      if (typeof before !== 'string' || before === value) return []
      return [{ what: keyOf(name, before), profile, write, at: null }]
    })
  }

  function check({ target, attributes }: Write) {
    for (const [name, value] of attributes) {
      const loss = typeof value === 'string' ? losses.get(keyOf(name, value)) : undefined
      if (loss === undefined) continue
      const isOther = loss.profile !== profiles.keyOf(target)
      const elapsed = loss.at === null ? 0 : clock() - loss.at
      const isSettled = loss.at !== null && elapsed >= settleMs - toleranceMs
      if (!isOther || isSettled) losses.delete(loss.what)
      else blame(`a profile was given a value ${elapsed} ms after another one lost it`)
    }
  }

  return {
    /** A request has arrived whole. Returns what `end` needs. */
    begin(writes: readonly Write[]): readonly Loss[] {
      if (settleMs === 0) return []
      const lost = writes.flatMap(lossesOf)
      for (const loss of lost) losses.set(loss.what, loss)
      writes.forEach(check)
      return lost
    },
    /** It is over, and Braze took some of its writes at a time, whether it could say so or not. */
    end(lost: readonly Loss[], taken: readonly Write[], at: number) {
      for (const loss of lost) {
        if (taken.includes(loss.write)) loss.at = at
        else if (losses.get(loss.what) === loss) losses.delete(loss.what)
      }
    },
  }
}

const keyOf = (name: string, value: string) => `${name}\0${value}`
