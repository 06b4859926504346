import t, { type Test } from 'tap'
import { type LineApiSandbox, startLineApiSandbox } from '../../../src/sandbox/line/api.ts'
import { ask } from '../client.ts'

const [friend, stranger, messager] = ['a', 'b', 'c'].map((digit) => `U${digit.repeat(32)}`) as [
  string,
  string,
  string,
]
const text = { type: 'text', text: 'Hello' }
const key = '123e4567-e89b-12d3-a456-426614174000'
const day = 24 * 60 * 60 * 1000

async function start(t: Test) {
  let now = 1_800_000_000_000
  const line = await startLineApiSandbox({ followers: [friend], clock: () => now })
  t.teardown(line.close)
  return {
    line,
    later(ms: number) {
      now += ms
    },
  }
}

interface Asked {
  headers?: Record<string, string>
  token?: string
  /** In place of JSON. */
  raw?: string
}

function push(
  line: LineApiSandbox,
  body: object = {},
  { headers = {}, token = line.token, raw }: Asked = {},
) {
  return ask(line, '/v2/bot/message/push', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: raw ?? JSON.stringify({ to: friend, messages: [text], ...body }),
  })
}
const keyed = (line: LineApiSandbox, retryKey: string, body: object = {}) =>
  push(line, body, { headers: { 'x-line-retry-key': retryKey } })
const detail = (message: string, property: string) => ({
  status: 400,
  json: { message: 'The request body has 1 error(s)', details: [{ message, property }] },
})

t.test('who gets it and who does not, all answered alike', async (t) => {
  const { line, later } = await start(t)
  const first = await push(line, { messages: [text, { type: 'sticker', packageId: '1', stickerId: '2' }] })
  t.match(first, {
    status: 200,
    json: { sentMessages: [{ id: /^\d{18}$/, quoteToken: String }, { id: String }] },
  })
  t.equal(first.json.sentMessages.length, 2)
  t.equal((await push(line, { to: stranger })).status, 200)
  line.write(messager)
  t.equal((await push(line, { to: messager })).status, 200)
  later(7 * day)
  t.equal((await push(line, { to: messager })).status, 200)
  line.unfollow(friend)
  t.equal((await push(line)).status, 200)
  t.same(
    [...line.received],
    [
      [friend, 1],
      [messager, 1],
    ],
  )
  t.same(
    line.pushes.map(({ to, received, messages }) => [to, received, messages]),
    [
      [friend, true, 2],
      [stranger, false, 1],
      [messager, true, 1],
      [messager, false, 1],
      [friend, false, 1],
    ],
  )
  t.equal(line.pushes[0]?.requestId, first.headers.get('x-line-request-id'))
  t.notMatch(JSON.stringify(line.pushes), /Hello/)
  t.not(line.pushes[0]?.hash, line.pushes[1]?.hash)
})

t.test('only with a living token of the channel', async (t) => {
  const { line } = await start(t)
  for (const token of ['', 'x', `${line.token}\u00a0`])
    t.match(await push(line, {}, { token }), { status: 401, json: { message: /^Authentication failed/ } })
  const old = line.token
  line.reissueToken()
  t.equal((await push(line, {}, { token: old })).status, 401)
  const second = line.addChannel()
  t.equal((await push(line, {}, { token: second.token })).status, 200)
  t.same([line.received.size, second.received.size], [0, 0], 'no friend of the other account')
})

t.test('whom it cannot be for', async (t) => {
  const { line } = await start(t)
  const foreign = `U${'9'.repeat(32)}`
  line.addStranger(foreign)
  for (const to of [undefined, '', null, 7])
    t.match(await push(line, { to }), detail('May not be empty', 'to'))
  for (const to of ['x', `U${'A'.repeat(32)}`, `U${'a'.repeat(31)}`, ` ${friend}`, foreign])
    t.match(await push(line, { to }), {
      status: 400,
      json: { message: /^The property, 'to', in the request/ },
    })
  t.equal(line.pushes.length, 0)
})

t.test('one to five messages', async (t) => {
  const { line } = await start(t)
  t.equal((await push(line, { messages: Array(5).fill(text) })).status, 200)
  for (const messages of [[], Array(6).fill(text), undefined, text])
    t.match(await push(line, { messages }), detail('Size must be between 1 and 5', 'messages'))
})

t.test('bodies up to 2 MB, of JSON', async (t) => {
  const { line } = await start(t)
  const whole = { to: friend, messages: [text] }
  const room = 2 * 1024 * 1024 - JSON.stringify({ ...whole, more: '' }).length
  t.equal((await push(line, { more: 'x'.repeat(room) })).status, 200)
  t.equal((await push(line, { more: 'x'.repeat(room + 1) })).status, 413)
  t.equal((await push(line, { more: 'x'.repeat(3 * room) })).status, 413)
  for (const raw of ['', '{', '[]', '{"to":"\n"}', 'null'])
    t.match(await push(line, {}, { raw }), { status: 400, json: { message: /could not be parsed as JSON/ } })
  t.match(await push(line, {}, { headers: { 'content-type': 'text/plain' } }), {
    status: 415,
    json: { message: 'The content type, text/plain, is not supported' },
  })
})

t.test('a retry key lets a message through once in 24 hours after it was accepted', async (t) => {
  const { line, later } = await start(t)
  t.equal((await keyed(line, key, { messages: [] })).status, 400, 'a refused one is not remembered')
  line.setQuota(0)
  t.equal((await keyed(line, key)).status, 429)
  line.setQuota(null)
  const first = await keyed(line, key)
  t.equal(first.status, 200)
  t.equal(first.headers.get('x-line-accepted-request-id'), null)
  later(day - 1)
  const again = await keyed(line, key.toUpperCase())
  t.match(again, {
    status: 409,
    json: { message: 'The retry key is already accepted', sentMessages: first.json.sentMessages },
  })
  t.equal(again.headers.get('x-line-accepted-request-id'), first.headers.get('x-line-request-id'))
  t.not(again.headers.get('x-line-request-id'), first.headers.get('x-line-request-id'))
  t.equal(line.received.get(friend), 1)
  later(1)
  t.equal((await keyed(line, key)).status, 200)
  t.equal(line.received.get(friend), 2)
  t.equal((await keyed(line, key.replace('1', '2'))).status, 200)
})

t.test('a retry key of one channel says nothing in another one', async (t) => {
  const { line } = await start(t)
  const second = line.addChannel({ followers: [friend] })
  t.equal((await keyed(line, key)).status, 200)
  const headers = { authorization: `Bearer ${second.token}`, 'x-line-retry-key': key }
  t.equal((await push(line, {}, { headers })).status, 200)
  t.equal(second.received.get(friend), 1)
})

t.test('a retry key is a UUID, and goes with a push only', async (t) => {
  const { line } = await start(t)
  for (const bad of ['x', '', key.replaceAll('-', ''), `${key}0`, key.replace('1', 'g')])
    t.match(await keyed(line, bad), { status: 400, json: { message: /X-Line-Retry-Key/ } }, bad)
  const anyVersion = '00000000-0000-0000-0000-000000000000'
  t.equal((await keyed(line, anyVersion)).status, 200)
  line.demandUuidVersions(true)
  t.equal((await keyed(line, anyVersion)).status, 400)
  t.equal((await keyed(line, key)).status, 200)
  const headers = { authorization: `Bearer ${line.token}`, 'x-line-retry-key': key }
  t.equal((await ask(line, '/v2/bot/info', { headers })).status, 400)
})

t.test("the month's quota counts who got it", async (t) => {
  const { line } = await start(t)
  const quota = async () => (await ask(line, '/v2/bot/message/quota')).json
  const used = async () => (await ask(line, '/v2/bot/message/quota/consumption')).json
  t.same(await quota(), { type: 'none' })
  line.setQuota(3)
  line.setQuotaUsed(1)
  t.same(await quota(), { type: 'limited', value: 3 })
  await push(line, { messages: Array(5).fill(text) })
  await push(line, { to: stranger })
  t.same(await used(), { totalUsage: 2 })
  t.equal((await push(line)).status, 200)
  t.match(await push(line), { status: 429, json: { message: 'You have reached your monthly limit.' } })
  t.same(await used(), { totalUsage: 3 })
  line.setQuotaUsed(0)
  t.equal((await push(line)).status, 200)
  t.equal((await ask(line, '/v2/bot/message/quota', { token: 'x' })).status, 401)
})

t.test('aggregation units', async (t) => {
  const { line } = await start(t)
  const unit = 'Summer_2026_abcdefghijklmnopqr'
  t.equal(unit.length, 30)
  for (const customAggregationUnits of [[unit], [unit], ['x'], []])
    t.equal((await push(line, { customAggregationUnits })).status, 200)
  t.same(
    [...line.units],
    [
      [unit, 2],
      ['x', 1],
    ],
  )
  for (const customAggregationUnits of [[`${unit}s`], [''], ['a-b'], ['é'], [7]])
    t.match(
      await push(line, { customAggregationUnits }),
      detail('Must match ^[a-zA-Z0-9_]{1,30}$', 'customAggregationUnits[0]'),
    )
  for (const customAggregationUnits of [['a', 'b'], 'a'])
    t.match(
      await push(line, { customAggregationUnits }),
      detail('Size must be between 0 and 1', 'customAggregationUnits'),
    )
  t.match(
    await push(line, { notificationDisabled: 'no' }),
    detail('Must be a boolean', 'notificationDisabled'),
  )
  t.equal((await push(line, { notificationDisabled: true })).status, 200)
})

t.test('a unit too many in a month counts nothing, and nobody says so', async (t) => {
  const { line } = await start(t)
  for (let unit = 0; unit < 1000; unit++) await push(line, { customAggregationUnits: [`u${unit}`] })
  t.equal((await push(line, { customAggregationUnits: ['late'] })).status, 200)
  await push(line, { customAggregationUnits: ['u7'] })
  t.same([line.units.size, line.units.get('u7'), line.units.get('late')], [1000, 2, undefined])
  line.setQuotaUsed(0)
  t.equal((await push(line, { customAggregationUnits: ['late'] })).status, 200)
  t.same([...line.units], [['late', 1]])
})

t.test('validation sends nothing, and looks at the messages alone', async (t) => {
  const { line } = await start(t)
  const validate = (body: string, token = line.token) =>
    ask(line, '/v2/bot/message/validate/push', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body,
    })
  line.setQuota(0)
  t.match(await validate(JSON.stringify({ messages: [text] })), { status: 200, json: {} })
  t.match(
    await validate(JSON.stringify({ messages: [{ type: 'text' }] })),
    detail('May not be empty', 'messages[0].text'),
  )
  t.match(await validate('{'), { status: 400, json: { message: /could not be parsed/ } })
  t.equal((await validate('{}', 'x')).status, 401)
  t.same([line.pushes.length, line.received.size], [0, 0])
})

t.test('tests can hear of pushes, and wait for them', async (t) => {
  const { line } = await start(t)
  const heard: string[] = []
  line.on('push', ({ to }) => heard.push(to))
  const both = line.until(() => line.received.get(friend) === 2)
  await push(line)
  await push(line)
  await both
  t.same(heard, [friend, friend])
})
