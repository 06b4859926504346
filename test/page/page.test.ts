/** What a browser works out from what the server says; in Chromium see test/end-to-end/page.test.ts. */
import t from 'tap'
import type { View } from '../../src/http/page/view.ts'
import type { RunSummary } from '../../src/ledger/ledger.ts'
import { daysOf, netOf, stacksOf, totalOf } from '../../src/page/growth.js'
import {
  ago,
  createMoments,
  dayName,
  many,
  number,
  short,
  signed,
  span,
  took,
} from '../../src/page/numbers.js'
import { eventsOf, lastWhole, newest, reachOf, riseOf, roundUp } from '../../src/page/series.js'
import { countsOf, headline, lastOnes, progressOf } from '../../src/page/words.js'

t.test('numbers, times and moments for people', async (t) => {
  t.equal(number(1_234_567), '1,234,567')
  t.strictSame([short(999_999), short(1_250_000)], ['999,999', '1.3M'])
  t.strictSame([signed(3), signed(0), signed(-1_200)], ['+3', '0', '−1,200'])
  t.strictSame([many(1, 'run'), many(2, 'run')], ['1 run', '2 runs'])
  t.strictSame(
    [took(null), took(0), took(0.0384), took(4.24), took(99), took(150)],
    ['–', '0', '38 ms', '4.2 s', '99 s', '2 min'],
  )
  t.strictSame(
    [span(0), span(59_999), span(60_000), span(7_200_000), span(172_800_000)],
    ['0 s', '59 s', '1 min', '2 h', '2 d'],
  )
  t.strictSame([ago(null), ago(100), ago(90_000)], ['never', 'just now', '1 min ago'])
  const at = Date.parse('2026-09-02T20:05:09Z')
  const tokyo = createMoments('Asia/Tokyo')
  t.equal(tokyo.zone, 'Asia/Tokyo')
  t.strictSame(
    [tokyo.time(at), tokyo.clock(at), tokyo.day(at), tokyo.month(at)],
    ['05:05', '05:05:09', '3 Sept', 'Sept 2026'],
  )
  t.equal(dayName('2026-08-02'), '2 Aug', 'whatever the zone')
})

const series = (channel: string, at: number[], friend: number[]) => ({
  channel,
  at,
  friend,
  messager: friend.map(() => 1),
  gone: friend.map(() => 0),
  linked: friend.map(() => 2),
})

t.test('channels that are sampled at different moments are added up as they were last known', async (t) => {
  const all = [series('a', [10, 30], [5, 6]), series('b', [20, 30, 40], [1, 2, 3])]
  t.strictSame(reachOf(all, ''), {
    at: [10, 20, 30, 40],
    reachable: [6, 8, 10, 11],
    friend: [5, 6, 8, 9],
    messager: [1, 2, 2, 2],
    linked: [2, 4, 4, 4],
  })
  t.match(reachOf(all, 'b'), { at: [20, 30, 40], friend: [1, 2, 3] })
  t.match(reachOf(all, 'c'), { at: [], reachable: [] })
  t.strictSame([riseOf([3, 9, 7]), riseOf([])], [4, 0])
})

t.test('events by minute, and scales', async (t) => {
  const meter = { at: [1, 2], events: { a: [1, 2], b: [10, 20] }, accepted: [], half: [], most: [] }
  t.strictSame(eventsOf(meter, ''), [11, 22])
  t.strictSame(eventsOf(meter, 'b'), [10, 20])
  t.strictSame(eventsOf(meter, 'c'), [0, 0])
  t.strictSame([lastWhole([1, 2, 3]), lastWhole([])], [2, 0])
  t.strictSame([newest([1, null, 3, null]), newest([null])], [3, null])
  t.strictSame([0, 4, 5, 43, 100, 101, 2_300].map(roundUp), [4, 4, 5, 50, 100, 200, 2_500])
})

t.test('growth by day: each day once, also those of which nothing is known', async (t) => {
  const day = (day: string, channel: string, followed: number, blocked = 0) => ({
    day,
    channel,
    followed,
    listed: 1,
    returned: 2,
    blocked,
    lapsed: 0,
    reachable: 0,
    friend: 0,
    messager: 0,
    gone: 0,
    linked: 0,
  })
  const growth = [day('2026-02-27', 'a', 3, 4), day('2026-03-02', 'a', 1), day('2026-03-02', 'b', 10)]
  const days = daysOf(growth, '')
  t.strictSame(
    days.map(({ day, followed }) => [day, followed]),
    [
      ['2026-02-27', 3],
      ['2026-02-28', 0],
      ['2026-03-01', 0],
      ['2026-03-02', 11],
    ],
  )
  t.match(totalOf(days), { followed: 14, listed: 3, returned: 6, blocked: 4, lapsed: 0, net: 19 })
  t.strictSame(days.map(netOf), [2, 0, 0, 17])
  t.equal(daysOf(growth, 'b').length, 1)
  t.strictSame(daysOf([], ''), [])
  const { gains, losses } = stacksOf(days)
  t.strictSame(
    gains.map((all) => all[0]),
    [3, 4, 6],
    'each reaches over those before',
  )
  t.strictSame(
    losses.map((all) => all[0]),
    [-4, -4],
  )
})

const counts = { friend: 5, messager: 1, gone: 2, pending: 0, failed: 0, linked: 3, waiting: 0 }
const viewOf = (delivery: object = {}, more: object = {}): View =>
  ({
    at: 0,
    health: {
      status: 'ok',
      ledger: { friend: 5, messager: 1, gone: 2 },
      delivery: {
        state: 'delivering',
        reason: null,
        stumbling: 0,
        pending: 0,
        oldestPendingSeconds: 0,
        failed: 0,
        ...delivery,
      },
      channels: [
        { channel: 'a', ...counts },
        { channel: 'b', ...counts },
      ],
    },
    delivery: { state: 'delivering', reason: null, server: 'x', seenMs: 5, silence: null },
    servers: [],
    activity: [],
    runs: [],
    failures: null,
    quotas: [],
    ...more,
  }) as never as View

t.test('the headline says what is worst, and why', async (t) => {
  t.match(headline(viewOf()), { tone: 'good', title: 'Braze is in step' })
  t.match(headline(viewOf({ pending: 1 })), { tone: 'busy', title: '1 change on the way to Braze' })
  t.match(headline(viewOf({ pending: 2_000, oldestPendingSeconds: 180 })), {
    tone: 'warn',
    title: '2,000 changes late for Braze',
    detail: /3 min/,
  })
  t.match(headline(viewOf({ failed: 1 })), { tone: 'warn', title: 'Braze rejected 1 profile' })
  t.match(headline(viewOf({ state: 'waiting', reason: 'Braze answers 503' })), {
    tone: 'warn',
    detail: 'Braze answers 503.',
  })
  t.match(headline(viewOf({ state: 'paused', reason: 'the key is wrong.' })), {
    tone: 'bad',
    detail: 'The key is wrong.',
  })
  t.match(
    headline(
      viewOf({ pending: 1 }, { delivery: { state: 'nobody', reason: null, server: null, seenMs: null } }),
    ),
    {
      title: 'Nobody delivers',
    },
  )
  const elsewhere = { delivery: { state: 'paused', reason: 'no key', server: 'y', seenMs: 5 } }
  t.match(headline(viewOf({ state: 'standby', reason: 'not me' }, elsewhere)), {
    tone: 'bad',
    detail: 'No key.',
  })
  const silent = { delivery: { ...elsewhere.delivery, state: 'delivering', silence: 'It hangs.' } }
  t.match(headline(viewOf({}, silent)), { tone: 'warn', detail: 'It hangs.' })
  const view = viewOf({ state: 'paused' })
  const broken = {
    ...view,
    health: { ...view.health, ledger: { error: 'The disk is full.' } },
  } as never as View
  t.match(headline(broken), { tone: 'bad', title: 'Webhooks can’t be stored', detail: 'The disk is full.' })
})

t.test('numbers of one channel, and of all', async (t) => {
  t.match(countsOf(viewOf(), ''), { reachable: 12, linked: 6 })
  t.match(countsOf(viewOf(), 'a'), { reachable: 6, linked: 3 })
  const view = viewOf()
  t.equal(countsOf({ ...view, health: { ...view.health, channels: undefined } } as never as View, ''), null)
  const activity = [
    { channel: 'a', webhookMs: null, deliveredMs: 70_000 },
    { channel: 'b', webhookMs: 8_000, deliveredMs: null },
  ]
  t.equal(lastOnes(viewOf({}, { activity }), ''), 'Last webhook 8 s ago, last delivery 1 min ago.')
  t.equal(lastOnes(viewOf({}, { activity }), 'a'), 'Last webhook never, last delivery 1 min ago.')
})

t.test('how far a run has come', async (t) => {
  const run = (more: object): RunSummary =>
    ({
      kind: 'backfill',
      state: 'complete',
      pages: 1,
      listed: 0,
      known: 0,
      added: 0,
      returned: 0,
      gone: 0,
      ...more,
    }) as never
  t.strictSame(progressOf(run({ state: 'listing', listed: 250, known: 1_000 })), {
    part: 0.25,
    text: '250 of about 1,000 listed',
  })
  t.match(
    progressOf(run({ state: 'listing', listed: 2_000, known: 1_000 })),
    { part: null },
    'an estimate that was passed',
  )
  t.strictSame(progressOf(run({ listed: 9, added: 2, returned: 1, gone: 3 })), {
    part: 1,
    text: '9 listed · 2 new · 1 returned · 3 gone',
  })
  t.match(progressOf(run({ state: 'abandoned', listed: 9 })), { part: null, text: '9 listed' })
  t.match(progressOf(run({ kind: 'resync' })), { part: 1, text: '' })
})
