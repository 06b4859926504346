/** What this process has done within the last hour, by minutes. */
export interface Metered {
  /** The beginnings of the minutes, milliseconds since 1970; the last one is not over. */
  readonly at: readonly number[]
  /** Events that were stored, of each channel. */
  readonly events: Readonly<Record<string, readonly number[]>>
  /** Changes that Braze accepted. */
  readonly accepted: readonly number[]
  /** Seconds from a commit until Braze accepted it, of half of them and of 95 in a hundred; null where there were none. */
  readonly half: readonly (number | null)[]
  readonly most: readonly (number | null)[]
}

interface Minute {
  readonly at: number
  readonly events: Map<string, number>
  /** How many took so long, by `bucketOf`. */
  readonly took: Uint32Array
  accepted: number
}

const MINUTE_MS = 60_000
const MINUTES = 60
/** Each is a tenth longer than the one before: from a millisecond to some hours. */
const GROWTH = 1.1
const SHORTEST_SECONDS = 0.001
const BUCKETS = 180

const bucketOf = (seconds: number) => {
  const bucket = Math.round(Math.log(seconds / SHORTEST_SECONDS) / Math.log(GROWTH))
  return Math.min(BUCKETS - 1, Math.max(0, bucket))
}
const secondsOf = (bucket: number) => SHORTEST_SECONDS * GROWTH ** bucket

/** Counts events and delivery times by minutes, in memory that does not grow. */
export function createMeter(now: () => number = Date.now) {
  let minutes: Minute[] = []

  const beginning = () => Math.floor(now() / MINUTE_MS) * MINUTE_MS
  function current(): Minute {
    const at = beginning()
    const last = minutes.at(-1)
    if (last?.at === at) return last
    // A clock that was set back has no minutes ahead of it.
    minutes = minutes.filter((minute) => minute.at < at && minute.at > at - MINUTES * MINUTE_MS)
    const minute = { at, events: new Map(), took: new Uint32Array(BUCKETS), accepted: 0 }
    minutes.push(minute)
    return minute
  }

  return {
    stored(channel: string, events: number) {
      const minute = current()
      minute.events.set(channel, (minute.events.get(channel) ?? 0) + events)
    },
    accepted(seconds: number) {
      const minute = current()
      minute.accepted += 1
      const bucket = bucketOf(seconds)
      minute.took[bucket] = (minute.took[bucket] ?? 0) + 1
    },
    read(): Metered {
      const newest = beginning()
      const at = Array.from({ length: MINUTES }, (_, i) => newest - (MINUTES - 1 - i) * MINUTE_MS)
      const known = new Map(minutes.map((minute) => [minute.at, minute]))
      const all = at.map((moment) => known.get(moment))
      const channels = new Set(all.flatMap((minute) => [...(minute?.events.keys() ?? [])]))
      return {
        at,
        events: Object.fromEntries(
          Array.from(channels, (channel) => [channel, all.map((minute) => minute?.events.get(channel) ?? 0)]),
        ),
        accepted: all.map((minute) => minute?.accepted ?? 0),
        half: all.map((minute) => quantileOf(minute, 0.5)),
        most: all.map((minute) => quantileOf(minute, 0.95)),
      }
    },
  }
}

export type Meter = ReturnType<typeof createMeter>

function quantileOf(minute: Minute | undefined, part: number): number | null {
  if (!minute || minute.accepted === 0) return null
  const wanted = Math.ceil(part * minute.accepted)
  let seen = 0
  for (const [bucket, count] of minute.took.entries()) {
    seen += count
    if (seen >= wanted) return Number(secondsOf(bucket).toPrecision(3))
  }
  return null
}
