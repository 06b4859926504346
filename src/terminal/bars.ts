import type { View } from './display.ts'
import { duration, number } from './numbers.ts'

/** How far one thing has come. */
export interface Bar {
  readonly name: string
  readonly value: number
  /** Of how many; null where nobody knows. */
  readonly total: number | null
  /** Whether the total is an estimate. */
  readonly isAbout?: boolean
}

const CELLS = 16
const NAME_CELLS = 11
const COUNT_CELLS = 25
/** What the rate is taken of: long enough to be calm, short enough to follow. */
const WINDOW_MS = 10_000

/** Bars with rate and time left, as `read` says at each look. */
export function createBars(read: () => readonly Bar[], monotonic = () => performance.now()): View {
  const meters = new Map<string, Meter>()

  function measured(bar: Bar) {
    const meter = meters.get(bar.name) ?? createMeter(monotonic)
    meters.set(bar.name, meter)
    const perSecond = meter.rate(bar.value)
    const left = bar.total === null ? 0 : bar.total - bar.value
    const secondsLeft = left > 0 && perSecond ? left / perSecond : undefined
    return { bar, perSecond, secondsLeft }
  }

  return {
    frame: () =>
      read()
        .map(measured)
        .map(({ bar, perSecond, secondsLeft }) =>
          [
            `  ${bar.name.padEnd(NAME_CELLS)}${cells(bar)}  ${countOf(bar).padEnd(COUNT_CELLS)}`,
            (perSecond ? `${number(Math.round(perSecond))}/s` : '').padStart(10),
            secondsLeft === undefined ? '' : duration(secondsLeft).padStart(8),
          ].join(' '),
        ),
    line: () =>
      read()
        .map(measured)
        .map(({ bar, perSecond, secondsLeft }) => {
          const details = [
            perSecond ? `${number(Math.round(perSecond))}/s` : '',
            secondsLeft === undefined ? '' : `${duration(secondsLeft)} left`,
          ].filter(Boolean)
          return `${bar.name} ${countOf(bar)}${details.length > 0 ? ` (${details.join(', ')})` : ''}`
        })
        .join(', '),
  }
}

interface Meter {
  /** The number as it is now. Returns how much it grows in a second; undefined while that cannot be told. */
  rate(value: number): number | undefined
}

function createMeter(monotonic: () => number): Meter {
  const seen: { at: number; value: number }[] = []
  return {
    rate(value) {
      const at = monotonic()
      seen.push({ at, value })
      while ((seen[1]?.at ?? at) <= at - WINDOW_MS) seen.shift()
      const [first] = seen
      return first && at > first.at
        ? Math.max(0, ((value - first.value) / (at - first.at)) * 1000)
        : undefined
    },
  }
}

function cells({ value, total }: Bar): string {
  if (total === null) return '░'.repeat(CELLS)
  const filled = total === 0 ? CELLS : Math.min(CELLS, Math.floor((value / total) * CELLS))
  return '█'.repeat(filled) + '░'.repeat(CELLS - filled)
}

function countOf({ value, total, isAbout }: Bar): string {
  // An estimate that was passed says nothing any more.
  if (total === null || (isAbout && value > total)) return number(value)
  return `${number(value)} of ${isAbout ? '~' : ''}${number(total)}`
}
