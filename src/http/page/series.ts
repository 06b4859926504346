import { DAY_MS, DAY_OFFSET_MS, type Sample } from '../../ledger/ledger.ts'

/** The numbers of a channel over time, by columns. */
export interface ChannelSeries {
  readonly channel: string
  /** Milliseconds since 1970: the end of the hour or the day, or now. */
  readonly at: readonly number[]
  readonly friend: readonly number[]
  readonly messager: readonly number[]
  readonly gone: readonly number[]
  readonly linked: readonly number[]
}

/** From so many days on, one point for each day is enough. */
const BY_DAY_FROM = 60
const HOUR_MS = 3_600_000

/**
 * @param samples by channel and hour
 * @param now milliseconds since 1970: nothing is known of later
 */
export function seriesOf(samples: readonly Sample[], days: number, now: number): ChannelSeries[] {
  const dayOf = ({ at }: Sample) => Math.floor((at + DAY_OFFSET_MS) / DAY_MS)
  const shown = samples.filter((sample, i) => {
    const next = samples[i + 1]
    return days < BY_DAY_FROM || next?.channel !== sample.channel || dayOf(next) !== dayOf(sample)
  })
  const channels = Map.groupBy(shown, ({ channel }) => channel)
  return Array.from(channels, ([channel, all]) => ({
    channel,
    at: all.map(({ at }) => Math.min(at + HOUR_MS, now)),
    friend: all.map(({ friend }) => friend),
    messager: all.map(({ messager }) => messager),
    gone: all.map(({ gone }) => gone),
    linked: all.map(({ linked }) => linked),
  }))
}
