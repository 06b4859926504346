import { between, type Random } from '../random.ts'
import type { Write } from './object.ts'

export interface Profiles {
  /** Queues writes; each is applied after a delay of its own, so in any order. [LIMITS] */
  take: (writes: readonly Write[]) => void
  /** A profile's attributes by its key, or undefined where there is no such profile. */
  get: (profile: string) => ReadonlyMap<string, unknown> | undefined
  /** A profile known from before, or more attributes of one. */
  create: (profile: string, attributes: Record<string, unknown>) => void
  remove: (profile: string) => void
  removeAttribute: (profile: string, name: string) => void
  readonly size: number
  /** Writes taken and not yet applied. */
  readonly waiting: number
  /** Drops what is waiting. */
  close: () => void
}

/** `applyMs` is the shortest and the longest delay; [0, 0] applies at once. `onApplied` hears of each write. */
export function createProfiles(options: {
  applyMs: readonly [min: number, max: number]
  random: Random
  onApplied: (write: Write) => void
}): Profiles {
  const [minMs, maxMs] = options.applyMs
  const profiles = new Map<string, Map<string, unknown>>()
  /** Writes by the millisecond they are due: one timer for all of a millisecond. */
  const due = new Map<number, { timer: NodeJS.Timeout; writes: Write[] }>()
  let waiting = 0

  function apply(write: Write) {
    let profile = profiles.get(write.profile)
    if (profile === undefined && write.creates) {
      profile = new Map()
      profiles.set(write.profile, profile)
    }
    if (profile !== undefined) for (const [name, value] of write.attributes) set(profile, name, value)
    waiting--
    options.onApplied(write)
  }

  function applyDue(at: number) {
    const writes = due.get(at)?.writes ?? []
    due.delete(at)
    for (const write of writes) apply(write)
  }

  function applyLater(write: Write, now: number) {
    const delayMs = between(options.random, minMs, maxMs)
    const at = now + delayMs
    const same = due.get(at)
    if (same !== undefined) same.writes.push(write)
    else due.set(at, { timer: setTimeout(applyDue, delayMs, at), writes: [write] })
  }

  return {
    take(writes) {
      waiting += writes.length
      const now = Math.floor(performance.now())
      for (const write of writes) maxMs === 0 ? apply(write) : applyLater(write, now)
    },
    get: (profile) => profiles.get(profile),
    create(profile, attributes) {
      const attributesBefore = profiles.get(profile) ?? new Map<string, unknown>()
      profiles.set(profile, attributesBefore)
      for (const [name, value] of Object.entries(attributes)) set(attributesBefore, name, value)
    },
    remove(profile) {
      profiles.delete(profile)
    },
    removeAttribute(profile, name) {
      profiles.get(profile)?.delete(name)
    },
    get size() {
      return profiles.size
    },
    get waiting() {
      return waiting
    },
    close() {
      for (const { timer } of due.values()) clearTimeout(timer)
      due.clear()
      waiting = 0
    },
  }
}

/** null removes an attribute. [OBJ] */
function set(profile: Map<string, unknown>, name: string, value: unknown) {
  if (value === null) profile.delete(name)
  else profile.set(name, value)
}
