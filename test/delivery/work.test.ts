import t from 'tap'
import { createHolds } from '../../src/delivery/holds.ts'
import { createWork } from '../../src/delivery/work.ts'
import type { Acknowledgement, DueProfile } from '../../src/ledger/ledger.ts'
import { nameOf } from '../harness/people.ts'

const SETTLE_MS = 5_000
const braze = {
  isShared: false,
  profileOf: ({ address }: Pick<DueProfile, 'address'>) => nameOf(address),
}

const contact = (id: number, fields: Partial<DueProfile> = {}): DueProfile => ({
  id,
  channel: 'default',
  address: { userId: `u${id}` },
  revision: 1,
  value: `u${id}`,
  mayHold: true,
  pendingMs: 0,
  ...fields,
})

/** A work over a list that stands for the ledger, with a clock that stands still until told. */
function setUp(due: DueProfile[]) {
  const time = { now: 0, reads: 0 }
  /** What the next read waits for. */
  const gates: Promise<void>[] = []
  const acknowledged: Acknowledgement[] = []
  const ledger = {
    async due(limit: number, channels?: readonly string[]) {
      time.reads++
      const answer = due.filter(({ channel }) => channels?.includes(channel) ?? true).slice(0, limit)
      await gates.shift()
      return answer
    },
    nextDueMs: async () => (due.length > 0 ? 0 : null),
    async acknowledge(answers: readonly Acknowledgement[]) {
      acknowledged.push(...answers)
    },
  }
  const monotonic = () => time.now
  const holds = createHolds({ braze, settleMs: SETTLE_MS, mergeProfiles: false, monotonic })
  const work = createWork({
    ledger,
    holds,
    monotonic,
    channels: ['default', 'a', 'b'],
    answerFor: () => null,
    mayAnswer: () => true,
  })
  const next = async (size = 3) => {
    const batch = await work.next(size)
    return typeof batch === 'number' ? batch : batch.profiles.map(({ id }) => id)
  }
  return { work, holds, next, time, gates }
}

t.test('full batches at once, the longest waiting first, and nobody twice', async (t) => {
  const { next } = setUp([1, 2, 3, 4, 5, 6].map((id) => contact(id)))
  t.strictSame(await next(), [1, 2, 3])
  t.strictSame(await next(), [4, 5, 6])
  t.type(await next(), 'number', 'all are on their way')
})

t.test('a batch says when the ledger was asked', async (t) => {
  const { work, time } = setUp([contact(1)])
  time.now = 70
  t.match(await work.next(3), { readAt: 70 })
})

t.test('a batch that is not full goes at once after a pause, and otherwise gathers', async (t) => {
  const due = [contact(1)]
  const { next, time } = setUp(due)
  t.strictSame(await next(), [1])
  due.push(contact(2))
  time.now += 20
  t.equal(await next(), 30, 'until 50 ms after the last one')
  due.push(contact(3))
  time.now += 30
  t.strictSame(await next(), [2, 3])
})

t.test('a user in two channels is never twice in a batch, nor in two batches at once', async (t) => {
  const twice = [
    contact(1, { address: { userId: 'u' }, channel: 'a' }),
    contact(2, { address: { userId: 'u' }, channel: 'b' }),
    contact(3),
  ]
  const { holds, next, time } = setUp(twice)
  t.strictSame(await next(), [1, 3])
  time.now += 100
  t.type(await next(), 'number')
  twice.splice(0, 1)
  holds.settle([contact(1, { address: { userId: 'u' } })], [])
  time.now += 100
  t.strictSame(await next(), [2])
})

t.test('the ledger is not read again for each of many wake-ups', async (t) => {
  const { next, time } = setUp([])
  for (let i = 0; i < 100; i++) await next()
  t.equal(time.reads, 1)
})

t.test(
  'an answer of the ledger that was asked for before something was stored is too old for it',
  async (t) => {
    const due = [contact(1), contact(2)]
    const { holds, next, time, gates } = setUp(due)
    t.strictSame(await next(1), [1])
    time.now += 100
    const slow = Promise.withResolvers<void>()
    gates.push(slow.promise)
    const asked = next(3)
    time.now += 50
    // Braze has accepted 1, and that is stored, while the answer is on its way that still names it.
    holds.settle([contact(1)], [])
    time.now += 50
    slow.resolve()
    t.strictSame(await asked, [2])
    time.now += 100
    t.strictSame(await next(3), [1], 'the next answer is asked for after it')
  },
)

t.test('a page that was read before something was stored is too old for it, too', async (t) => {
  const { holds, next, time } = setUp([
    contact(1, { address: { userId: 'u' }, channel: 'a' }),
    contact(2),
    contact(3, { address: { userId: 'u' }, channel: 'b' }),
    contact(4),
  ])
  t.strictSame(await next(1), [1])
  time.now += 5
  holds.settle([contact(1, { address: { userId: 'u' } })], [])
  t.strictSame(await next(2), [2, 4])
})

t.test('a batch that was refused as a whole goes again in halves, after all others', async (t) => {
  const all = [1, 2, 3, 4].map((id) => contact(id))
  const { work, holds, next, time } = setUp(all)
  t.strictSame(await next(3), [1, 2, 3])
  holds.split(all.slice(0, 3), 2, 0)
  work.drop()
  time.now += 100
  t.strictSame(await next(), [4])
  t.strictSame(await next(), [1, 2])
  t.strictSame(await next(), [3])
})

t.test('a user in doubt may get the same write again, but no other before it has settled', async (t) => {
  const due = [contact(1), contact(2, { value: null })]
  const { holds, next, time } = setUp(due)
  t.strictSame(await next(), [1, 2])
  holds.doubt(due)
  holds.release(due)
  t.equal(holds.unsettledMs(), SETTLE_MS)
  due[1] = contact(2, { revision: 2 })
  time.now += 1_000
  t.strictSame(await next(), [1])
  time.now += 4_000
  t.strictSame(await next(), [2])
  t.equal(holds.unsettledMs(), 0)
})

t.test('another account writes to a user in doubt only once that has settled', async (t) => {
  const due = [
    contact(1, { value: null }),
    contact(2, { value: null, channel: 'cafe', address: { userId: 'u1' } }),
  ]
  const { holds, next, time } = setUp(due)
  t.strictSame(await next(), [1])
  holds.doubt(due.slice(0, 1))
  holds.release(due.slice(0, 1))
  due.reverse()
  time.now += 1_000
  t.strictSame(await next(), [1])
})

t.test('those whose batch failed come after all others, until Braze has answered for them', async (t) => {
  const all = [1, 2, 3, 4].map((id) => contact(id))
  const { work, holds, next, time } = setUp(all)
  t.strictSame(await next(1), [1], 'a probe is one contact')
  holds.split(all.slice(0, 1), 1, 50)
  work.drop()
  time.now += 100
  t.strictSame(await next(1), [2])
  time.now += 100
  t.strictSame(await next(3), [3, 4])
  t.strictSame(await next(3), [1], 'and alone, since a batch of one has failed')
  holds.settle(all, [])
  work.drop()
  time.now += 100
  t.strictSame(await next(1), [1])
})

t.test('who waits alone holds nobody up, and is looked for when the wait is over', async (t) => {
  const due = [contact(1)]
  const { holds, next, time } = setUp(due)
  t.strictSame(await next(), [1])
  holds.stumble(contact(1))
  holds.split(due, 1, 180)
  t.equal(holds.stumbling(), 1)
  time.now += 60
  t.equal(await next(), 120)
  due.push(contact(2))
  time.now += 60
  t.strictSame(await next(), [2])
  time.now += 60
  t.strictSame(await next(), [1])
  holds.settle(due, [])
  t.equal(holds.stumbling(), 0)
})

t.test('suspects rest as long as they are told, and nobody else does', async (t) => {
  const due = [contact(1), contact(2)]
  const { work, holds, next, time } = setUp(due)
  t.strictSame(await next(2), [1, 2])
  holds.split(due, 1, 0)
  work.restSuspects(900)
  time.now += 100
  t.equal(await next(1), 800)
  due.push(contact(3))
  time.now += 100
  t.strictSame(await next(1), [3])
  time.now += 700
  t.strictSame(await next(1), [1])
})

t.test('rests until somebody is due, and no longer than a second', async (t) => {
  t.equal(await setUp([]).next(), 1_000)
  const { next, time } = setUp([contact(1)])
  await next()
  time.now = 400
  t.equal(await next(), 250, 'somebody is on the way')
})

t.test(
  'what was learnt of users is forgotten with the lease, but for what may still be under way',
  async (t) => {
    const all = [1, 2, 3].map((id) => contact(id))
    const { holds } = setUp(all)
    for (const each of all) holds.take(each, 0)
    holds.split(all.slice(0, 2), 1, 1_000)
    holds.doubt(all.slice(0, 1))
    holds.forget()
    t.strictSame(
      all.map((each) => holds.isFree(each, 1_000)),
      [true, true, false],
    )
    t.strictSame(
      all.map((each) => holds.isFree({ ...each, value: null }, 1_000)),
      [false, true, false],
    )
  },
)

t.test('what it is not known how to write waits, and hides nobody', async (t) => {
  const foreign = Array.from({ length: 3_500 }, (_, i) => contact(i + 10, { channel: 'foreign' }))
  const { next, time } = setUp([...foreign, contact(1), contact(2)])
  t.type(await next(), 'number', 'the first page has no others')
  time.now += 1_000
  t.strictSame(await next(), [1, 2])
})
