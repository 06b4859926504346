/** What was: reachable people over time, and growth by day. */
import { ask } from './ask.js'
import { byId, setText } from './elements.js'
import { daysOf, GAINS, LOSSES, netOf, stacksOf, totalOf } from './growth.js'
import { dayName, many, number, short, signed } from './numbers.js'
import { choose, createPanel } from './panel.js'
import { reachOf, riseOf } from './series.js'

/** @typedef {import('./series.js').ChannelSeries} ChannelSeries */
/** @typedef {import('./growth.js').GrowthDay} GrowthDay */
/** @typedef {ReturnType<typeof import('./numbers.js').createMoments>} Moments */

const REACH_RANGES = [
  { value: 1, text: '24 h', title: 'the last 24 hours' },
  { value: 7, text: '7 d', title: 'the last 7 days' },
  { value: 31, text: '31 d', title: 'the last 31 days' },
  { value: 730, text: '2 y', title: 'the last 2 years' },
]
const GROWTH_RANGES = [
  { value: 30, text: '30 d', title: 'the last 30 days' },
  { value: 90, text: '90 d', title: 'the last 90 days' },
  { value: 365, text: '1 y', title: 'the last year' },
]
const RENEW_MS = 60_000
const DAY_MS = 86_400_000

/**
 * Asks for `path` now, whenever the range is another one, and each minute; shows the newest answer.
 *
 * @template T
 * @param {{path: string, days: number, show: (answer: T, days: number) => void, say: (text: string) => void}} options
 */
function createRange({ path, days: first, show, say }) {
  let days = first
  /** @type {T | undefined} */
  let newest
  async function load() {
    const asked = days
    try {
      const answer = await ask(`${path}?days=${asked}`)
      // Another range was chosen meanwhile.
      if (asked !== days) return
      newest = /** @type {T} */ (answer)
      show(newest, days)
    } catch (error) {
      if (newest === undefined) say(/** @type {Error} */ (error).message)
    }
  }
  setInterval(() => document.hidden || load(), RENEW_MS)
  document.addEventListener('visibilitychange', () => document.hidden || load())
  void load()
  return {
    days: () => days,
    /** @param {number} value */
    choose(value) {
      days = value
      void load()
    },
    again: () => newest !== undefined && show(newest, days),
  }
}

/**
 * @param {Moments} moments
 * @param {() => string} channel
 */
export function createReach(moments, channel) {
  let days = 31
  /** From the first point to the last: in the beginning there are fewer than the range has room for. */
  let spanMs = 0
  const label = (/** @type {number} */ at) =>
    spanMs < 2 * DAY_MS ? moments.time(at) : spanMs > 60 * DAY_MS ? moments.month(at) : moments.day(at)
  const panel = createPanel({
    id: 'reach',
    legend: [
      { name: 'Reachable', color: 'accent', isShown: true },
      { name: 'Friends', color: 'second', isShown: false },
      { name: 'Customers', color: 'third', isShown: false },
    ],
    chart: {
      lines: [
        { color: 'accent', kind: 'area' },
        { color: 'second', kind: 'line' },
        { color: 'third', kind: 'dashed' },
      ],
      xLabel: label,
      // There are no half people.
      yLabel: (value) => (Number.isInteger(value) ? short(value) : ''),
      height: 280,
      range: (min, max) => {
        const room = Math.max(1, (max - min) * 0.12, max * 0.002)
        return [Math.max(0, Math.floor(min - room)), Math.ceil(max + room)]
      },
    },
  })

  /** @type {ReturnType<typeof createRange<ChannelSeries[]>>} */
  const range = createRange({
    path: '/page/reach',
    days,
    say: panel.say,
    show(series, shownDays) {
      const reach = reachOf(series, channel())
      if (reach.at.length < 2)
        return panel.say('The first point comes within a minute, and one more with each hour.')
      if (days !== shownDays) days = shownDays
      const rise = riseOf(reach.reachable)
      const title = REACH_RANGES.find(({ value }) => value === days)?.title ?? ''
      const beganAt = reach.at[0] ?? 0
      spanMs = (reach.at.at(-1) ?? 0) - beganAt
      // The first point of a full range may be an hour, or with years a day, within it.
      const isWhole = spanMs > 0.9 * days * DAY_MS
      const values = [reach.reachable, reach.friend, reach.linked]
      panel.show({
        data: [reach.at, ...values],
        summary: `Line chart of ${title}: ${number(reach.reachable.at(-1) ?? 0)} people can be reached now, ${signed(rise)} since it begins.`,
        look: (place) => ({
          title:
            place === null
              ? `${signed(rise)} ${isWhole ? `in ${title.replace('the last ', '')}` : `since ${moments.full(beganAt)}`}`
              : moments.full(reach.at[place] ?? 0),
          values: values.map((all) => number(all[place ?? all.length - 1] ?? 0)),
        }),
        columns: [
          { name: 'When' },
          { name: 'Reachable', isNumber: true },
          { name: 'Friends', isNumber: true },
          { name: 'Customers', isNumber: true },
        ],
        rows: () =>
          reach.at.map((at, i) => [moments.full(at), ...values.map((all) => number(all[i] ?? 0))]).reverse(),
      })
    },
  })
  choose(byId('reach-range'), 'Time shown', REACH_RANGES, days, (value) => {
    days = value
    panel.forgetTable()
    range.choose(value)
  })
  return {
    again() {
      panel.forgetTable()
      range.again()
    },
  }
}

const NAMES = /** @type {const} */ ({
  followed: 'Followed',
  listed: 'Found by a list',
  returned: 'Returned',
  blocked: 'Blocked',
  lapsed: 'Lapsed',
})
const ALL = [...GAINS, ...LOSSES]

/** @param {() => string} channel */
export function createGrowth(channel) {
  /** @type {import('./growth.js').Day[]} */
  let days = []
  const panel = createPanel({
    id: 'growth',
    legend: ALL.map((name) => ({ name: NAMES[name], color: name })),
    chart: {
      // What reaches furthest is drawn first, and the others over it.
      lines: [...[...GAINS].reverse(), ...[...LOSSES].reverse()].map((name) => ({
        color: name,
        kind: 'bars',
      })),
      isTime: false,
      xLabel: (at) => (Number.isInteger(at) && days[at] ? dayName(days[at].day) : ''),
      yLabel: (value) => (Number.isInteger(value) ? signed(value) : ''),
      range: (min, max) => [Math.min(0, min * 1.1), Math.max(4, max * 1.1)],
    },
  })

  /** @type {ReturnType<typeof createRange<GrowthDay[]>>} */
  const range = createRange({
    path: '/page/growth',
    days: 30,
    say: panel.say,
    show(growth, shownDays) {
      days = daysOf(growth, channel())
      if (days.length === 0) return panel.say('What happens today is here within a minute.')
      const total = totalOf(days)
      const { gains, losses } = stacksOf(days)
      const title = GROWTH_RANGES.find(({ value }) => value === shownDays)?.title ?? ''
      panel.show({
        data: [days.map((_, i) => i), ...[...gains].reverse(), ...[...losses].reverse()],
        summary: `Bar chart of ${title}: ${ALL.map((name) => `${number(total[name])} ${NAMES[name].toLowerCase()}`).join(', ')}; together ${signed(total.net)}.`,
        look(place) {
          const day = place === null ? undefined : days[place]
          const of = day ?? total
          return {
            title: `${signed(day ? netOf(day) : total.net)} ${day ? `on ${dayName(day.day)}` : `in ${days.length < shownDays ? many(days.length, 'day') : title.replace('the last ', '')}`}`,
            values: ALL.map((name) => number(of[name])),
          }
        },
        columns: [
          { name: 'Day' },
          ...ALL.map((name) => ({ name: NAMES[name], isNumber: true })),
          { name: 'Net', isNumber: true },
        ],
        rows: () =>
          days.map((day) => [day.day, ...ALL.map((name) => number(day[name])), signed(netOf(day))]).reverse(),
      })
      setText(
        byId('growth-total'),
        `${many(days.length, 'day')}, as LINE counts them: from midnight in Japan (UTC+9).`,
      )
    },
  })
  choose(byId('growth-range'), 'Days shown', GROWTH_RANGES, 30, (value) => {
    panel.forgetTable()
    byId('growth-csv').setAttribute('href', `/page/growth.csv?days=${value}`)
    range.choose(value)
  })
  return {
    again() {
      panel.forgetTable()
      range.again()
    },
  }
}
