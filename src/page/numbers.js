/** Numbers and moments for people; pure, so that tests need no browser. */

const WHOLE = new Intl.NumberFormat('en')
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** @param {number} value */
export const number = (value) => WHOLE.format(value)

/** `12,345`, but `1.2M` where that would be too long. @param {number} value */
export const short = (value) => (Math.abs(value) < 1_000_000 ? number(value) : SHORT.format(value))

/** `+12`, `−3`. @param {number} value */
export const signed = (value) => (value > 0 ? `+${number(value)}` : number(value).replace('-', '−'))

/** `1 run`, `1,000 runs`. @param {number} count @param {string} what */
export const many = (count, what) => `${number(count)} ${what}${count === 1 ? '' : 's'}`

/** A time that something took: `38 ms`, `4.2 s`, `12 min`. @param {number | null} seconds */
export function took(seconds) {
  if (seconds === null) return '–'
  if (seconds === 0) return '0'
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 100) return `${Number(seconds.toPrecision(2))} s`
  return span(seconds * 1000)
}

const UNITS = /** @type {const} */ ([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
])

/** A time that is over or to come, in its largest unit, rounded down. @param {number} ms */
export function span(ms) {
  for (const [unit, length] of UNITS) if (ms >= length) return `${number(Math.floor(ms / length))} ${unit}`
  return '0 s'
}

/** @param {number | null} ms */
export function ago(ms) {
  if (ms === null) return 'never'
  return ms < 5_000 ? 'just now' : `${span(ms)} ago`
}

/**
 * How moments are written, in the zone of whoever looks.
 *
 * @param {string} [timeZone] the browser's, where it is not given
 */
export function createMoments(timeZone) {
  /** @param {Intl.DateTimeFormatOptions} options */
  const format = (options) => new Intl.DateTimeFormat('en-GB', { ...options, timeZone })
  const time = format({ hour: '2-digit', minute: '2-digit' })
  const clock = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' })
  const day = format({ day: 'numeric', month: 'short' })
  const month = format({ month: 'short', year: 'numeric' })
  const full = format({ dateStyle: 'medium', timeStyle: 'short' })
  const zone = format({}).resolvedOptions().timeZone
  return {
    zone,
    /** @param {number} at */
    time: (at) => time.format(at),
    /** @param {number} at */
    clock: (at) => clock.format(at),
    /** @param {number} at */
    day: (at) => day.format(at),
    /** @param {number} at */
    month: (at) => month.format(at),
    /** @param {number} at */
    full: (at) => full.format(at),
  }
}

/** `2 Sep`, of `2026-09-02`: a day is the same one wherever it is read. @param {string} day */
export const dayName = (day) => createMoments('UTC').day(Date.parse(day))
