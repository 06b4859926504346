import type { BrazeSandbox } from '../sandbox/braze/braze.ts'
import { number } from '../terminal/numbers.ts'
import type { Verdict } from './compare.ts'
import type { Counts } from './play.ts'
import type { Repair } from './second-act.ts'
import type { Links } from './third-act.ts'

export type Result = ReturnType<typeof resultOf>

/** What `--json` prints. */
export function resultOf(
  { acknowledged, ...counts }: Counts,
  { requests, accepted, objects }: Pick<BrazeSandbox['stats'], 'requests' | 'accepted' | 'objects'>,
  { toFind, toClear, changedAgain, requestsAgain, followed, ...repair }: Repair,
  links: Links,
  { wrongs, atBraze, ...verdict }: Verdict,
) {
  return {
    status: wrongs.length === 0 ? 'agree' : 'differ',
    ...counts,
    webhooks: acknowledged,
    brazeRequests: requests,
    failedBrazeRequests: requests - accepted,
    objects,
    ...repair,
    ...links,
    ...verdict,
    differ: verdict.people - verdict.agree,
  }
}

const LABEL_CELLS = 18
const NUMBER_CELLS = 8

/** The same for a person, at most 80 columns wide; each number says what it is made of. */
export function tableOf(result: Result): string {
  const { events, duplicates, redeliveries, webhooks, retries, failedBrazeRequests } = result
  const { heard, heardReachable, before, newcomers, returned, blocked, blockedUnheard, found, cleared } =
    result
  const { logIns, joined, newPhones } = result
  const unheard = before - blockedUnheard
  return [
    row('events', events, `with ${number(duplicates)} duplicates and ${number(redeliveries)} redeliveries`),
    row('webhooks', webhooks, retries > 0 ? `${number(retries)} sent again` : ''),
    row('Braze requests', result.brazeRequests, `${number(failedBrazeRequests)} failed`),
    row('objects written', result.objects),
    '',
    sum('people', result.peopleAfterGap, [heard, 'by webhook'], [before, 'before'], [newcomers, 'new']),
    sum('found', found, [unheard, 'from before'], [newcomers, 'new'], [returned, 'returned']),
    sum('cleared', cleared, [blocked, 'who blocked'], [-blockedUnheard, 'never heard of']),
    sum(
      'reachable',
      result.reachableAfterGap,
      [heardReachable, 'by webhook'],
      [found, 'found'],
      [-cleared, 'cleared'],
    ),
    '',
    sum(
      'log-ins',
      logIns,
      [result.byApi, 'PUT'],
      [result.byIdToken, 'ID token'],
      [result.byAccountLink, 'account link'],
    ),
    row('newcomers', joined, `who follow as they log in, ${number(newPhones)} with a new phone`),
    sum(
      'customers on LINE',
      result.customersOnLine,
      [logIns, 'log-ins'],
      [-result.again, 'by the same people'],
      [-result.unlinked, 'unlinked'],
    ),
    row('twice at Braze', result.twice, 'at any moment'),
    '',
    sum(
      'messages',
      result.messages,
      [result.byOldToken, 'by the old token'],
      [result.byNewToken, 'by the new one'],
    ),
    row('got it once', result.gotOnce, `of ${number(result.recipients)} who should`),
    row('got none, or more', result.gotNone + result.gotMore),
    row('sent wrongly', result.sentWrongly, 'as to somebody who blocked'),
    '',
    row('agree', result.agree, 'of whom LINE and Braze say the same'),
    row('differ', result.differ),
  ].join('\n')
}

const row = (label: string, value: number, note = '') =>
  `  ${label.padEnd(LABEL_CELLS)}${number(value).padStart(NUMBER_CELLS)}  ${note}`.trimEnd()

/** A row that says what its number is made of, and whether it is. */
function sum(label: string, total: number, ...parts: [value: number, what: string][]): string {
  const adds = parts.reduce((whole, [value]) => whole + value, 0) === total
  const terms = parts.map(([value, what], place) => {
    const sign = value < 0 ? '- ' : place > 0 ? '+ ' : ''
    return `${sign}${number(Math.abs(value))} ${what}`
  })
  return row(label, total, `${adds ? '=' : '≠'} ${terms.join(' ')}`)
}
