/** Every route, once: the server and the reference's table are made from this. Anything else is answered 404. */
export const ROUTES = {
  webhook: {
    method: 'POST',
    url: '/webhook',
    answers:
      '200 `{}` once durable (also for an empty `events`) · 401 signature missing or wrong, whatever the body · 400 signed but not JSON, or without an `events` list · 413 · 415 · 503 not durable',
  },
  channelWebhook: {
    method: 'POST',
    url: '/webhook/:channel',
    answers:
      'the same for that channel; `/webhook` is the channel `default` · 404 where there is none of that name',
  },
  live: { method: 'GET', url: '/health/live', answers: '200 while the process runs' },
  ready: {
    method: 'GET',
    url: '/health/ready',
    answers:
      "200 while webhooks can be made durable, else 503; Braze's state does not count: intake goes on without it",
  },
  health: {
    method: 'GET',
    url: '/health',
    answers:
      '200 (503 where ready is): `{"status":"ok"\\|"degraded", "ledger":{…}, "delivery":{"state":"delivering"\\|"standby"\\|"waiting"\\|"paused", "reason":…, "pending":n, "oldestPendingSeconds":s, "failed":n, "stumbling":n}, "channels":[{"channel","friend","messager","gone","pending","failed"}]}`',
  },
  metrics: {
    method: 'GET',
    url: '/metrics',
    answers: 'Prometheus text; no user ids, a bounded set of labels',
  },
} as const

const DEFAULT_CHANNEL = 'default'

/** Where the webhooks of a channel are taken; the first is the one to tell people of. */
export function webhookPaths(channel: string): readonly string[] {
  const path = ROUTES.channelWebhook.url.replace(':channel', channel)
  return channel === DEFAULT_CHANNEL ? [ROUTES.webhook.url, path] : [path]
}
