import { styleText } from 'node:util'
import type { BrazeSandbox } from '../sandbox/braze/braze.ts'
import { number } from '../terminal/numbers.ts'
import { bar, NAME_CELLS, of, row } from './cells.ts'
import { compare } from './compare.ts'
import type { DeliveryHealth } from './health.ts'
import { nobodyLinked } from './places.ts'
import type { Play } from './play.ts'

/** How things are at one moment. */
export type Progress = ReturnType<typeof readProgress>

/** `delivery` is undefined until the server has said anything. */
export function readProgress(
  { traffic, counts, webhooks }: Play,
  braze: BrazeSandbox,
  ends: { delivery: DeliveryHealth | undefined; brazeIsUp: boolean },
) {
  const { requests, inFlight, accepted } = braze.stats
  const failedRequests = requests - inFlight - accepted
  return {
    ...compare(nobodyLinked(traffic.expected()), braze),
    ...ends,
    counts,
    webhooks,
    requests,
    failedRequests,
  }
}

/** What a terminal shows of it, at most 80 columns wide. */
export function frameOf(progress: Progress): string[] {
  const { counts, webhooks, delivery, people, reachable, atBraze, agree, requests, failedRequests } = progress
  const waiting = delivery ? `${number(delivery.pending)} people wait for Braze` : ''
  return [
    '',
    row('LINE', 'webhooks', of(counts.webhooks, webhooks), bar(counts.webhooks, webhooks)),
    row('', 'acknowledged', number(counts.acknowledged), `${number(counts.events)} events`),
    row('server', delivery?.state ?? '', waiting),
    row('Braze', stateOf(progress), `${number(requests)} requests, ${number(failedRequests)} failed`),
    row('', 'reachable', number(atBraze), `${number(reachable)} by what LINE has said`),
    row('', 'in step', of(agree, people), bar(agree, people)),
  ]
}

/** The same as one line of a log. */
export function lineOf(progress: Progress): string {
  const { counts, webhooks, delivery, people, agree, requests, failedRequests, brazeIsUp } = progress
  return [
    `webhooks ${of(counts.webhooks, webhooks)} (${number(counts.events)} events)`,
    `acknowledged ${number(counts.acknowledged)}`,
    `pending ${delivery ? number(delivery.pending) : '?'}`,
    `Braze ${brazeIsUp ? 'up' : 'down'} (${number(requests)} requests, ${number(failedRequests)} failed)`,
    `in step ${of(agree, people)}`,
  ].join(', ')
}

function stateOf({ brazeIsUp }: Progress): string {
  const state = (brazeIsUp ? 'up' : 'down').padEnd(NAME_CELLS)
  return styleText(brazeIsUp ? 'green' : 'red', state, { stream: process.stderr })
}
