import type { BrazeSandbox } from '../sandbox/braze/braze.ts'
import { consolePath, type LineApiSandbox } from '../sandbox/line/api.ts'
import { createEvents, type LineEvent } from '../sandbox/line/events.ts'
import { signLine, toLineJson } from '../sandbox/line/json.ts'

/** Shorter than by default, for people who watch. */
export const SETTLE_MS = 500
/** LINE's last for an hour; whoever plays has more time. */
const ID_TOKEN_SECONDS = 86_400

export interface Ends {
  readonly lineApi: LineApiSandbox
  readonly braze: BrazeSandbox
  /** Where the server is going to listen. */
  readonly serverPort: number
  readonly apiToken: string
  readonly followers: readonly string[]
  readonly customers: readonly string[]
}

/** What the sandbox prints: settings for a server between both ends, and commands that play with it. */
export function introduction(ends: Ends): string {
  const { user, follow, unfollow } = createEvents(Math.random)
  const [userId, now] = [user(), Date.now()]
  const [friend = '', other = ''] = ends.followers
  const [first, second, third] = ends.customers
  const link = `contacts/${userId}/link`
  return [
    ...settings(ends),
    '# whether all of that is right: npx line-braze doctor --webhook-test',
    '',
    `# somebody follows; ${ends.followers.length} others are on LINE's list, for backfill`,
    webhook(ends, follow(userId, now)),
    '',
    `# the brand's own system says that this person is ${first}; Braze knows ${ends.customers.join(', ')}`,
    api(ends, 'PUT', link, { externalId: first }),
    '',
    '# and no customer any more',
    api(ends, 'DELETE', link),
    '',
    '# the same person blocks',
    webhook(ends, unfollow(userId, now + 1)),
    '',
    `# LINE's account link, for somebody on LINE's list (after a backfill): who opens the url of the answer is ${second}`,
    `LINK_TOKEN=$(${api(ends, 'POST', 'link-tokens', { userId: friend }, '-s ')} | sed 's/[^:]*:"//; s/".*//')`,
    api(ends, 'POST', 'account-links', { linkToken: "'$LINK_TOKEN'", externalId: second }),
    '',
    `# LINE Login: somebody else on the list logs in as ${third}; the ID token is good for a day`,
    api(ends, 'POST', 'links', { idToken: idTokenOf(ends, other), externalId: third }),
    '',
    `# LINE's console takes the public half of an assertion signing key, a JWK in public.jwk, and answers its kid; the channel id is ${ends.lineApi.channelId}`,
    curl(`${ends.lineApi.url}${consolePath}`, [JSON_BODY], '@public.jwk'),
    '',
    '# what reaches LINE and Braze, until Ctrl-C',
    '',
  ].join('\n')
}

const idTokenOf = ({ lineApi }: Ends, userId: string) =>
  lineApi.issueIdToken(userId, { expiresInSeconds: ID_TOKEN_SECONDS })

function settings({ lineApi, braze, serverPort, apiToken }: Ends): string[] {
  const values = {
    LINE_CHANNEL_SECRET: lineApi.channelSecret,
    LINE_CHANNEL_ACCESS_TOKEN: lineApi.token,
    LINE_LOGIN_CHANNEL_ID: lineApi.loginChannelId,
    LINE_API_BASE_URL: lineApi.url,
    BRAZE_REST_ENDPOINT: braze.url,
    BRAZE_API_KEY: braze.apiKey,
    BRAZE_SETTLE_MS: SETTLE_MS,
    API_TOKENS: apiToken,
    DATABASE_URL: 'file:./data/sandbox.db',
    HOST: '127.0.0.1',
    PORT: serverPort,
  }
  return [
    '# .env in a checkout that has none yet, for npm start, and for npx line-braze backfill, resync and verify',
    ...Object.entries(values).map(([name, value]) => `${name}=${value}`),
    '',
  ]
}

/** A webhook as LINE would post it: the signature fits these bytes and no others. */
function webhook({ lineApi, serverPort }: Ends, event: LineEvent): string {
  const { destination, channelSecret } = lineApi
  // Nothing to quote: LINE writes a ' as \u0027.
  const body = toLineJson({ destination, events: [event] })
  const headers = [JSON_BODY, `x-line-signature: ${signLine(body, channelSecret)}`]
  return curl(`http://127.0.0.1:${serverPort}/webhook`, headers, body)
}

/** What the brand's own systems ask. The shell fills in what stands in `fields` between single quotes. */
function api(
  { serverPort, apiToken }: Ends,
  method: string,
  path: string,
  fields?: object,
  options = '',
): string {
  const url = `${options}-X ${method} http://127.0.0.1:${serverPort}/api/channels/default/${path}`
  const headers = [`authorization: Bearer ${apiToken}`, ...(fields ? [JSON_BODY] : [])]
  return curl(url, headers, fields && JSON.stringify(fields))
}

const JSON_BODY = 'content-type: application/json'

function curl(target: string, headers: readonly string[], body?: string): string {
  const lines = [...headers.map((header) => `-H '${header}'`), ...(body ? [`--data-binary '${body}'`] : [])]
  return [`curl ${target}`, ...lines].join(' \\\n  ')
}
