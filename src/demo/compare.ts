import type { BrazeSandbox } from '../sandbox/braze/braze.ts'
import type { Truth } from '../sandbox/line/traffic.ts'
import { faultsOf, type Repair } from './repair.ts'

/** How Braze compares with what is true of each person. */
export interface Comparison {
  readonly people: number
  /** People who can be reached. */
  readonly reachable: number
  /** People whose LINE id Braze has. */
  readonly atBraze: number
  readonly agree: number
  /** People who can be reached and whose LINE id Braze lacks. */
  readonly lacking: readonly string[]
  /** People who cannot be reached and have a value at Braze. */
  readonly stale: readonly string[]
}

/** Compares what is known so far. */
export function compare(expected: ReadonlyMap<string, Truth>, braze: BrazeSandbox): Comparison {
  const lacking: string[] = []
  const stale: string[] = []
  let reachable = 0
  let atBraze = 0
  for (const [userId, truth] of expected) {
    const value = braze.attribute(userId)
    if (value !== undefined) atBraze++
    if (truth === 'reachable') reachable++
    if (truth === 'reachable' && value !== userId) lacking.push(userId)
    if (truth === 'gone' && value !== undefined) stale.push(userId)
  }
  const people = expected.size
  return { people, reachable, atBraze, agree: people - lacking.length - stale.length, lacking, stale }
}

/** A comparison, and what else would be wrong. */
export interface Verdict extends Comparison {
  readonly repair: Repair
  /** People who did nothing that counts and have a profile all the same. */
  readonly intruders: readonly string[]
  /** What the backfill should have done otherwise, in words. */
  readonly faults: readonly string[]
  /** Rules of good behaviour towards Braze that were broken. */
  readonly violations: readonly string[]
  readonly isGood: boolean
}

export interface Outcome {
  /** Everybody's truth in the end. */
  readonly truth: ReadonlyMap<string, Truth>
  /** People of whom nothing may be known. */
  readonly bystanders: ReadonlySet<string>
  readonly repair: Repair
}

/** Compares both ends once all is over. */
export function judge({ truth, bystanders, repair }: Outcome, braze: BrazeSandbox): Verdict {
  const comparison = compare(truth, braze)
  const intruders = [...bystanders].filter((userId) => braze.hasProfile(userId))
  const faults = faultsOf(repair)
  const { violations } = braze
  const wrongs = intruders.length + faults.length + violations.length
  const isGood = comparison.agree === comparison.people && wrongs === 0
  return { ...comparison, repair, intruders, faults, violations, isGood }
}
