import { between, type Random } from '../random.ts'
import type { Write } from './object.ts'

export type Profiles = ReturnType<typeof createProfiles>

/** `applyMs` is the shortest and the longest delay; [0, 0] applies at once. `onApplied` is called after each write. */
export function createProfiles(options: {
  applyMs: readonly [min: number, max: number]
  random: Random
  onApplied: () => void
}) {
  const [minMs, maxMs] = options.applyMs
  /** Attributes by the key of their profile. */
  const profiles = new Map<string, Map<string, unknown>>()
  const timers = new Set<NodeJS.Timeout>()

  function change(profile: string, attributes: Iterable<[name: string, value: unknown]>, creates: boolean) {
    const changed = profiles.get(profile) ?? new Map<string, unknown>()
    if (creates) profiles.set(profile, changed)
    // null removes an attribute. [OBJ]
    for (const [name, value] of attributes) value === null ? changed.delete(name) : changed.set(name, value)
  }

  function apply({ profile, attributes, creates }: Write) {
    change(profile, attributes, creates)
    options.onApplied()
  }

  function applyLater(write: Write) {
    const timer = setTimeout(
      () => {
        timers.delete(timer)
        apply(write)
      },
      between(options.random, minMs, maxMs),
    )
    timers.add(timer)
  }

  return {
    all: profiles,
    /** Gives a profile more attributes; one that is not there is made only if `creates`. */
    change,
    /** Queues writes; each is applied after a delay of its own, so in any order. [LIMITS] */
    take(writes: readonly Write[]) {
      for (const write of writes) maxMs === 0 ? apply(write) : applyLater(write)
    },
    /** Writes taken and not yet applied. */
    waiting: () => timers.size,
    /** Drops what is waiting. */
    close() {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
    },
  }
}
