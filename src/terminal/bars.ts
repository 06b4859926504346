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

export interface BarsOptions {
  readonly title?: () => string
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
}

/** Bars with rate and time left, as `read` says at each look; above them what they are of, where `title` names it. */
export function createBars(
  read: () => readonly Bar[],
  { title = () => '', monotonic = () => performance.now() }: BarsOptions = {},
): View {
  let seen = new Map<string, Sample[]>()
  let seenOf = ''

  function texts() {
    // Of something else they say nothing.
    if (title() !== seenOf) seen = new Map()
    seenOf = title()
    return read().map((bar) => {
      const samples = seen.get(bar.name) ?? []
      seen.set(bar.name, samples)
      const perSecond = rateOf(samples, { at: monotonic(), value: bar.value })
      const left = bar.total === null ? 0 : bar.total - bar.value
      return {
        bar,
        count: countOf(bar),
        rate: perSecond ? `${number(Math.round(perSecond))}/s` : '',
        left: left > 0 && perSecond ? duration(left / perSecond) : '',
      }
    })
  }

  return {
    frame() {
      const bars = texts().map(({ bar, count, rate, left }) => {
        const name = `${bar.name.padEnd(NAME_CELLS)}${cells(bar)}`
        return `  ${name}  ${count.padEnd(COUNT_CELLS)} ${rate.padStart(10)} ${left.padStart(8)}`
      })
      return seenOf === '' ? bars : [`  ${seenOf}`, ...bars]
    },
    line() {
      const bars = texts().map(({ bar, count, rate, left }) => {
        const details = [rate, left && `${left} left`].filter(Boolean).join(', ')
        return `${bar.name} ${count}${details && ` (${details})`}`
      })
      return (seenOf && `${seenOf}: `) + bars.join(', ')
    },
  }
}

interface Sample {
  readonly at: number
  readonly value: number
}

/** Takes note of the number as it is now. Returns how much it grows in a second; undefined while that cannot be told. */
function rateOf(samples: Sample[], now: Sample): number | undefined {
  samples.push(now)
  while ((samples[1]?.at ?? now.at) <= now.at - WINDOW_MS) samples.shift()
  const [first] = samples
  return first && now.at > first.at
    ? Math.max(0, ((now.value - first.value) / (now.at - first.at)) * 1000)
    : undefined
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
