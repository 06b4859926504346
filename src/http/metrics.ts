import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client'
import { STATUSES } from '../contact/contact.ts'
import type { ChannelCounts } from '../ledger/ledger.ts'
import type { Quota } from '../line/messaging.ts'
import { countsOf, type Numbers, type TokenHealth } from './health.ts'
import { OUTCOMES } from './report.ts'

/** Every metric of ours, once: the registry and the reference's table are made from this. Dashboards rely on the names. */
export const METRICS = {
  webhooks: {
    name: 'line_braze_webhooks_total',
    labelNames: ['channel', 'outcome'],
    help: 'Webhook requests by outcome: accepted, unsigned, malformed, too_large, unsupported, unavailable, aborted, failed',
  },
  events: {
    name: 'line_braze_events_total',
    labelNames: ['channel', 'type'],
    help: 'Events of recorded webhooks by type; other: unknown to us, invalid: made no sense and was skipped',
  },
  secretMatches: {
    name: 'line_braze_secret_matches_total',
    labelNames: ['channel', 'secret'],
    help: 'Webhooks by the place of the secret that signed them; 0 is the first listed',
  },
  commitSeconds: {
    name: 'line_braze_commit_seconds',
    help: 'Time of one durable commit',
    // From a fast disk's fsync to the moment at which LINE gives up.
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
  },
  commitSize: {
    name: 'line_braze_commit_size',
    help: 'Calls that shared a commit',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
  },
  contacts: { name: 'line_braze_contacts', labelNames: ['channel', 'status'], help: 'Contacts by status' },
  pending: {
    name: 'line_braze_pending',
    labelNames: ['channel'],
    help: 'Contacts whose newest state Braze has not accepted',
  },
  oldestPending: {
    name: 'line_braze_oldest_pending_seconds',
    help: 'How long the contact that is due first has been pending',
  },
  failed: { name: 'line_braze_failed', labelNames: ['channel'], help: 'Contacts that Braze rejected' },
  deliverySeconds: {
    name: 'line_braze_delivery_seconds',
    help: 'Time from the commit of a change until Braze accepted it',
    // From an idle system, over the settle pause, to an outage of hours.
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 7_200],
  },
  brazeRequests: {
    name: 'line_braze_braze_requests_total',
    labelNames: ['status'],
    help: 'Requests to Braze by HTTP status; error: no whole answer came',
  },
  brazeRequestSeconds: {
    name: 'line_braze_braze_request_seconds',
    help: 'Time of one request to Braze',
    buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
  },
  merges: {
    name: 'line_braze_merges_total',
    labelNames: ['outcome'],
    help: "Alias profiles handed over to customers by what became of them: merged, left (alone, as it was), unknown (the key may not look, or the alias is another customer's)",
  },
  delivering: { name: 'line_braze_delivering', help: '1 where this process holds the lease' },
  ready: { name: 'line_braze_ready', help: '1 where webhooks can be made durable, as /health/ready; else 0' },
  links: {
    name: 'line_braze_links_total',
    labelNames: ['channel', 'source', 'outcome'],
    help: "Requests to link and what came back from LINE's account link, by source: api, id_token, account_link, and by outcome: linked, unlinked, unchanged, offered (the address of the account link), failed (says LINE), used, unknown, expired (the nonce, or used: the ID token), forgotten (the person asked for that), invalid, refused (by LINE), unreachable (LINE), unavailable (the ledger), aborted, error",
  },
  linked: {
    name: 'line_braze_linked',
    labelNames: ['channel'],
    help: 'Contacts that are linked to a customer',
  },
  waiting: {
    name: 'line_braze_waiting',
    labelNames: ['channel'],
    help: 'Customers to whom somebody reachable is linked, and whom Braze does not know yet',
  },
  forgetting: {
    name: 'line_braze_forgetting',
    labelNames: ['channel'],
    help: 'People who are to be forgotten and are not erased yet',
  },
  oldestForgetting: {
    name: 'line_braze_oldest_forgetting_seconds',
    labelNames: ['channel'],
    help: 'For how long the first of those has waited; 0 where nobody is to be forgotten',
  },
  tokenSeconds: {
    name: 'line_braze_token_seconds_left',
    labelNames: ['channel'],
    help: "Until LINE's token in Braze's Content Block ends; 0 where LINE takes none there; absent where that is not known, it has no end, or nothing keeps it fresh",
  },
  quota: {
    name: 'line_braze_line_quota',
    labelNames: ['channel'],
    help: 'Messages that LINE lets the account send this month, asked hourly; absent where there is no limit, no token to ask by, or no answer for three hours',
  },
  quotaUsed: {
    name: 'line_braze_line_quota_used',
    labelNames: ['channel'],
    help: 'Messages of this month that count for LINE, about, those of the Official Account Manager and of other programs included; absent where there is no token to ask by, or no answer for three hours',
  },
} satisfies Readonly<Record<string, Definition>>

interface Definition {
  readonly name: string
  readonly help: string
  readonly labelNames?: string[]
  readonly buckets?: number[]
}

export interface MetricsOptions {
  /** Whether this process holds the lease. */
  readonly isDelivering: () => boolean
  /** The channels that are shown before their first contact is known. */
  readonly channels: readonly string[]
  /** Of the channels whose token is kept fresh. */
  readonly tokens?: (() => readonly Pick<TokenHealth, 'channel' | 'secondsLeft'>[]) | undefined
  /** Of the channels of which LINE is asked; null where it has not said it lately. */
  readonly quotas?: (() => readonly { readonly channel: string; readonly quota: Quota | null }[]) | undefined
}

/**
 * The metrics. Labels have few values and none that comes from outside, and no user id is among them. The returned
 * object fits the observers of the webhook route, the ledger and delivery.
 */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  const counter = (definition: Definition) => new Counter({ ...definition, registers })
  const histogram = (definition: Definition) => new Histogram({ ...definition, registers })
  collectDefaultMetrics({ register: registry })

  const webhooks = counter(METRICS.webhooks)
  const events = counter(METRICS.events)
  const matches = counter(METRICS.secretMatches)
  const commitSeconds = histogram(METRICS.commitSeconds)
  const commitSize = histogram(METRICS.commitSize)
  const deliverySeconds = histogram(METRICS.deliverySeconds)
  const requests = counter(METRICS.brazeRequests)
  const requestSeconds = histogram(METRICS.brazeRequestSeconds)
  const links = counter(METRICS.links)
  const merges = counter(METRICS.merges)

  return {
    webhooks: {
      answered: (channel: string, outcome: string) => webhooks.inc({ channel, outcome }),
      verified: (channel: string, secret: number) => matches.inc({ channel, secret: String(secret) }),
      read(channel: string, types: readonly string[]) {
        for (const type of types) events.inc({ channel, type })
      },
    },
    linked: (channel: string, source: string, outcome: string) => links.inc({ channel, source, outcome }),
    committed(calls: number, milliseconds: number) {
      commitSeconds.observe(milliseconds / 1000)
      commitSize.observe(calls)
    },
    delivery: {
      requested(status: number | 'error', seconds: number) {
        requests.inc({ status: String(status) })
        requestSeconds.observe(seconds)
      },
      accepted: (_channel: string, seconds: number) => deliverySeconds.observe(Math.max(0, seconds)),
      merged: (outcome: string) => merges.inc({ outcome }),
    },
    /** Adds the numbers that are known when somebody asks, and returns how to make the page. */
    page(options: MetricsOptions) {
      const show = createGauges(registers, options)
      // What has not happened yet is 0: else nobody could be told of the first time.
      for (const channel of options.channels)
        for (const outcome of OUTCOMES) webhooks.inc({ channel, outcome }, 0)
      return async (numbers: Numbers, isReady: boolean) => {
        show(numbers, isReady)
        return { contentType: registry.contentType, text: await registry.metrics() }
      }
    },
  }
}

function createGauges(registers: Registry[], options: MetricsOptions) {
  const { isDelivering, channels, tokens = () => [], quotas = () => [] } = options
  const gauge = (definition: Definition) => new Gauge({ ...definition, registers })
  const contacts = gauge(METRICS.contacts)
  const pending = gauge(METRICS.pending)
  const failed = gauge(METRICS.failed)
  const oldest = gauge(METRICS.oldestPending)
  const delivering = gauge(METRICS.delivering)
  const ready = gauge(METRICS.ready)
  const linked = gauge(METRICS.linked)
  const waiting = gauge(METRICS.waiting)
  const forgetting = gauge(METRICS.forgetting)
  const oldestForgetting = gauge(METRICS.oldestForgetting)
  const tokenSeconds = gauge(METRICS.tokenSeconds)
  const quotaLimit = gauge(METRICS.quota)
  const quotaUsed = gauge(METRICS.quotaUsed)

  function show(counts: ChannelCounts) {
    const { channel } = counts
    for (const status of STATUSES) contacts.set({ channel, status }, counts[status])
    pending.set({ channel }, counts.pending)
    failed.set({ channel }, counts.failed)
    linked.set({ channel }, counts.linked)
    waiting.set({ channel }, counts.waiting)
  }

  function showQuotas() {
    for (const each of [quotaLimit, quotaUsed]) each.reset()
    for (const { channel, quota } of quotas()) {
      if (!quota) continue
      quotaUsed.set({ channel }, quota.used)
      if (quota.limit !== null) quotaLimit.set({ channel }, quota.limit)
    }
  }

  return (numbers: Numbers, isReady: boolean) => {
    delivering.set(isDelivering() ? 1 : 0)
    ready.set(isReady ? 1 : 0)
    tokenSeconds.reset()
    for (const { channel, secondsLeft } of tokens())
      if (secondsLeft !== null) tokenSeconds.set({ channel }, secondsLeft)
    showQuotas()
    if (numbers instanceof Error) {
      // No reason to hide the others; but what is not known must not look like a good number.
      for (const each of [contacts, pending, failed, linked, waiting, forgetting, oldestForgetting])
        each.reset()
      return oldest.set(Number.NaN)
    }
    const [counts, oldestPendingMs, beingForgotten] = numbers
    const open = new Map(beingForgotten.map((each) => [each.channel, each]))
    for (const each of countsOf(channels, counts)) {
      show(each)
      const { count = 0, oldestMs = 0 } = open.get(each.channel) ?? {}
      forgetting.set({ channel: each.channel }, count)
      oldestForgetting.set({ channel: each.channel }, oldestMs / 1000)
    }
    oldest.set((oldestPendingMs ?? 0) / 1000)
  }
}
