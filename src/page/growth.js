/** Growth as a chart draws it; pure, so that tests need no browser. */

/** @typedef {import('../desk/growth.ts').GrowthDay} GrowthDay */

export const GAINS = /** @type {const} */ (['followed', 'listed', 'returned'])
export const LOSSES = /** @type {const} */ (['blocked', 'lapsed'])

/** @typedef {{day: string, followed: number, listed: number, returned: number, blocked: number, lapsed: number}} Day */

const DAY_MS = 86_400_000
/** @param {string} day @returns {Day} */
const nothing = (day) => ({ day, followed: 0, listed: 0, returned: 0, blocked: 0, lapsed: 0 })

/**
 * Each of the days once, in order, also those on which nothing was sampled, up to the newest that is known.
 *
 * @param {readonly GrowthDay[]} growth
 * @param {string} channel empty: all together
 * @returns {Day[]}
 */
export function daysOf(growth, channel) {
  const known = growth.filter((each) => channel === '' || each.channel === channel)
  const names = known.map(({ day }) => day).sort()
  const [first, last] = [names[0], names.at(-1)]
  if (first === undefined || last === undefined) return []
  /** @type {Map<string, Day>} */
  const days = new Map()
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10)
    days.set(day, nothing(day))
  }
  for (const each of known) {
    const day = days.get(each.day) ?? nothing(each.day)
    for (const name of [...GAINS, ...LOSSES]) day[name] += each[name]
  }
  return [...days.values()]
}

/** @param {readonly Day[]} days */
export function totalOf(days) {
  const total = nothing('')
  for (const day of days) for (const name of [...GAINS, ...LOSSES]) total[name] += day[name]
  return { ...total, net: netOf(total) }
}

/** @param {Day} day */
export const netOf = ({ followed, listed, returned, blocked, lapsed }) =>
  followed + listed + returned - blocked - lapsed

/**
 * Bars that lie on each other: each series reaches over those before it, so that they are drawn from the last to the first.
 *
 * @param {readonly Day[]} days
 */
export function stacksOf(days) {
  /** @param {readonly (typeof GAINS[number] | typeof LOSSES[number])[]} names @param {1 | -1} sign */
  const stack = (names, sign) =>
    names.map((_, i) =>
      days.map((day) => sign * names.slice(0, i + 1).reduce((sum, name) => sum + day[name], 0)),
    )
  return { gains: stack(GAINS, 1), losses: stack(LOSSES, -1) }
}
