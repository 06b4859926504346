import t from 'tap'
import { createWork } from '../../src/delivery/work.ts'
import type { DueContact, Ledger } from '../../src/ledger/ledger.ts'

const contact = (id: number, fields: Partial<DueContact> = {}): DueContact => ({
  id,
  channel: 'default',
  userId: `u${id}`,
  revision: 1,
  reachable: true,
  changedAt: 0,
  ...fields,
})

/** A work over a list that stands for the ledger, with a clock that stands still until told. */
function setUp(due: DueContact[]) {
  const time = { now: 0, reads: 0 }
  const ledger = {
    due: async (_now: number, limit: number) => {
      time.reads++
      return due.slice(0, limit)
    },
    nextDueAt: async () => (due.length > 0 ? 500 : null),
  } as unknown as Ledger
  const work = createWork({
    ledger,
    settleMs: 5_000,
    clock: () => time.now,
    monotonic: () => time.now,
  })
  const next = async (size = 3) => {
    const batch = await work.next(size)
    return typeof batch === 'number' ? batch : batch.map(({ id }) => id)
  }
  return { work, next, time }
}

t.test('full batches at once, the longest waiting first, and nobody twice', async (t) => {
  const { next } = setUp([1, 2, 3, 4, 5, 6].map((id) => contact(id)))
  t.strictSame(await next(), [1, 2, 3])
  t.strictSame(await next(), [4, 5, 6])
  t.type(await next(), 'number', 'all are taken')
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
    contact(1, { userId: 'u', channel: 'a' }),
    contact(2, { userId: 'u', channel: 'b' }),
    contact(3),
  ]
  const { work, next, time } = setUp(twice)
  t.strictSame(await next(), [1, 3])
  time.now += 100
  t.type(await next(), 'number')
  twice.splice(0, 1)
  work.finish([contact(1, { userId: 'u' })])
  time.now += 100
  t.strictSame(await next(), [2])
})

t.test('the ledger is not read again for each of many wake-ups', async (t) => {
  const { next, time } = setUp([])
  for (let i = 0; i < 100; i++) await next()
  t.equal(time.reads, 1)
})

t.test('halves come before everything else, and dropping them frees their users', async (t) => {
  const all = [1, 2, 3, 4].map((id) => contact(id))
  const { work, next, time } = setUp(all)
  t.strictSame(await next(), [1, 2, 3])
  work.halve(all.slice(0, 3))
  t.strictSame(await next(), [1, 2])
  work.drop()
  time.now += 100
  t.strictSame(await next(), [3, 4], '1 and 2 are still taken')
})

t.test('a user in doubt may get the same write again, but no other before it has settled', async (t) => {
  const due = [contact(1), contact(2, { reachable: false })]
  const { work, next, time } = setUp(due)
  t.strictSame(await next(), [1, 2])
  work.doubt(due)
  work.finish(due)
  t.ok(work.isInDoubt())
  due[1] = contact(2, { reachable: true, revision: 2 })
  time.now += 1_000
  t.strictSame(await next(), [1])
  time.now += 4_000
  t.strictSame(await next(), [2])
  t.notOk(work.isInDoubt())
})

t.test('those whose batch failed come after all others, until Braze has answered for them', async (t) => {
  const all = [1, 2, 3, 4].map((id) => contact(id))
  const { work, next, time } = setUp(all)
  t.strictSame(await next(1), [1], 'a probe is one contact')
  work.defer(all.slice(0, 1))
  work.finish(all.slice(0, 1))
  work.drop()
  time.now += 100
  t.strictSame(await next(1), [2])
  t.strictSame(await next(3), [3, 4])
  time.now += 100
  t.strictSame(await next(3), [1], 'and alone, since a batch of one has failed')
  work.undefer(all)
  work.finish(all)
  work.drop()
  time.now += 100
  t.strictSame(await next(1), [1])
})

t.test('a batch that fails is sent again in halves, which fail on their own', async (t) => {
  const all = [1, 2, 3, 4, 5, 6].map((id) => contact(id))
  const { work, next, time } = setUp(all)
  const again = async () => {
    work.drop()
    const batches: (number | number[])[] = []
    while (batches.length < 3) {
      time.now += 100
      batches.push(await next(6))
    }
    return batches
  }
  t.strictSame(await next(6), [1, 2, 3, 4, 5, 6])
  work.defer(all)
  work.finish(all)
  t.strictSame(await again(), [[1, 2, 3], [4, 5, 6], 250])
  work.undefer(all.slice(3))
  work.defer(all.slice(0, 3))
  work.finish(all)
  t.strictSame((await again())[0], [4, 5, 6])
  work.finish(all)
  t.strictSame((await again()).slice(1), [[1], [2]])
})

t.test('rests until somebody is due, and no longer than a second', async (t) => {
  t.equal(await setUp([]).next(), 1_000)
  const { next, time } = setUp([contact(1)])
  await next()
  time.now = 400
  t.equal(await next(), 250, 'somebody is taken')
})
