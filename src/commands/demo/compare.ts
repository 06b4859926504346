import type { BrazeSandbox } from '../../sandbox/braze.ts'
import type { Traffic } from '../../sandbox/line.ts'

/** How Braze compares with each person's last event. */
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
export function compare(traffic: Traffic, braze: BrazeSandbox): Comparison {
  const lacking: string[] = []
  const stale: string[] = []
  const expected = traffic.expected()
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
  /** People who did nothing that counts and have a profile all the same. */
  readonly intruders: readonly string[]
  /** Rules of good behaviour towards Braze that were broken. */
  readonly violations: readonly string[]
  readonly isGood: boolean
}

/** Compares both ends once all is over. */
export function judge(traffic: Traffic, braze: BrazeSandbox): Verdict {
  const comparison = compare(traffic, braze)
  const intruders = [...traffic.bystanders()].filter((userId) => braze.hasProfile(userId))
  const { violations } = braze
  const isGood = comparison.agree === comparison.people && intruders.length + violations.length === 0
  return { ...comparison, intruders, violations, isGood }
}
