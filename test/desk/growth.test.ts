import t from 'tap'
import { backMsOf, growthOf } from '../../src/desk/growth.ts'
import { DAY_MS, HOUR_MS, type Sample } from '../../src/ledger/ledger.ts'

/** 3 in the morning of 11 January in Japan. */
const NOW = Date.UTC(2027, 0, 10, 18)
/** The beginning of that day there. */
const TODAY = Date.UTC(2027, 0, 10, 15)

const sample = (at: number, more: Partial<Sample> = {}): Sample => ({
  channel: 'default',
  at,
  friend: 0,
  messager: 0,
  gone: 0,
  linked: 0,
  followed: 0,
  listed: 0,
  returned: 0,
  blocked: 0,
  lapsed: 0,
  ...more,
})

t.test('a day is what two samples differ by, and ends as its last one says', async (t) => {
  const samples = [
    sample(TODAY - 25 * HOUR_MS, { followed: 100, blocked: 10, friend: 90 }),
    sample(TODAY - 24 * HOUR_MS, { followed: 101, blocked: 10, friend: 91 }),
    sample(TODAY - HOUR_MS, { followed: 107, blocked: 12, friend: 95, messager: 1, linked: 4 }),
    sample(TODAY, { followed: 107, listed: 5, returned: 2, blocked: 12, lapsed: 1, friend: 101 }),
  ]
  t.strictSame(growthOf(samples, 2, NOW), [
    {
      day: '2027-01-10',
      channel: 'default',
      followed: 7,
      listed: 0,
      returned: 0,
      blocked: 2,
      lapsed: 0,
      reachable: 96,
      friend: 95,
      messager: 1,
      gone: 0,
      linked: 4,
    },
    {
      day: '2027-01-11',
      channel: 'default',
      followed: 0,
      listed: 5,
      returned: 2,
      blocked: 0,
      lapsed: 1,
      reachable: 101,
      friend: 101,
      messager: 0,
      gone: 0,
      linked: 0,
    },
  ])
})

t.test(
  'what is counted before the first sample belongs to its day, and there are no days before',
  async (t) => {
    t.match(growthOf([sample(TODAY, { followed: 3, friend: 3 })], 30, NOW), [
      { day: '2027-01-11', followed: 3, reachable: 3 },
    ])
    t.equal(growthOf([sample(TODAY, { followed: 3, friend: 3 })], 30, NOW).length, 1)
    t.strictSame(growthOf([], 30, NOW), [])
  },
)

t.test('days without a sample stand as the one before, and what happened counts on the next', async (t) => {
  const samples = [
    sample(TODAY - 4 * DAY_MS, { followed: 1, friend: 1 }),
    sample(TODAY - DAY_MS, { followed: 5, friend: 5 }),
  ]
  t.strictSame(
    growthOf(samples, 4, NOW).map(({ day, followed, reachable }) => [day, followed, reachable]),
    [
      ['2027-01-08', 0, 1],
      ['2027-01-09', 0, 1],
      ['2027-01-10', 4, 5],
      ['2027-01-11', 0, 5],
    ],
  )
})

t.test('channels are apart', async (t) => {
  const samples = [sample(TODAY, { channel: 'a', followed: 1 }), sample(TODAY, { channel: 'b', followed: 2 })]
  t.match(growthOf(samples, 1, NOW), [
    { channel: 'a', followed: 1 },
    { channel: 'b', followed: 2 },
  ])
})

t.test('so far back as the first of the days', async (t) => {
  t.equal(backMsOf(1, NOW), NOW - TODAY)
  t.equal(backMsOf(30, NOW), NOW - TODAY + 29 * DAY_MS)
})
