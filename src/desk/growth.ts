import { DAY_MS, DAY_OFFSET_MS, type Growth, type Sample } from '../ledger/ledger.ts'

/** What happened in a channel within a day, and how it stood at its end, or by now. */
export interface GrowthDay extends Growth {
  /** As `2026-09-02`; days begin when they do for LINE (UTC+9). */
  readonly day: string
  readonly channel: string
  readonly reachable: number
  readonly friend: number
  readonly messager: number
  readonly gone: number
  readonly linked: number
}

const dayOf = (at: number) => Math.floor((at + DAY_OFFSET_MS) / DAY_MS)
const nameOf = (day: number) => new Date(day * DAY_MS).toISOString().slice(0, 10)

/** How long ago the first of so many days began, today being one. */
export const backMsOf = (days: number, now: number): number =>
  now - ((dayOf(now) - days + 1) * DAY_MS - DAY_OFFSET_MS)

/**
 * The last `days` days of each channel, from its first sample on. What happened on a day of which there is no sample counts on
 * the next one that has some.
 *
 * @param samples in the order of channel and hour, as `Ledger.samples` brings them
 */
export function growthOf(samples: readonly Sample[], days: number, now: number): GrowthDay[] {
  const today = dayOf(now)
  return [...Map.groupBy(samples, ({ channel }) => channel).values()].flatMap((mine) =>
    daysOf(mine, today - days + 1, today),
  )
}

function daysOf(samples: readonly Sample[], first: number, last: number): GrowthDay[] {
  let before = samples.findLast(({ at }) => dayOf(at) < first)
  const grown: GrowthDay[] = []
  for (let day = first; day <= last; day++) {
    const end = samples.findLast(({ at }) => dayOf(at) === day) ?? before
    if (end) grown.push(growthDay(nameOf(day), end, before))
    before = end
  }
  return grown
}

function growthDay(day: string, end: Sample, before: Sample | undefined): GrowthDay {
  const { channel, friend, messager, gone, linked } = end
  const since = (of: keyof Growth) => end[of] - (before?.[of] ?? 0)
  return {
    day,
    channel,
    followed: since('followed'),
    listed: since('listed'),
    returned: since('returned'),
    blocked: since('blocked'),
    lapsed: since('lapsed'),
    reachable: friend + messager,
    friend,
    messager,
    gone,
    linked,
  }
}
