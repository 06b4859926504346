import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client'
import { STATUSES } from '../contact/contact.ts'
import type { ChannelCounts, Ledger } from '../ledger/ledger.ts'

export interface MetricsOptions {
  /** Read at each scrape. */
  readonly ledger: Pick<Ledger, 'counts' | 'oldestPendingAt'>
  /** Whether this process holds the lease. */
  readonly isDelivering: () => boolean
  /** The channels that are shown before their first contact is known. */
  readonly channels: readonly string[]
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/** Seconds: from a fast SSD's fsync to the settle pause and past an hour's outage. */
const COMMIT_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]
const REQUEST_BUCKETS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
const DELIVERY_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 7_200]

/**
 * The metrics by the names that dashboards rely on. Labels have few values and none that comes from outside, and
 * no user id is among them. The returned object fits the observers of the webhook route, the ledger and delivery.
 */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers })
  collectDefaultMetrics({ register: registry })

  const webhooks = counter('line_braze_webhooks_total', 'Webhook requests by outcome', ['channel', 'outcome'])
  const events = counter('line_braze_events_total', 'Events of recorded webhooks by type', [
    'channel',
    'type',
  ])
  const matches = counter(
    'line_braze_secret_matches_total',
    'Webhooks by the place of the secret that signed them',
    ['channel', 'secret'],
  )
  const commitSeconds = histogram('line_braze_commit_seconds', 'Time of one durable commit', COMMIT_BUCKETS)
  const commitSize = histogram(
    'line_braze_commit_size',
    'Calls that shared a commit',
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
  )
  const deliverySeconds = histogram(
    'line_braze_delivery_seconds',
    'Time from the commit of a change until Braze accepted it',
    DELIVERY_BUCKETS,
  )
  const requests = counter('line_braze_braze_requests_total', 'Requests to Braze by HTTP status, or error', [
    'status',
  ])
  const requestSeconds = histogram(
    'line_braze_braze_request_seconds',
    'Time of one request to Braze',
    REQUEST_BUCKETS,
  )

  return {
    webhooks: {
      answered: (channel: string, outcome: string) => webhooks.inc({ channel, outcome }),
      verified: (channel: string, secret: number) => matches.inc({ channel, secret: String(secret) }),
      read(channel: string, types: readonly string[]) {
        for (const type of types) events.inc({ channel, type })
      },
    },
    committed(calls: number, milliseconds: number) {
      commitSeconds.observe(milliseconds / 1000)
      commitSize.observe(calls)
    },
    delivery: {
      requested(status: number | 'error', seconds: number) {
        requests.inc({ status: String(status) })
        requestSeconds.observe(seconds)
      },
      accepted: (seconds: number) => deliverySeconds.observe(Math.max(0, seconds)),
    },
    /** Adds the numbers that are read when somebody asks, and returns the page. */
    page(options: MetricsOptions) {
      const gauges = createGauges(registers, options)
      return async () => {
        // A ledger that cannot be read is no reason to hide the other numbers.
        await gauges.read().catch(gauges.reset)
        return { contentType: registry.contentType, text: await registry.metrics() }
      }
    },
  }
}

export type Metrics = ReturnType<typeof createMetrics>

function createGauges(
  registers: Registry[],
  { ledger, isDelivering, channels, clock = Date.now }: MetricsOptions,
) {
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers })
  const contacts = gauge('line_braze_contacts', 'Contacts by status', ['channel', 'status'])
  const pending = gauge('line_braze_pending', 'Contacts that Braze has not been told of', ['channel'])
  const failed = gauge('line_braze_failed', 'Contacts that Braze rejected', ['channel'])
  const oldest = gauge(
    'line_braze_oldest_pending_seconds',
    'How long the longest waiting contact has waited',
    [],
  )
  const delivering = gauge('line_braze_delivering', '1 where this process holds the lease', [])

  function show(counts: ChannelCounts) {
    const { channel } = counts
    for (const status of STATUSES) contacts.set({ channel, status }, counts[status])
    pending.set({ channel }, counts.pending)
    failed.set({ channel }, counts.failed)
  }

  return {
    reset() {
      for (const each of [contacts, pending, failed, oldest]) each.reset()
    },
    async read() {
      const [counts, oldestAt] = await Promise.all([ledger.counts(), ledger.oldestPendingAt()])
      for (const channel of channels)
        show({ channel, friend: 0, messager: 0, gone: 0, pending: 0, failed: 0 })
      for (const each of counts) show(each)
      oldest.set(ageSeconds(oldestAt, clock()))
      delivering.set(isDelivering() ? 1 : 0)
    },
  }
}

/** Seconds since `at`; 0 when there is nothing. */
export const ageSeconds = (at: number | null, now: number) =>
  at === null ? 0 : Math.max(0, (now - at) / 1000)
