import type { BrazeSandbox } from '../sandbox/braze/braze.ts'
import type { Truth } from '../sandbox/line/traffic.ts'
import { number } from '../terminal/numbers.ts'
import type { Repair } from './second-act.ts'

/** Compares what is true of people with what Braze holds of them. */
export function compare(expected: ReadonlyMap<string, Truth>, braze: Pick<BrazeSandbox, 'attribute'>) {
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
  return {
    people,
    /** People who can be reached. */
    reachable,
    /** People whose LINE id Braze has. */
    atBraze,
    agree: people - lacking.length - stale.length,
    /** People who can be reached and whose LINE id Braze lacks. */
    lacking,
    /** People who cannot be reached and have a value at Braze. */
    stale,
  }
}

export type Verdict = ReturnType<typeof judge>

/** Compares both ends once all is over, and says what is not as it should be. Of `bystanders` nothing may be known. */
export function judge(
  braze: BrazeSandbox,
  truth: ReadonlyMap<string, Truth>,
  bystanders: ReadonlySet<string>,
  repair: Repair,
) {
  const { found, toFind, cleared, toClear, changedAgain, requestsAgain } = repair
  const { lacking, stale, ...comparison } = compare(truth, braze)
  const intruders = [...bystanders].filter((userId) => braze.hasProfile(userId))
  const { violations } = braze
  const wrongs = [
    many(lacking, 'who can be reached and whose LINE id Braze lacks'),
    many(stale, 'who cannot be reached and whose value Braze still has'),
    many(intruders, 'who did nothing and have a profile at Braze'),
    found !== toFind && `the backfill found ${number(found)} people instead of ${number(toFind)}`,
    cleared !== toClear && `the backfill cleared ${number(cleared)} people instead of ${number(toClear)}`,
    changedAgain > 0 && `a second backfill changed ${number(changedAgain)} people`,
    requestsAgain > 0 && `a second backfill caused ${number(requestsAgain)} requests to Braze`,
    violations.length > 0 && `${violations.length} rules broken towards Braze (first: ${violations[0]})`,
  ].filter((wrong) => wrong !== false)
  return { ...comparison, intruders: intruders.length, violations: violations.length, wrongs }
}

const many = (people: readonly string[], what: string) =>
  people.length > 0 && `${number(people.length)} people ${what} (first: ${people[0]})`

/** The outcome in a sentence. */
export function describe({ wrongs, reachable }: Verdict, { found, cleared }: Repair): string {
  if (wrongs.length > 0) return `Not as it should be: ${wrongs.join('; ')}.`
  const ends = `Both ends agree: Braze has the LINE ids of the ${number(reachable)} reachable people only`
  const repaired = `the backfill found ${number(found)} of them and cleared ${number(cleared)} others`
  return `${ends}; ${repaired}, and a second one had nothing to change.`
}
