/**
 * Every route, once: the server and the reference's table are made from this. Anything else is answered 404. Those under
 * `/api` are there where API_TOKENS is set, and take `Authorization: Bearer TOKEN`; so are the page and what is under `/page`,
 * which take the cookie that the sign-in sets.
 */
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
  link: {
    method: 'PUT',
    url: '/api/channels/:channel/contacts/:userId/link',
    answers:
      '`{"externalId"}` → 200 `{"userId","externalId","linkedAt"}` once durable, also for a contact that nothing else is known of · 400 what is wrong · 401 · 404 unknown channel · 409 the person asked to be forgotten · 413 · 415 · 503',
  },
  unlink: {
    method: 'DELETE',
    url: '/api/channels/:channel/contacts/:userId/link',
    answers: '200 the same with `"externalId":null`',
  },
  contact: {
    method: 'GET',
    url: '/api/channels/:channel/contacts/:userId',
    answers:
      'all that is known of a person, as `inspect --json` prints it · 404 also where nobody is known by that user id · 503',
  },
  idTokenLinks: {
    method: 'POST',
    url: '/api/channels/:channel/links',
    answers:
      '`{"idToken","externalId","nonce"?}` → as PUT; the same again changes nothing · 404 also where the channel has no LINE Login channel · 422 LINE does not vouch for the token, or it was used for another link · 502 LINE cannot be asked',
  },
  accountLinks: {
    method: 'POST',
    url: '/api/channels/:channel/account-links',
    answers:
      '`{"linkToken","externalId"}` → 200 `{"url","expiresAt"}`: where to send the person, within 15 minutes · otherwise as PUT',
  },
  linkTokens: {
    method: 'POST',
    url: '/api/channels/:channel/link-tokens',
    answers:
      '`{"userId"}` → 200 `{"linkToken"}` · 404 also where the channel has no access token · 422 LINE gives none for this user · 502 LINE cannot be asked · otherwise as PUT',
  },
  forget: {
    method: 'DELETE',
    url: '/api/channels/:channel/contacts/:userId',
    answers:
      'forgets the person, as `forget` does, with `?deleteProfile=true` as with `--delete-profile`: 202 `{"status":"forgetting","receipt","profile","forgottenAt","endsAt","problem"}` once durable · 200 the same with `"status":"forgotten"` once it is done, which the same request says when it is repeated · 400 · 401 · 404 unknown channel, or nothing is known of them · 503',
  },
  page: {
    method: 'GET',
    url: '/',
    answers:
      "the operator's page, or a form to sign in with one of `API_TOKENS` · 404 without that setting, as is all under `/page`",
  },
  signIn: {
    method: 'POST',
    url: '/page/sign-in',
    answers:
      '`token=…` as a form sends it → 303 to `/` with a cookie (`HttpOnly`, `SameSite=Strict`, and `Secure` by https) for 12 hours · 401 after a second · 403 from another page · 429',
  },
  signOut: { method: 'POST', url: '/page/sign-out', answers: '303 to `/`, without the cookie · 403' },
  session: { method: 'GET', url: '/page/session', answers: '204 where somebody is signed in, else 401' },
  pageEvents: {
    method: 'GET',
    url: '/page/events',
    answers:
      'what the page shows, every two seconds, as server-sent events; for the page alone, and likely to change · 401 · 503 where a hundred look already',
  },
  pageReach: {
    method: 'GET',
    url: '/page/reach',
    answers: '`?days=1`, `7`, `31` or `730` → people over time, for the page alone · 400 · 401 · 503',
  },
  pageGrowth: {
    method: 'GET',
    url: '/page/growth',
    answers: '`?days=30`, `90` or `365` → growth by day and channel, for the page alone · 400 · 401 · 503',
  },
  pageGrowthCsv: {
    method: 'GET',
    url: '/page/growth.csv',
    answers: 'the same as CSV, as `status --csv` prints it',
  },
  pagePeople: {
    method: 'POST',
    url: '/page/people',
    answers:
      '`{"name"}`, a user id or an external id → who that is, for the page alone · 400 · 401 · 403 · 503',
  },
  pageFiles: { method: 'GET', url: '/page/files/*', answers: 'scripts and styles of the page' },
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
      '200 (503 where ready is): `{"status":"ok"\\|"degraded", "version":…, "ledger":{…}, "delivery":{"state":"delivering"\\|"standby"\\|"waiting"\\|"paused", "reason":…, "pending":n, "oldestPendingSeconds":s, "failed":n, "stumbling":n}, "forgetting":{"open":n, "oldestSeconds":s}, "tokens"?:[{"channel","block","keyId","secondsLeft","problem"}], "channels":[{"channel","friend","messager","gone","pending","failed","linked","waiting"}]}`',
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
