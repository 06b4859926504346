import type { BrazeSandbox } from '../sandbox/braze/braze.ts'
import { number } from '../terminal/numbers.ts'
import type { Verdict } from './compare.ts'
import type { Counts } from './play.ts'

export type Result = ReturnType<typeof resultOf>

/** What `--json` prints. */
export function resultOf(
  { retries, ...counts }: Counts,
  { stats }: { readonly stats: Pick<BrazeSandbox['stats'], 'requests' | 'accepted' | 'objects'> },
  verdict: Verdict,
) {
  const { repair } = verdict
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
    /** People of whom webhooks told, and how many of them could be reached by what these said. */
    heard: repair.heard,
    heardReachable: repair.heardReachable,
    /** People who followed before the server existed. */
    before: repair.before,
    /** People who followed, blocked and returned in the gap; of the second, how many no webhook had told of. */
    newcomers: repair.newcomers,
    blocked: repair.blocked,
    blockedUnheard: repair.blockedUnheard,
    returned: repair.returned,
    /** People whom the backfill made reachable. */
    found: repair.found,
    /** People whom the backfill cleared. */
    cleared: repair.cleared,
    agree: verdict.agree,
    differ: verdict.people - verdict.agree,
    intruders: verdict.intruders.length,
    violations: verdict.violations.length,
  }
}

const LABEL_CELLS = 16
const NUMBER_CELLS = 8

type Row = readonly [label: string, value: number, note?: string]

/** The same for a person, at most 80 columns wide; each number says what it is made of. */
export function tableOf(result: Result): string {
  return [trafficOf(result), peopleOf(result)].map((rows) => rows.map(lineOf).join('\n')).join('\n\n')
}

function trafficOf(result: Result): Row[] {
  const { webhooks, events, duplicates, redeliveries, retries, brazeRequests, failedBrazeRequests } = result
  return [
    ['events', events, `with ${number(duplicates)} duplicates and ${number(redeliveries)} redeliveries`],
    ['webhooks', webhooks, retries > 0 ? `${number(retries)} sent again` : ''],
    ['Braze requests', brazeRequests, `${number(failedBrazeRequests)} failed`],
    ['objects written', result.objects],
  ]
}

function peopleOf(result: Result): Row[] {
  const { people, heard, before, newcomers, returned, blocked, blockedUnheard, found, cleared } = result
  return [
    ['people', people, sum(people, [heard, 'by webhook'], [before, 'before'], [newcomers, 'new'])],
    [
      'found',
      found,
      sum(found, [before - blockedUnheard, 'from before'], [newcomers, 'new'], [returned, 'returned']),
    ],
    ['cleared', cleared, sum(cleared, [blocked, 'who blocked'], [-blockedUnheard, 'never heard of'])],
    [
      'reachable',
      result.reachable,
      sum(result.reachable, [result.heardReachable, 'by webhook'], [found, 'found'], [-cleared, 'cleared']),
    ],
    ['agree', result.agree, 'of whom LINE and Braze say the same'],
    ['differ', result.differ],
  ]
}

/** What a number is made of, and whether it is. */
function sum(total: number, ...parts: [value: number, what: string][]): string {
  const adds = parts.reduce((whole, [value]) => whole + value, 0) === total
  const terms = parts.map(([value, what], place) => {
    const sign = value < 0 ? '- ' : place > 0 ? '+ ' : ''
    return `${sign}${number(Math.abs(value))} ${what}`
  })
  return `${adds ? '=' : '≠'} ${terms.join(' ')}`
}

const lineOf = ([label, value, note = '']: Row) =>
  `  ${label.padEnd(LABEL_CELLS)}${number(value).padStart(NUMBER_CELLS)}  ${note}`.trimEnd()

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
