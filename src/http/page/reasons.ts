import { setImmediate } from 'node:timers/promises'
import { createReasons, type Reason, type Reasons } from '../../desk/reasons.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { keepFor } from '../kept.ts'
import type { Time } from '../time.ts'

export interface FailureReasons {
  /** Of each channel the most frequent first. */
  readonly reasons: readonly FailureReason[]
  /** There are more rejected profiles than were looked at. */
  readonly isPartial: boolean
}

export interface FailureReason {
  readonly channel: string
  /** Braze's words, without ids. */
  readonly reason: string
  readonly profiles: number
}

/** Enough to see why; where a whole workspace is rejected, all say the same. */
const LOOKED_AT = 10_000
/** Then whoever waits gets their turn, a webhook first of all. */
const AT_ONCE = 250
/** Of each channel: all of it goes to everybody who looks, every two seconds. */
const MOST_SHOWN = 20
const OTHERS = 'Something else, which npx line-braze failed lists.'
const LIFE_MS = 15_000

/** Why Braze rejected profiles, and how many: read seldom, since each of them is looked at. */
export function readReasons(ledger: Pick<Ledger, 'failures'>, time: Time) {
  return keepFor(LIFE_MS, time, async (): Promise<FailureReasons> => {
    const channels = new Map<string, Reasons>()
    let seen = 0
    for await (const failures of ledger.failures()) {
      for (const failure of failures) {
        const reasons = channels.get(failure.channel) ?? createReasons()
        channels.set(failure.channel, reasons)
        reasons.add(failure)
        seen += 1
        if (seen % AT_ONCE === 0) await setImmediate()
      }
      if (seen >= LOOKED_AT) break
    }
    const reasons = [...channels].flatMap(([channel, each]) =>
      shownOf(each.list()).map(({ reason, count }) => ({ channel, reason, profiles: count })),
    )
    return { reasons, isPartial: seen >= LOOKED_AT }
  })
}

type Counted = Pick<Reason, 'reason' | 'count'>

/** The most frequent ones, and the rest together. */
function shownOf(all: readonly Reason[]): readonly Counted[] {
  const rest = all.slice(MOST_SHOWN)
  if (rest.length === 0) return all
  const count = rest.reduce((sum, each) => sum + each.count, 0)
  return [...all.slice(0, MOST_SHOWN), { reason: OTHERS, count }]
}
