import type { BrazeSandbox } from '../sandbox/braze/braze.ts'
import { HELD_TWICE } from '../sandbox/braze/profiles.ts'
import { number } from '../terminal/numbers.ts'
import type { Expected } from './places.ts'
import type { Receivers } from './receivers.ts'
import type { Repair } from './second-act.ts'

type Held = Pick<BrazeSandbox, 'attribute' | 'customerAttribute'>

/** Compares what is true of people with what Braze holds of them, on their alias profiles and on those of customers. */
export function compare({ people, linked, customers }: Expected, braze: Held) {
  const [lacking, stale, misplaced] = [new Set<string>(), new Set<string>(), new Set<string>()]
  let reachable = 0
  let atBraze = 0

  /** Looks at one profile, of `owner`; says whether it holds what it should. */
  function check(wanted: string | undefined, value: unknown, owner: string): boolean {
    if (value !== undefined) atBraze++
    if (value === wanted) return true
    if (wanted !== undefined) lacking.add(wanted)
    const holder = people.has(value as string) ? (value as string) : owner
    if (value !== undefined) (people.get(holder) === 'gone' ? stale : misplaced).add(holder)
    return false
  }

  for (const [userId, truth] of people) {
    const isReachable = truth === 'reachable'
    if (isReachable) reachable++
    check(isReachable && !linked.has(userId) ? userId : undefined, braze.attribute(userId), userId)
  }
  let customersOnLine = 0
  for (const [customer, wanted] of customers) {
    const isRight = check(wanted, braze.customerAttribute(customer), customer)
    if (isRight && wanted !== undefined) customersOnLine++
  }

  const wrong = new Set([...lacking, ...stale, ...misplaced])
  return {
    people: people.size,
    /** People who can be reached. */
    reachable,
    /** Profiles at Braze that have a LINE id. */
    atBraze,
    agree: people.size - [...wrong].filter((userId) => people.has(userId)).length,
    /** Customers whose profile has the LINE id that it should have, and so can be reached on LINE. */
    customersOnLine,
    /** People whose LINE id is lacking on the profile where it belongs. */
    lacking: [...lacking],
    /** People who cannot be reached and have a value at Braze. */
    stale: [...stale],
    /** Whose value is on a profile where it does not belong; customers by their own id, where it is nobody's. */
    misplaced: [...misplaced],
  }
}

export type Verdict = ReturnType<typeof judge>

/** Compares both ends once all is over, and says what is not as it should be. Of `bystanders` nothing may be known. */
export function judge(
  braze: BrazeSandbox,
  expected: Expected,
  bystanders: ReadonlySet<string>,
  repair: Repair,
  receivers: Receivers,
) {
  const { found, toFind, cleared, toClear, changedAgain, requestsAgain } = repair
  const { lacking, stale, misplaced, ...comparison } = compare(expected, braze)
  const intruders = [...bystanders].filter((userId) => braze.hasProfile(userId))
  const { violations } = braze
  const wrongs = [
    many(lacking, 'who can be reached and whose LINE id Braze lacks'),
    many(stale, 'who cannot be reached and whose value Braze still has'),
    many(misplaced, 'whose LINE id is on a profile where it does not belong'),
    many(intruders, 'who did nothing and have a profile at Braze'),
    found !== toFind && `the backfill found ${number(found)} people instead of ${number(toFind)}`,
    cleared !== toClear && `the backfill cleared ${number(cleared)} people instead of ${number(toClear)}`,
    changedAgain > 0 && `a second backfill changed ${number(changedAgain)} people`,
    requestsAgain > 0 && `a second backfill caused ${number(requestsAgain)} requests to Braze`,
    violations.length > 0 && `${violations.length} rules broken towards Braze (first: ${violations[0]})`,
    ...receivers.wrongs,
  ].filter((wrong) => wrong !== false)
  return {
    ...comparison,
    ...receivers.numbers,
    intruders: intruders.length,
    violations: violations.length,
    twice: countTwice(braze),
    wrongs,
  }
}

/** How often two profiles came to hold the same LINE id. */
export const countTwice = ({ violations }: Pick<BrazeSandbox, 'violations'>) =>
  violations.filter((violation) => violation.startsWith(HELD_TWICE)).length

const many = (people: readonly string[], what: string) =>
  people.length > 0 && `${number(people.length)} people ${what} (first: ${people[0]})`

/** The outcome in a sentence. */
export function describe({ wrongs, customersOnLine, gotOnce }: Verdict, { found, cleared }: Repair): string {
  if (wrongs.length > 0) return `Not as it should be: ${wrongs.join('; ')}.`
  const ends = 'Both ends agree: Braze has the LINE ids of reachable people only'
  const customers = `it can reach ${number(customersOnLine)} customers by them, and nobody was there twice at any moment`
  const message = `one message has reached each of ${number(gotOnce)} people once, and nobody else, while the token was rotated`
  const repaired = `the backfill found ${number(found)} people and cleared ${number(cleared)} others`
  return `${ends}; ${customers}; ${repaired}, and a second one had nothing to change; ${message}.`
}
