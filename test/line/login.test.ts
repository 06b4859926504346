import t, { type Test } from 'tap'
import { createCaller, LineError, LineRefusal } from '../../src/line/call.ts'
import { createLineLogin } from '../../src/line/login.ts'
import { startLineApiSandbox } from '../../src/sandbox/line/api.ts'
import { createHttpClient } from '../../src/wire/client.ts'
import { USER } from '../harness/people.ts'

const LOGIN_CHANNEL = '1234567890'
const ID_TOKEN = 'head.claims.signature'
/** What both clocks say at first: whole seconds, as the Date header has them. */
const NOW = 1_800_000_000_000
const HOUR_S = 3_600

const claims = (more: object = {}) => ({
  iss: 'https://access.line.me',
  sub: USER,
  aud: LOGIN_CHANNEL,
  exp: NOW / 1000 + HOUR_S,
  iat: NOW / 1000,
  name: 'Taro',
  ...more,
})

/** A LINE that answers what the test says. */
async function setUp(t: Test) {
  const line = await startLineApiSandbox({ keepRequests: true })
  line.setDate(() => new Date(NOW))
  const http = createHttpClient({ baseUrl: line.url, timeoutMs: 300, connections: 2 })
  const said: string[] = []
  const note = (fields: object, message: string) => void said.push(`${message} ${JSON.stringify(fields)}`)
  let now = NOW
  const call = createCaller({
    http,
    random: () => 1,
    sleep: async () => {},
    log: { debug: note, warn: note },
  })
  const { verifyIdToken } = createLineLogin({ call, clock: () => now })
  t.teardown(async () => {
    await http.close()
    await line.close()
  })
  const verify = (nonce?: string) =>
    verifyIdToken({ idToken: ID_TOKEN, loginChannelId: LOGIN_CHANNEL, nonce })
  return {
    line,
    said,
    verify,
    setClock: (moment: number) => {
      now = moment
    },
    verifyAs(body: object | string, nonce?: string) {
      line.answerNext({ body })
      return verify(nonce)
    },
  }
}

t.test('LINE vouches for somebody, for as long as it says', async (t) => {
  const { line, verifyAs, setClock } = await setUp(t)
  const vouched = { userId: USER, lifeMs: HOUR_S * 1000 }
  t.strictSame(await verifyAs(claims()), vouched)
  t.strictSame(
    await verifyAs(claims({ nonce: 'a', amr: ['linesso'] })),
    vouched,
    'a nonce that nobody asks about',
  )
  t.strictSame(await verifyAs(claims({ nonce: 'a+b &c' }), 'a+b &c'), vouched)
  t.match(line.requests, [{ method: 'POST', path: '/oauth2/v2.1/verify' }, {}, {}])

  setClock(NOW + 365 * 86_400_000)
  t.strictSame(await verifyAs(claims()), vouched, "by LINE's clock")
  line.setDate(() => '')
  setClock(NOW + 1_000)
  t.strictSame(await verifyAs(claims()), { userId: USER, lifeMs: HOUR_S * 1000 - 1_000 }, 'or by ours')
})

t.test('what LINE lets pass is checked here once more', async (t) => {
  const { verifyAs } = await setUp(t)
  const refused: [object, RegExp, string?][] = [
    [{ aud: '9876543210' }, /another LINE Login channel than .*LINE_LOGIN_CHANNEL_ID/],
    [{ aud: undefined }, /another LINE Login channel/],
    [{ aud: [LOGIN_CHANNEL] }, /another LINE Login channel/],
    [{ iss: 'https://access.line.me.example.com' }, /issued by somebody else/],
    [{ exp: NOW / 1000 }, /expired/],
    [{ nonce: 'a' }, /another nonce/, 'b'],
    [{}, /another nonce/, 'b'],
  ]
  for (const [more, message, nonce] of refused) {
    const error = await verifyAs(claims(more), nonce).catch((error) => error)
    t.type(error, LineRefusal)
    t.match(error.message, message)
  }
})

t.test('an answer that makes no sense vouches for nobody', async (t) => {
  const { line, verify } = await setUp(t)
  const senseless = [
    claims({ sub: undefined }),
    claims({ sub: 5 }),
    claims({ sub: 'U 1' }),
    claims({ sub: 'Udeadbeefdeadbeefdeadbeefdeadbeef' }),
    claims({ exp: undefined }),
    claims({ exp: String(NOW / 1000 + HOUR_S) }),
    claims({ exp: NOW + HOUR_S * 1000 }),
    claims({ exp: 1e300 }),
    [],
    'a page',
    {},
  ]
  for (const body of senseless) {
    line.answerNext({ body }, 2)
    const error = await verify().catch((error) => error)
    t.type(error, LineError, JSON.stringify(body))
    t.notOk(error instanceof LineRefusal)
  }
})

t.test('why LINE does not vouch', async (t) => {
  const { line, verify, said } = await setUp(t)
  const reasons: [string, RegExp][] = [
    ['IdToken expired.', /expired/],
    ['Invalid IdToken Audience.', /another LINE Login channel/],
    ['Invalid IdToken Issuer.', /issued by somebody else/],
    ['Invalid IdToken Nonce.', /another nonce/],
    ['Invalid IdToken.', /no ID token of LINE/],
    [`What LINE may say of ${ID_TOKEN}`, /no ID token of LINE/],
  ]
  for (const [words, message] of reasons) {
    line.answerNext({ status: 400, body: { error: 'invalid_request', error_description: words } })
    const error = await verify('a nonce').catch((error) => error)
    t.type(error, LineRefusal)
    t.match(error.message, message)
    t.notMatch(error.message, words)
    t.match(error.cause.message, words.split(' of ')[0], "LINE's words are for the log")
    t.notMatch([error.message, error.cause.message], ID_TOKEN)
  }
  t.notMatch(said.join(), ID_TOKEN)
})

t.test('where LINE cannot be asked nobody is refused, nor vouched for', async (t) => {
  const { line, verify } = await setUp(t)
  for (const status of [401, 403, 404]) {
    line.answerNext({ status, body: { error: 'x' } })
    const error = await verify().catch((error) => error)
    t.match(error, { name: 'LineError', status })
  }
  for (const answer of [{ status: 429 }, { status: 500 }, { kind: 'reset' }, { kind: 'html' }] as const) {
    line.answerNext(answer, 2)
    t.match(await verify().catch((error) => error), { name: 'LineError' }, JSON.stringify(answer))
    line.answerNext(answer)
    line.answerNext({ body: claims() })
    t.match(await verify(), { userId: USER }, 'it is asked once more')
  }
})
