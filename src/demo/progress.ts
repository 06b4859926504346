import type { BrazeSandbox } from '../sandbox/braze/braze.ts'
import { type Comparison, compare } from './compare.ts'
import type { DeliveryHealth, HealthWatch } from './health.ts'
import type { Counts, Play } from './play.ts'

/** How things are at one moment. */
export interface Progress extends Comparison {
  readonly counts: Readonly<Counts>
  /** How many there will be. */
  readonly webhooks: number
  /** What the server says; undefined until it has said anything. */
  readonly delivery: DeliveryHealth | undefined
  readonly brazeIsUp: boolean
  readonly requests: number
  /** Requests to Braze that were not answered with success. */
  readonly failedRequests: number
}

export function readProgress(
  { traffic, counts, webhooks }: Play,
  { braze, health }: { braze: BrazeSandbox; health: HealthWatch },
  brazeIsDown: boolean,
): Progress {
  return {
    ...compare(traffic.expected(), braze),
    counts,
    webhooks,
    delivery: health.latest(),
    brazeIsUp: !brazeIsDown,
    requests: braze.stats.requests,
    failedRequests: failuresOf(braze),
  }
}

function failuresOf({ stats }: BrazeSandbox): number {
  return stats.requests - stats.inFlight - stats.accepted
}
