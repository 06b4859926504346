/** Of the operator's page: sessions, cookies, and what is counted for it. */
import t from 'tap'
import { cookieFor, isForeign, readCookie } from '../../src/http/page/cookie.ts'
import { createMeter } from '../../src/http/page/meter.ts'
import { readReasons } from '../../src/http/page/reasons.ts'
import { seriesOf } from '../../src/http/page/series.ts'
import { createSessions, SESSION_MS } from '../../src/http/page/sessions.ts'
import { DAY_MS, type Failure, HOUR_MS, type Sample } from '../../src/ledger/ledger.ts'
import { createTime } from '../harness/time.ts'

const NOW = 1_800_000_000_000

t.test(
  'a session is good until its end, for who has its token, unless one letter of it is another',
  async (t) => {
    let now = NOW
    const clock = () => now
    const sessions = createSessions(['token one', 'token two'], clock)
    const value = await sessions.begin('token two')
    const session = await sessions.find(value)
    t.equal(session?.leftMs, SESSION_MS)
    t.not(await sessions.begin('token two'), value, 'each is another one')
    t.rejects(sessions.begin('token three'))

    const forged = Array.from(
      value,
      (letter, i) => value.slice(0, i) + (letter === 'A' ? 'B' : 'A') + value.slice(i + 1),
    )
    for (const other of forged) {
      // The last letter has bits that say nothing.
      if (
        Buffer.from(other.split('.')[2] ?? '', 'base64url').equals(
          Buffer.from(value.split('.')[2] ?? '', 'base64url'),
        )
      )
        if (other.split('.').slice(0, 2).join() === value.split('.').slice(0, 2).join()) continue
      t.equal(await sessions.find(other), null)
    }
    const [until = '', ...rest] = value.split('.')
    for (const other of [Number(until) + 1, Number(until) + DAY_MS * 1_000, '9'.repeat(13)])
      t.equal(await sessions.find([other, ...rest].join('.')), null, 'nobody makes it last longer')

    t.ok(await createSessions(['token two'], clock).find(value))
    t.equal(await createSessions(['token one'], clock).find(value), null)
    now += SESSION_MS - 1
    t.equal((await sessions.find(value))?.leftMs, 1)
    now += 1
    t.equal(await sessions.find(value), null)
  },
)

t.test('a session that was ended stays so', async (t) => {
  const sessions = createSessions(['token one'], () => NOW)
  const [value, other] = [await sessions.begin('token one'), await sessions.begin('token one')]
  const session = await sessions.find(value)
  if (!session) return t.fail('no session')
  sessions.end(session)
  t.equal(await sessions.find(value), null)
  t.ok(await sessions.find(other))
})

t.test('a cookie is read among others, and only by the name of its protocol', async (t) => {
  const by = (cookie: string, proto?: string) => ({
    headers: { cookie, ...(proto && { 'x-forwarded-proto': proto }) },
    protocol: 'http',
  })
  t.equal(readCookie(by('a=b; line-braze-session=x.y==; c')), 'x.y==')
  t.equal(readCookie(by('xline-braze-session=x; a')), '')
  t.equal(readCookie({ headers: {}, protocol: 'http' }), '')
  t.equal(readCookie(by('line-braze-session=x', 'https')), '')
  t.equal(readCookie(by('__Host-line-braze-session=x', 'https')), 'x')
  t.equal(readCookie({ headers: { cookie: '__Host-line-braze-session=x' }, protocol: 'https' }), 'x')
  t.match(cookieFor(by(''), ''), 'Max-Age=0')
  t.notOk(isForeign({ headers: { origin: 'http://a:1', host: 'a:1' }, protocol: 'http' }))
  t.ok(isForeign({ headers: { origin: 'http://a:2', host: 'a:1' }, protocol: 'http' }))
  t.ok(isForeign({ headers: { origin: 'http://a:1' }, protocol: 'http' }))
})

t.test('events and delivery times are counted by minutes of the last hour', async (t) => {
  let now = NOW
  const meter = createMeter(() => now)
  meter.stored('a', 2)
  meter.stored('b', 1)
  for (let i = 1; i <= 100; i++) meter.accepted(i / 10)
  now += 60_000
  meter.stored('a', 5)
  const first = meter.read()
  t.equal(first.at.length, 60)
  t.equal((first.at[59] ?? 0) % 60_000, 0)
  t.strictSame(first.events.a?.slice(-2), [2, 5])
  t.strictSame(first.events.b?.slice(-2), [1, 0])
  t.strictSame(first.accepted.slice(-2), [100, 0])
  // Within a tenth of what it is.
  t.ok(Math.abs((first.half.at(-2) ?? 0) - 5) < 0.5, `${first.half.at(-2)}`)
  t.ok(Math.abs((first.most.at(-2) ?? 0) - 9.5) < 0.9, `${first.most.at(-2)}`)
  t.equal(first.half.at(-1), null)
  for (const seconds of [0, -1, 1e9, Number.NaN]) meter.accepted(seconds)
  t.equal(meter.read().accepted.at(-1), 4)

  now += 59 * 60_000
  meter.stored('a', 1)
  t.strictSame(
    [meter.read().events.a?.[0], meter.read().events.a?.[59]],
    [5, 1],
    'what is older is forgotten',
  )
  t.equal(meter.read().events.b, undefined)
  now -= DAY_MS
  meter.stored('a', 7)
  t.equal(meter.read().events.a?.[59], 7, 'a clock that was set back counts on')
})

const failed = (channel: string, failure: string): Failure => ({
  id: 1 as never,
  channel,
  address: { userId: 'U1' },
  userId: 'U1',
  failure,
})

t.test('rejected profiles are told by reason, and looked at seldom', async (t) => {
  const time = createTime()
  let calls = 0
  let all: Failure[][] = [
    [failed('a', 'x'), failed('b', 'x')],
    [failed('b', 'x'), failed('a', 'y')],
  ]
  const ledger = {
    async *failures() {
      calls += 1
      for (const page of all) yield page
    },
  }
  const reasons = readReasons(ledger, { monotonic: time.monotonic, after: time.after })
  const expected = [
    { channel: 'a', reason: 'x', profiles: 1 },
    { channel: 'a', reason: 'y', profiles: 1 },
    { channel: 'b', reason: 'x', profiles: 2 },
  ]
  t.strictSame(await reasons(), { reasons: expected, isPartial: false })
  await reasons()
  t.equal(calls, 1)
  time.pass(60_000)
  all = Array.from({ length: 30 }, () => Array(1_000).fill(failed('a', 'x')))
  t.match(await reasons(), { reasons: [{ profiles: 10_000 }], isPartial: true })

  time.pass(60_000)
  const word = (n: number) => 'x'.repeat(n + 1)
  all = [Array.from({ length: 500 }, (_, n) => failed('a', word(n % 25)))]
  const { reasons: shown } = await reasons()
  t.equal(shown.length, 21, 'all of it goes to everybody who looks')
  t.match(shown.at(-1), { reason: /^Something else, which npx line-braze failed lists/, profiles: 100 })

  time.pass(60_000)
  all = [Array(5_000).fill(failed('a', 'x'))]
  let others = 0
  let isDone = false
  const other = () => {
    others += 1
    if (!isDone) setImmediate(other)
  }
  setImmediate(other)
  t.match(await reasons(), { reasons: [{ profiles: 5_000 }] })
  isDone = true
  t.ok(others >= 20, `others had ${others} turns meanwhile`)
})

const sample = (channel: string, at: number, friend: number): Sample => ({
  channel,
  at,
  friend,
  messager: 1,
  gone: 2,
  linked: 3,
  followed: 0,
  listed: 0,
  returned: 0,
  blocked: 0,
  lapsed: 0,
})

t.test(
  'a series has a point for each hour, of a long time one for each day, and none of the future',
  async (t) => {
    const hour = NOW - (NOW % HOUR_MS)
    const samples = [
      sample('a', hour - 2 * HOUR_MS, 5),
      sample('a', hour - HOUR_MS, 6),
      sample('a', hour, 7),
      sample('b', hour, 1),
    ]
    t.strictSame(seriesOf(samples, 31, NOW), [
      {
        channel: 'a',
        at: [hour - HOUR_MS, hour, NOW],
        friend: [5, 6, 7],
        messager: [1, 1, 1],
        gone: [2, 2, 2],
        linked: [3, 3, 3],
      },
      { channel: 'b', at: [NOW], friend: [1], messager: [1], gone: [2], linked: [3] },
    ])
    t.match(seriesOf(samples, 730, NOW), [{ friend: [7] }, { friend: [1] }])
    t.strictSame(seriesOf([], 31, NOW), [])
  },
)
