import type { BrazeSandbox } from '../../sandbox/braze.ts'
import { number } from '../numbers.ts'
import type { Verdict } from './compare.ts'
import type { Counts } from './play.ts'

export type Result = ReturnType<typeof resultOf>

/** What `--json` prints. */
export function resultOf({ retries, ...counts }: Counts, { stats }: BrazeSandbox, verdict: Verdict) {
  return {
    status: verdict.isGood ? 'agree' : 'differ',
    people: verdict.people,
    reachable: verdict.reachable,
    events: counts.events,
    duplicates: counts.duplicates,
    redeliveries: counts.redeliveries,
    webhooks: counts.acknowledged,
    retries,
    brazeRequests: stats.requests,
    failedBrazeRequests: stats.requests - stats.accepted,
    objects: stats.objects,
    /** People who followed before the server existed. */
    before: verdict.repair.before,
    /** People whom the backfill made reachable. */
    found: verdict.repair.found,
    /** People whom the backfill cleared. */
    cleared: verdict.repair.cleared,
    agree: verdict.agree,
    differ: verdict.people - verdict.agree,
    intruders: verdict.intruders.length,
    violations: verdict.violations.length,
  }
}

const LABEL_CELLS = 18
const NUMBER_CELLS = 8

/** The same for a person. */
export function tableOf(result: Result): string {
  const rows: [label: string, value: number, note?: string][] = [
    ['people', result.people, `${number(result.reachable)} can be reached`],
    [
      'events',
      result.events,
      `${number(result.duplicates)} duplicates, ${number(result.redeliveries)} redeliveries`,
    ],
    ['webhooks', result.webhooks, result.retries > 0 ? `${number(result.retries)} sent again` : ''],
    ['Braze requests', result.brazeRequests, `${number(result.failedBrazeRequests)} failed`],
    ['objects written', result.objects],
    ['followers before', result.before, 'of whom no webhook ever came'],
    ['found', result.found, 'by the backfill, from before or from the gap'],
    ['cleared', result.cleared, 'by the backfill, who blocked in the gap'],
    ['agree', result.agree],
    ['differ', result.differ],
  ]
  return rows
    .map(([label, value, note = '']) =>
      `  ${label.padEnd(LABEL_CELLS)}${number(value).padStart(NUMBER_CELLS)}  ${note}`.trimEnd(),
    )
    .join('\n')
}

/** The outcome in a sentence. */
export function describe(verdict: Verdict): string {
  const { lacking, stale, intruders, faults, violations, isGood, reachable, repair } = verdict
  if (isGood) {
    const ends = `Both ends agree: Braze has the LINE ids of the ${number(reachable)} reachable people only`
    const repaired = `the backfill found ${number(repair.found)} of them and cleared ${number(repair.cleared)} others`
    return `${ends}; ${repaired}, and a second one had nothing to change.`
  }
  const differences = [
    many(lacking, 'who can be reached and whose LINE id Braze lacks'),
    many(stale, 'who cannot be reached and whose value Braze still has'),
    many(intruders, 'who did nothing and have a profile at Braze'),
    ...faults,
    violations.length > 0 && `${violations.length} rules broken towards Braze (first: ${violations[0]})`,
  ]
  return `Not as it should be: ${differences.filter(Boolean).join('; ')}.`
}

const many = (people: readonly string[], what: string) =>
  people.length > 0 && `${number(people.length)} people ${what} (first: ${people[0]})`
