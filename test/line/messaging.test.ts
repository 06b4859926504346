import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { createCaller, LineError } from '../../src/line/call.ts'
import { createMessaging } from '../../src/line/messaging.ts'
import { fixedToken, statelessTokens } from '../../src/line/tokens.ts'
import { type LineApiSandboxOptions, startLineApiSandbox } from '../../src/sandbox/line/api.ts'
import { createHttpClient } from '../../src/wire/client.ts'
import { USER } from '../harness/people.ts'

const PUSH = '/v2/bot/message/push'
const VALIDATE = '/v2/bot/message/validate/push'

/** What sends at a LINE on a socket; it sleeps no longer than a turn of the event loop. */
async function setUp(t: Test, options: LineApiSandboxOptions = {}) {
  const line = await startLineApiSandbox({ followers: [USER], keepRequests: true, ...options })
  const http = createHttpClient({ baseUrl: line.url, timeoutMs: 300, connections: 2 })
  const said: string[] = []
  const call = createCaller({
    http,
    sleep: () => new Promise(setImmediate),
    log: {
      debug: (fields) => void said.push(JSON.stringify(fields)),
      warn: (fields) => void said.push(JSON.stringify(fields)),
    },
  })
  t.teardown(async () => {
    await http.close()
    await line.close()
  })
  const { channelId, channelSecret } = line
  const asked = (tokens = fixedToken(line.token)) => createMessaging({ call, tokens })
  return {
    line,
    said,
    asked,
    ...asked(),
    stateless: () => statelessTokens({ call, channelId, channelSecret }),
  }
}

const text = (text: string) => ({ type: 'text' as const, text })
const request = (...texts: string[]) => ({ to: USER, messages: texts.map(text) })

t.test('messages are looked at without being sent', async (t) => {
  const { line, validate } = await setUp(t)
  t.strictSame(await validate([text('x')]), { isValid: true })
  const judgement = await validate([text('x'), text(''), text('y'.repeat(5_001))])
  t.match(judgement, {
    isValid: false,
    faults: [
      { property: 'messages[1].text', message: 'May not be empty' },
      { property: 'messages[2].text', message: /5000/ },
    ],
  })
  t.equal(line.pushes.length, 0)
})

t.test('a push, with its retry key', async (t) => {
  const { line, push } = await setUp(t)
  const key = randomUUID()
  t.strictSame(await push(request('x'), key), { outcome: 'accepted', status: 200 })
  t.match(line.pushes, [{ to: USER, received: true, retryKey: key }])
  t.strictSame(await push(request('x'), key), { outcome: 'repeated', status: 409 })
  t.equal(line.received.get(USER), 1)
})

t.test('where the answer goes astray it is asked again, and delivered once', async (t) => {
  const { line, push } = await setUp(t)
  const key = randomUUID()
  await push(request('x'), key)
  for (const answer of [{ status: 500 }, { kind: 'reset' }, { kind: 'hang' }, { kind: 'html' }] as const) {
    line.answerNextOf(PUSH, answer)
    t.strictSame(await push(request('x'), key), { outcome: 'accepted', status: 409 }, JSON.stringify(answer))
  }
  t.equal(line.received.get(USER), 1)
})

t.test('what LINE finds wrong', async (t) => {
  const { line, said, push } = await setUp(t)
  t.match(await push(request(''), randomUUID()), {
    outcome: 'refused',
    status: 400,
    faults: [{ property: 'messages[0].text', message: 'May not be empty' }],
  })
  line.addStranger(USER)
  t.match(await push(request('x'), randomUUID()), {
    outcome: 'refused',
    faults: [{ property: '', message: /'to'/ }],
  })
  line.answerNextOf(PUSH, {
    status: 400,
    body: { message: `no ${USER}`, details: [{ message: USER }, 7, null] },
  })
  const refused = await push(request('x'), randomUUID())
  t.match(refused, {
    faults: [{ property: '', message: '<user id>' }, { message: 'is not as LINE wants it' }, {}],
  })
  line.answerNextOf(PUSH, { status: 413, body: 'a page' })
  t.match(await push(request('x'), randomUUID()), { status: 413, faults: [{ message: 'no reason given' }] })
  t.notMatch(said.join(), USER)
})

t.test('at the end of the month it is not asked again; when it is too much at once, it is', async (t) => {
  const { line, push } = await setUp(t)
  line.setQuota(1)
  line.setQuotaUsed(1)
  t.strictSame(await push(request('x'), randomUUID()), { outcome: 'limited', status: 429 })
  t.equal(line.stats.byPath[PUSH], 1)
  line.setQuota(null)
  const busy = { status: 429, body: { message: 'The API rate limit has been exceeded. Try again later.' } }
  line.answerNextOf(PUSH, busy)
  t.match(await push(request('x'), randomUUID()), { outcome: 'accepted' })
  line.answerNextOf(PUSH, busy, 3)
  await t.rejects(push(request('x'), randomUUID()), {
    name: 'LineError',
    status: 429,
    message: /rate limit .*tried 3 times/,
  })
})

t.test('a token that has ended', async (t) => {
  const { line, push, asked, stateless } = await setUp(t)
  line.answerNextOf(PUSH, { status: 401, body: { message: 'Authentication failed.' } })
  await t.rejects(push(request('x'), randomUUID()), { name: 'LineError', status: 401 })
  const fresh = asked(stateless())
  line.answerNextOf(PUSH, { status: 401 })
  t.match(await fresh.push(request('x'), randomUUID()), { outcome: 'accepted' })
  t.equal(line.stats.tokensIssued, 2)
})

t.test('how many messages are left', async (t) => {
  const { line, quota } = await setUp(t)
  t.strictSame(await quota(), { limit: null, used: 0 })
  line.setQuota(500)
  line.setQuotaUsed(123)
  t.strictSame(await quota(), { limit: 500, used: 123 })
  for (const body of [{ type: 'limited' }, { type: 'other' }, []]) {
    line.answerNextOf('/v2/bot/message/quota', { body }, 2)
    await t.rejects(quota(), LineError)
  }
})

t.test('what is no answer of LINE', async (t) => {
  const { line, validate, push } = await setUp(t)
  for (const answer of [{ kind: 'html' }, { kind: 'empty' }, { body: { sentMessages: 'x' } }] as const) {
    line.answerNextOf(PUSH, answer, 3)
    await t.rejects(push(request('x'), randomUUID()), LineError, JSON.stringify(answer))
  }
  line.answerNextOf(VALIDATE, { kind: 'html' }, 3)
  await t.rejects(validate([text('x')]), LineError)
  line.answerNextOf(VALIDATE, {
    status: 403,
    body: { message: 'Access to this API is not available for your account' },
  })
  await t.rejects(validate([text('x')]), { status: 403, message: /not available/ })
})
