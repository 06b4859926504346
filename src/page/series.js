/** From what the server keeps to what a chart draws; pure, so that tests need no browser. */

/** @typedef {import('../http/page/series.ts').ChannelSeries} ChannelSeries */
/** @typedef {import('../http/page/meter.ts').Metered} Metered */
/** @typedef {{at: number[], reachable: number[], friend: number[], messager: number[], linked: number[]}} Reach */

const COUNTS = /** @type {const} */ (['friend', 'messager', 'linked'])

/**
 * The numbers of one channel, or of all together. Channels are not sampled at the same moments: each counts as it was last
 * known, and from its first sample on.
 *
 * @param {readonly ChannelSeries[]} series
 * @param {string} channel empty: all
 * @returns {Reach}
 */
export function reachOf(series, channel) {
  const chosen = series.filter((each) => channel === '' || each.channel === channel)
  const at = [...new Set(chosen.flatMap((each) => each.at))].sort((a, b) => a - b)
  /** @type {Reach} */
  const reach = { at, reachable: [], friend: [], messager: [], linked: [] }
  const places = chosen.map(() => -1)
  for (const moment of at) {
    const now = { friend: 0, messager: 0, linked: 0 }
    for (const [i, each] of chosen.entries()) {
      let place = places[i] ?? -1
      while ((each.at[place + 1] ?? Number.POSITIVE_INFINITY) <= moment) place += 1
      places[i] = place
      for (const count of COUNTS) now[count] += each[count][place] ?? 0
    }
    for (const count of COUNTS) reach[count].push(now[count])
    reach.reachable.push(now.friend + now.messager)
  }
  return reach
}

/** How many more there are at the end than at the beginning. @param {readonly number[]} values */
export const riseOf = (values) => (values.at(-1) ?? 0) - (values[0] ?? 0)

/**
 * Events by minute, of one channel or of all.
 *
 * @param {Metered} meter
 * @param {string} channel empty: all
 */
export function eventsOf({ at, events }, channel) {
  const chosen = Object.entries(events).filter(([name]) => channel === '' || name === channel)
  return at.map((_, i) => chosen.reduce((sum, [, counts]) => sum + (counts[i] ?? 0), 0))
}

/** The last minute that is over, since the one that is not has not had all of its events. @param {readonly number[]} counts */
export const lastWhole = (counts) => counts.at(-2) ?? 0

/** The newest value that is known. @param {readonly (number | null)[]} values */
export const newest = (values) => values.findLast((value) => value !== null) ?? null

/**
 * Where a scale from 0 ends, so that its last line is above all values and has a round number.
 *
 * @param {number} most
 */
export function roundUp(most) {
  if (most <= 4) return 4
  const step = 10 ** Math.floor(Math.log10(most))
  const factor = [1, 2, 2.5, 4, 5, 8, 10].find((each) => each * step >= most) ?? 10
  return factor * step
}
