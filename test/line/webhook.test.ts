import fc from 'fast-check'
import t from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { EVENT_TYPES } from '../../src/line/event-types.ts'
import { MalformedWebhook, readWebhook } from '../../src/line/webhook.ts'
import { ACCOUNT, key, USER } from '../harness/people.ts'

const NOW = 1_800_000_000_000
const AT = NOW - 60_000
const DAY_MS = 86_400_000
const KEY = key(USER)

const event = (fields: object) => ({
  type: 'follow',
  mode: 'active',
  timestamp: AT,
  source: { type: 'user', userId: USER },
  webhookEventId: '01FZ74A0TDDPYRVKNK77XKC3ZR',
  deliveryContext: { isRedelivery: false },
  ...fields,
})
const read = (...events: unknown[]) =>
  readWebhook(Buffer.from(JSON.stringify({ destination: ACCOUNT, events })), 'default')

t.test('the three events that say something', async (t) => {
  t.strictSame(read(event({ type: 'follow', follow: { isUnblocked: true } })).evidence, [friend(KEY, AT)])
  t.strictSame(read(event({ type: 'unfollow' })).evidence, [gone(KEY, AT)])
  t.strictSame(read(event({ type: 'message', message: { type: 'text', text: 'hi' } })).evidence, [
    messaged(KEY, AT),
  ])
})

t.test('standby, redelivered and old events without an id say just as much', async (t) => {
  const variants = [
    event({ mode: 'standby' }),
    event({ deliveryContext: { isRedelivery: true } }),
    { type: 'follow', timestamp: AT, source: { type: 'user', userId: USER } },
    { ...event({}), newProperty: { nested: [1] } },
  ]
  for (const variant of variants) t.strictSame(read(variant).evidence, [friend(KEY, AT)])
})

t.test('all other events say nothing, known or not', async (t) => {
  const others = EVENT_TYPES.filter(
    (type) => !['follow', 'unfollow', 'message', 'other', 'invalid'].includes(type),
  )
  t.equal(others.length, 17)
  for (const type of others)
    t.match(read(event({ type, link: { result: 'failed' } })), { evidence: [], types: [type] })
  t.strictSame(read(event({ type: 'somethingNew' })), {
    evidence: [],
    accountLinks: [],
    types: ['other'],
    destination: ACCOUNT,
  })
  t.strictSame(read(event({ type: 'constructor' })).types, ['other'])
})

t.test('groups, rooms, people without an id and the dummy user are nobody', async (t) => {
  const nobody = [
    { type: 'group', groupId: 'C1', userId: USER },
    { type: 'room', roomId: 'R1', userId: USER },
    { type: 'user' },
    { type: 'user', userId: 'Udeadbeefdeadbeefdeadbeefdeadbeef' },
  ]
  for (const source of nobody)
    t.strictSame(read(event({ type: 'message', source })), {
      evidence: [],
      accountLinks: [],
      types: ['message'],
      destination: ACCOUNT,
    })
})

const linked = (link: unknown, fields: object = {}) => event({ type: 'accountLink', link, ...fields })

t.test("what comes back from LINE's account link", async (t) => {
  const nonce = 'a'.repeat(43)
  const ok = { result: 'ok', key: KEY, nonce, at: AT }
  t.strictSame(read(linked({ result: 'ok', nonce })), {
    evidence: [],
    accountLinks: [ok],
    types: ['accountLink'],
    destination: ACCOUNT,
  })
  t.match(
    read(
      linked({ result: 'ok', nonce, more: 5 }, { replyToken: 'a', timestamp: AT + 0.7 }),
      linked({ result: 'failed', nonce }, { source: undefined }),
      linked({ result: 'failed' }, { timestamp: undefined }),
      event({}),
    ),
    { accountLinks: [ok, { result: 'failed' }, { result: 'failed' }], evidence: [friend(KEY, AT)] },
    'in their order, and beside others',
  )
  t.strictSame(read(linked({ result: 'later', nonce })).accountLinks, [], 'a result that LINE may add')
  t.strictSame(read(linked({ result: 'later', nonce })).types, ['accountLink'])

  const senseless = [
    linked(undefined),
    linked(null),
    linked('ok'),
    linked({ result: 'ok' }),
    linked({ result: 'ok', nonce: '' }),
    linked({ result: 'ok', nonce: 5 }),
    linked({ result: 'ok', nonce: 'a b' }),
    linked({ result: 'ok', nonce: 'a'.repeat(256) }),
    linked({ result: 'ok', nonce }, { timestamp: 0 }),
    linked({ result: 'ok', nonce }, { timestamp: undefined }),
    linked({ result: 'ok', nonce }, { source: undefined }),
    linked({ result: 'ok', nonce }, { source: { type: 'user' } }),
    linked({ result: 'ok', nonce }, { source: { type: 'user', userId: 'U 1' } }),
    linked(
      { result: 'ok', nonce },
      { source: { type: 'user', userId: 'Udeadbeefdeadbeefdeadbeefdeadbeef' } },
    ),
    linked({ result: 'ok', nonce }, { source: { type: 'group', groupId: 'C1', userId: USER } }),
  ]
  for (const bad of senseless)
    t.match(
      read(bad, event({})),
      { accountLinks: [], types: ['invalid', 'follow'], evidence: [friend(KEY, AT)] },
      JSON.stringify(bad),
    )
})

t.test('user ids of other shapes than the usual', async (t) => {
  const moduleId = `U${'a'.repeat(67)}`
  t.equal(read(event({ source: { type: 'user', userId: moduleId } })).evidence[0]?.userId, moduleId)
  t.equal(read(event({ source: { type: 'user', userId: 'U4af4980629...' } })).evidence.length, 1)
})

t.test('what makes no sense is skipped, and the others of its body count', async (t) => {
  const nonsense = [
    null,
    5,
    'follow',
    [],
    [event({})],
    {},
    { type: 5 },
    { type: null },
    { type: '' },
    { type: {} },
    event({ source: null }),
    event({ source: undefined }),
    event({ source: 'user' }),
    event({ source: [] }),
    event({ source: {} }),
    event({ source: { type: 7, userId: USER } }),
    event({ source: { type: 'user', userId: '' } }),
    event({ source: { type: 'user', userId: 5 } }),
    event({ source: { type: 'user', userId: null } }),
    event({ source: { type: 'user', userId: {} } }),
    event({ source: { type: 'user', userId: 'U'.repeat(256) } }),
    event({ source: { type: 'user', userId: 'U1\u0000' } }),
    event({ source: { type: 'user', userId: 'U 1' } }),
    event({ source: { type: 'user', userId: 'Ü1' } }),
    event({ timestamp: undefined }),
    event({ timestamp: null }),
    event({ timestamp: String(AT) }),
    event({ timestamp: -AT }),
    event({ timestamp: 0 }),
    event({ timestamp: Math.floor(AT / 1000) }),
    event({ timestamp: true }),
    event({ timestamp: [AT] }),
  ]
  for (const bad of nonsense) {
    const reading = read(event({ type: 'unfollow' }), bad, event({}))
    t.strictSame(reading.types, ['unfollow', 'invalid', 'follow'], JSON.stringify(bad))
    t.strictSame(reading.evidence, [gone(KEY, AT), friend(KEY, AT)])
  }
})

t.test('timestamps', async (t) => {
  const at = (timestamp: number) => read(event({ timestamp }))
  for (const future of [NOW + DAY_MS + 1, NOW + 365 * DAY_MS, Date.UTC(2100, 0) - 1])
    t.equal(at(future).evidence[0]?.friendAt, future, "LINE's clock goes before ours")
  t.equal(at(AT + 0.7).evidence[0]?.friendAt, AT, 'whole milliseconds')
  for (const absurd of [Date.UTC(2100, 0), Date.UTC(3000, 0), NOW * 1_000, 1e300])
    t.match(at(absurd), { evidence: [], types: ['invalid'] }, String(absurd))
  t.strictSame(readWebhook(Buffer.from('{"events":[{"type":"follow","timestamp":1e999}]}'), 'c').types, [
    'invalid',
  ])
})

t.test('bodies', async (t) => {
  const malformed = [
    '',
    ' ',
    '{',
    'null',
    '[]',
    '5',
    '"events"',
    '{}',
    '{"events":null}',
    '{"events":{}}',
    '{"events":"x"}',
  ]
  for (const body of malformed)
    t.throws(() => readWebhook(Buffer.from(body), 'default'), MalformedWebhook, body)
  for (const destination of [undefined, '', 7, {}, 'with space'])
    t.strictSame(readWebhook(Buffer.from(JSON.stringify({ destination, events: [] })), 'default'), {
      evidence: [],
      accountLinks: [],
      types: [],
      destination: undefined,
    })
  t.throws(
    () => readWebhook(Buffer.from(JSON.stringify({ events: [] }), 'utf16le'), 'default'),
    MalformedWebhook,
  )
  const nested = `{"events":[{"type":"x","y":${'['.repeat(10_000)}${']'.repeat(10_000)}}]}`
  t.strictSame(readWebhook(Buffer.from(nested), 'default').types, ['other'])
  t.equal(read(...Array.from({ length: 10_000 }, () => event({}))).evidence.length, 10_000)
})

t.test('a broken character spoils nothing, since texts are not read', async (t) => {
  const body = Buffer.from(
    JSON.stringify({ events: [event({ type: 'message', message: { text: '#' } }), event({})] }),
  )
  body[body.indexOf('#')] = 0xff
  t.strictSame(readWebhook(body, 'default').types, ['message', 'follow'])
})

t.test('escapes and raw characters read alike', async (t) => {
  const escaped = `{"events":[{"type":"\\u0066ollow","timestamp":${AT},"source":{"type":"user","userId":"\\u0055${USER.slice(1)}"}}]}`
  t.strictSame(readWebhook(Buffer.from(escaped), 'default').evidence, [friend(KEY, AT)])
})

t.test('any JSON at all is read or called malformed, and never throws anything else', async () => {
  const body = fc.oneof(
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify({ events: [value, event({})] })),
  )
  fc.assert(
    fc.property(body, (text) => {
      try {
        const { types, evidence } = readWebhook(Buffer.from(text), 'default')
        return types.length >= evidence.length && types.every((type) => EVENT_TYPES.includes(type))
      } catch (error) {
        return error instanceof MalformedWebhook
      }
    }),
  )
})
