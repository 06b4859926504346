import t, { type Test } from 'tap'
import { createCaller, LineError } from '../../src/line/call.ts'
import { createLineClient, isUnknownStart } from '../../src/line/client.ts'
import { fixedToken, statelessTokens } from '../../src/line/tokens.ts'
import { type LineApiSandboxOptions, startLineApiSandbox } from '../../src/sandbox/line/api.ts'
import { createHttpClient } from '../../src/wire/client.ts'
import { longUsers } from '../harness/people.ts'

/** So long that no answer that comes is late. */
const TIMEOUT_MS = 10_000
/** For those that never come. */
const SHORT_MS = 1_000
const NEVER = ['hang', 'stall']

/** A client of a LINE on a socket; it sleeps no longer than a turn of the event loop. */
async function setUp(
  t: Test,
  {
    stateless = false,
    prefix = '',
    timeoutMs = TIMEOUT_MS,
    ...options
  }: LineApiSandboxOptions & { stateless?: boolean; prefix?: string; timeoutMs?: number } = {},
) {
  const line = await startLineApiSandbox({ keepRequests: true, ...options })
  const http = createHttpClient({ baseUrl: line.url + prefix, timeoutMs, connections: 2 })
  const sleeps: number[] = []
  const said: string[] = []
  let aheadMs = 0
  const call = createCaller({
    http,
    random: () => 1,
    sleep: async (ms) => void sleeps.push(ms),
    log: {
      debug: (fields) => void said.push(JSON.stringify(fields)),
      warn: (fields, message) => void said.push(`${message} ${JSON.stringify(fields)}`),
    },
  })
  const { channelId, channelSecret } = line
  const monotonic = () => performance.now() + aheadMs
  const tokens = stateless
    ? statelessTokens({ call, channelId, channelSecret, monotonic })
    : fixedToken(line.token)
  t.teardown(async () => {
    await http.close()
    await line.close()
  })
  return {
    line,
    call,
    tokens,
    client: createLineClient({ call, tokens }),
    sleeps,
    said,
    later: (ms: number) => {
      aheadMs += ms
    },
  }
}

t.test('the list, page by page', async (t) => {
  const { line, client } = await setUp(t, { followers: longUsers(2_500) })
  const before = Math.floor(Date.now() / 1000) * 1000
  const first = await client.followers(null)
  t.strictSame(first.userIds, longUsers(1_000))
  t.ok((first.date ?? 0) >= before && (first.date ?? 0) <= Date.now(), "LINE's clock")
  const second = await client.followers(first.next)
  const third = await client.followers(second.next)
  t.strictSame([...second.userIds, ...third.userIds], longUsers(2_500).slice(1_000))
  t.equal(third.next, null)
  t.ok([1, 2].includes(line.stats.connections), 'over connections that are kept')
})

t.test('what is no user id is counted and left out', async (t) => {
  const { line, client } = await setUp(t, { followers: longUsers(1) })
  line.appendRaw(5, null, '', 'has space', {}, ['U1'], 'Udeadbeefdeadbeefdeadbeefdeadbeef', longUsers(1)[0])
  t.match(await client.followers(null), {
    userIds: [...longUsers(1), ...longUsers(1)],
    invalid: 6,
    next: null,
  })
})

t.test('a page that LINE does not date, or not in this century, has no date', async (t) => {
  const { line, client } = await setUp(t, { followers: longUsers(1) })
  for (const date of [
    '',
    'soon',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'Fri, 01 Jan 2100 00:00:00 GMT',
    'Sun, 01 Jan 3000 00:00:00 GMT',
  ]) {
    line.setDate(() => date)
    t.strictSame(
      await client.followers(null),
      { userIds: longUsers(1), invalid: 0, next: null, date: undefined },
      date,
    )
  }
})

t.test('whose list it is, and about how many it names', async (t) => {
  const { line, client } = await setUp(t)
  t.equal(await client.botUserId(), line.destination)
  line.setInsight({ status: 'ready', followers: 120, blocks: 20 })
  t.equal(await client.followerCount('20260801'), 100)
  for (const insight of [
    { status: 'unready' },
    { status: 'ready', followers: 3, blocks: 9 },
    { status: 'ready', followers: 3 },
  ]) {
    line.setInsight(insight)
    t.equal(await client.followerCount('20260801'), null)
  }
  line.answerNext({ status: 500 })
  await t.rejects(client.followerCount('20260801'), { message: /answers 500/ }, 'not worth a second try')
})

t.test('what may pass is tried again, after pauses that double', async (t) => {
  const answers = [
    { status: 429, body: { message: 'too many' } },
    { status: 500 },
    { status: 503, body: 'a page' },
    { kind: 'reset' },
    { kind: 'hang' },
    { kind: 'stall' },
    { kind: 'half' },
    { kind: 'huge' },
    { kind: 'html' },
    { kind: 'not-json' },
    { kind: 'empty' },
    { body: { userIds: 'none' } },
    { body: { userIds: [], next: 7 } },
    { body: { userIds: [], next: '' } },
  ] as const
  const check = async (answer: (typeof answers)[number]) => {
    const { line, client, sleeps, said } = await setUp(t, {
      followers: longUsers(3),
      ...('kind' in answer && NEVER.includes(answer.kind) && { timeoutMs: SHORT_MS }),
    })
    line.answerNext(answer, 2)
    t.strictSame((await client.followers(null)).userIds, longUsers(3), JSON.stringify(answer))
    t.strictSame(sleeps, [500, 1_000])
    t.match(
      said.find((line) => line.startsWith('LINE is asked again')),
      /LINE (answers|cannot be reached)/,
    )
  }
  await Promise.all(answers.map(check))
})

t.test('it gives up after five more tries, with what LINE said last', async (t) => {
  const { line, client, sleeps } = await setUp(t)
  line.setOutage({ status: 503, body: { message: 'maintenance' } })
  await t.rejects(client.followers(null), {
    name: 'LineError',
    message:
      /^LINE answers 503 to GET \/v2\/bot\/followers\/ids: maintenance \(x-line-request-id: [\w-]{36}\); tried 6 times$/,
  })
  t.equal(line.stats.requests, 6)
  t.strictSame(sleeps, [500, 1_000, 2_000, 4_000, 8_000])
  line.setOutage({ kind: 'reset' })
  await t.rejects(client.followers(null), {
    message: /^LINE cannot be reached \(GET .*\): .*; tried 6 times$/,
  })
})

t.test('what LINE refuses is not tried again', async (t) => {
  const { line, client } = await setUp(t)
  for (const status of [301, 400, 403, 404]) {
    line.answerNext({ status, body: { message: 'no' } })
    const error = await client.followers(null).catch((error) => error)
    t.match(error, { status, message: /: no \(x-line-request-id: [\w-]{36}\)$/ })
    t.notOk(isUnknownStart(error))
  }
  t.equal(line.stats.requests, 4)
  t.ok(isUnknownStart(await client.followers('unknown').catch((error) => error)))
  line.forbidList(true)
  await t.rejects(client.followers(null), { message: /answers 403/ })
})

t.test('a cursor that LINE does not take: a 400 to a request with one, whatever the words', async (t) => {
  const { line, client } = await setUp(t, { stateless: true })
  const failure = (start: string | null) => client.followers(start).catch((error) => error)
  for (const body of [
    { message: 'The value is not correct' },
    { message: 'Invalid start param' },
    '',
    '<html>',
  ]) {
    await client.botUserId()
    line.answerNext({ status: 400, body })
    const error = await failure('cursor')
    t.ok(isUnknownStart(error), JSON.stringify(body))
    t.match(error, { name: 'LineError', status: 400, message: /^LINE answers 400 to GET .*request-id/ })
    line.answerNext({ status: 400, body })
    t.notOk(isUnknownStart(await failure(null)), 'without one')
  }
  for (const status of [403, 404, 410]) {
    line.answerNext({ status, body: { message: 'Invalid start param' } })
    t.notOk(isUnknownStart(await failure('cursor')), String(status))
  }
  line.expireTokens()
  line.answerNext({ status: 401 })
  line.answerNext({
    status: 400,
    body: { error: 'invalid_client', error_description: 'Invalid start param' },
  })
  const refused = await failure('cursor')
  t.match(refused.message, /^LINE answers 400 to POST/)
  t.notOk(isUnknownStart(refused), 'it is the token request that was refused')
  line.setOutage({ status: 400, body: { message: 'Invalid start param' } })
  t.notOk(isUnknownStart(await client.botUserId().catch((error) => error)))
})

t.test('every answer is logged with the name that LINE gave the request', async (t) => {
  const { client, said } = await setUp(t)
  await client.botUserId()
  t.match(said, [/"request":"GET \/v2\/bot\/info","status":200,"requestId":"[\w-]{36}"/])
})

t.test('no token and no cursor is logged, and no error has one', async (t) => {
  const { line, client, said } = await setUp(t, { followers: longUsers(1_001), stateless: true })
  const { next } = await client.followers(null)
  line.answerNext({ status: 500 })
  line.answerNext({ status: 404 })
  const error = await client.followers(next).catch((error) => error)
  const all = [...said, error.message].join('\n')
  for (const secret of [line.channelSecret, next ?? '', ...longUsers(1_001)]) t.notMatch(all, secret)
})

t.test('an answer that echoes a token, the channel secret or a cursor prints none of them', async (t) => {
  const { line, client, tokens, said } = await setUp(t, { stateless: true })
  const token = await tokens.get()
  const echo = (text: string, status = 400) => ({
    status,
    headers: { 'x-line-request-id': `id\t${text}` },
    body: { message: `${'x'.repeat(280)}${text}\n${text}` },
  })
  const tell = async (text: string) => {
    line.answerNext(echo(text, 500))
    line.answerNext(echo(text))
    const error: LineError = await client.followers('a-cursor').catch((error) => error)
    return [error.message, ...said.splice(0)].join(' ')
  }
  for (const secret of [token, 'a-cursor']) {
    const told = await tell(`Bearer ${secret}`)
    t.match(told, /Bearer <secret>/)
    t.notMatch(told, secret.slice(0, 8))
    t.notMatch(told, '\n', 'on one line')
  }
  line.expireTokens()
  line.answerNext({ status: 401 })
  line.answerNext(echo(line.channelSecret))
  const refused = await client.botUserId().catch((error) => error)
  t.match(refused.message, /POST \/oauth2\/v3\/token: x+<secret> .*LINE_CHANNEL_ID/)
  t.notMatch([refused.message, refused.said, ...said].join(), line.channelSecret.slice(0, 8))
})

t.test('a mistake of ours is neither tried again nor told as LINE out of reach', async (t) => {
  const { line, sleeps, call } = await setUp(t)
  const client = createLineClient({ call, tokens: fixedToken('two\nlines') })
  const error = await client.botUserId().catch((error) => error)
  t.notOk(error instanceof LineError, error.message)
  t.match([line.stats.requests, sleeps.length], [0, 0])
})

t.test(
  'stateless tokens are kept, renewed before they end, and once when LINE takes one no more',
  async (t) => {
    const { line, client, later } = await setUp(t, { stateless: true })
    await client.followers(null)
    await client.followers(null)
    t.equal(line.stats.tokensIssued, 1)
    later(830_000)
    await client.followers(null)
    t.equal(line.stats.tokensIssued, 1)
    later(11_000)
    await client.followers(null)
    t.equal(line.stats.tokensIssued, 2, 'in its last minute')
    line.expireTokens()
    await client.followers(null)
    t.equal(line.stats.tokensIssued, 3)
    line.answerPage(7, { status: 401, body: { message: 'gone' } })
    line.answerPage(8, { status: 401, body: { message: 'gone' } })
    await t.rejects(client.followers(null), { message: /answers 401/ }, 'a new one is refused, too')
    t.equal(line.stats.tokensIssued, 4)
  },
)

t.test('a short-lived token is renewed in the last fifth of its life', async (t) => {
  const { line, client, later } = await setUp(t, { stateless: true })
  line.setTokenLife(100)
  await client.botUserId()
  later(70_000)
  await client.botUserId()
  t.equal(line.stats.tokensIssued, 1)
  later(11_000)
  await client.botUserId()
  t.equal(line.stats.tokensIssued, 2)
})

t.test('a token that nobody can renew ends the call', async (t) => {
  const { line, client } = await setUp(t)
  line.revokeTokens()
  await t.rejects(client.followers(null), { message: /answers 401/ })
  t.equal(line.stats.requests, 1)
})

t.test('a channel id or secret that LINE refuses is told as that', async (t) => {
  const line = await startLineApiSandbox()
  const http = createHttpClient({ baseUrl: line.url, timeoutMs: TIMEOUT_MS, connections: 2 })
  t.teardown(async () => {
    await http.close()
    await line.close()
  })
  const call = createCaller({ http, log: { debug() {}, warn() {} } })
  const tokens = statelessTokens({ call, channelId: '1', channelSecret: 'wrong' })
  const error = await tokens.get().catch((error) => error)
  t.ok(error instanceof LineError)
  t.match(
    error.message,
    /^LINE answers 400 to POST \/oauth2\/v3\/token: invalid_request.* LINE_CHANNEL_ID and/,
  )
  // OAuth knows two ways to refuse a client.
  for (const [status, isTold] of [
    [401, true],
    [403, false],
  ] as const) {
    const { line, client } = await setUp(t, { stateless: true })
    line.answerNext({ status, body: { error: 'invalid_client' } })
    const { message } = await client.botUserId().catch((error) => error)
    t.equal(/ LINE_CHANNEL_ID and/.test(message), isTold, message)
  }
})

t.test("the base URL's path is kept", async (t) => {
  const { line, client } = await setUp(t, { prefix: '/behind/a/proxy/' })
  await t.rejects(client.botUserId(), { message: /answers 404/ })
  t.equal(line.requests[0]?.path, '/behind/a/proxy/v2/bot/info')
})

t.test('an abort ends a request and a pause at once', async (t) => {
  const line = await startLineApiSandbox()
  const http = createHttpClient({ baseUrl: line.url, timeoutMs: 60_000 })
  t.teardown(async () => {
    await http.close()
    await line.close()
  })
  const call = createCaller({ http, log: { debug() {}, warn() {} } })
  const client = createLineClient({ call, tokens: fixedToken(line.token) })
  for (const answer of [{ kind: 'hang' }, { kind: 'stall' }, { status: 503 }] as const) {
    const controller = new AbortController()
    line.setOutage(answer)
    const before = line.stats.requests
    const asked = client.followers(null, controller.signal)
    await line.until(() => line.stats.requests > before)
    controller.abort(new Error('enough'))
    await t.rejects(asked, { message: 'enough' })
  }
})

t.test('a link token for somebody, and what LINE says of others', async (t) => {
  const { line, client, said } = await setUp(t)
  const userId = 'U/x?y 0123456789abcdef'
  const linkToken = 'NMZTNuVrPTqlr2IF8Bnymkb7rXfYv5EY'
  line.answerNext({ status: 503 })
  line.answerNext({ body: { linkToken } })
  t.equal(await client.issueLinkToken(userId), linkToken, 'asked once more')
  t.equal(line.requests.at(-1)?.path, `/v2/bot/user/${encodeURIComponent(userId)}/linkToken`)

  for (const status of [400, 404]) {
    line.answerNext({ status, body: { message: `No user ${userId}` } })
    const error = await client.issueLinkToken(userId).catch((error) => error)
    t.match(error, { name: 'LineRefusal', status, message: /no link token/ })
    t.match(
      error.cause.message,
      /answers \d+ to POST \/v2\/bot\/user\/<user id>\/linkToken: No user <user id>/,
    )
  }
  const forbidden = { status: 403 }
  for (const answer of [{ body: {} }, { body: { linkToken: 5 } }, { kind: 'html' }, forbidden] as const) {
    line.answerNext(answer, answer === forbidden ? 1 : 2)
    const error = await client.issueLinkToken(userId).catch((error) => error)
    t.match(error, { name: 'LineError' }, JSON.stringify(answer))
  }
  t.notMatch(said.join(), /U(\/|%2F)x/, 'whom it is about stays here')
})

t.test('a token that LINE refuses says nothing of the person', async (t) => {
  const { line, client } = await setUp(t, { stateless: true })
  line.answerNext({ status: 400, body: { error: 'invalid_client' } })
  const error = await client.issueLinkToken('U1').catch((error) => error)
  t.match(error, { name: 'LineError', message: / LINE_CHANNEL_ID and/ })
})
