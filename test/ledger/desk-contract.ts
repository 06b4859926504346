import t from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { DAY_MS, DELIVERY_LEASE, HOUR_MS, type Ledger, type Sample } from '../../src/ledger/ledger.ts'
import { friends, key, users } from '../harness/people.ts'
import type { Subject } from './contract.ts'

/** The beginning of a day in Japan, and so of an hour. */
const NOW = Date.UTC(2027, 0, 10, 15)
const WINDOW_MS = 7 * DAY_MS
const AFTERMATH = { endedMs: 0, lostMs: 0 }

/** What every database shows to people. */
export function deskContract(name: string, create: () => Promise<Subject>) {
  t.test(`desk, ${name}`, async (t) => {
    let subject: Subject
    let ledger: Ledger
    let now: number
    t.beforeEach(async () => {
      now = NOW
      subject = await create()
      ledger = await subject.open(() => now, { messagerWindowMs: WINDOW_MS })
    })
    t.afterEach(async () => {
      await ledger.close()
      await subject.remove()
    })
    const sample = async (channel = 'default') => {
      await ledger.keepSample()
      return (await ledger.samples(0)).filter((each) => each.channel === channel).at(-1) as Sample
    }
    const growth = async () => {
      const { followed, listed, returned, blocked, lapsed } = await sample()
      return { followed, listed, returned, blocked, lapsed }
    }
    const NOTHING = { followed: 0, listed: 0, returned: 0, blocked: 0, lapsed: 0 }

    t.test('who follows, returns and blocks is counted once, whatever comes twice', async (t) => {
      for (let time = 0; time < 2; time++) {
        await ledger.record([...friends(['a', 'b', 'c'], 10), messaged(key('d'), now)])
        await ledger.record([gone(key('e'), 10)])
      }
      t.strictSame(await growth(), { ...NOTHING, followed: 4 })
      await ledger.record([messaged(key('a'), now), gone(key('b'), 20), gone(key('c'), 20)])
      t.strictSame(await growth(), { ...NOTHING, followed: 4, blocked: 2 })
      await ledger.record([friend(key('b'), 30), friend(key('e'), 30), gone(key('b'), 15)])
      t.strictSame(await growth(), { ...NOTHING, followed: 4, blocked: 2, returned: 2 })
      await ledger.record([gone(key('x'), 40), friend(key('x'), 50)])
      t.match(await growth(), { followed: 5 }, 'what is learnt together is one thing')
    })

    t.test('lists, links and time have numbers of their own', async (t) => {
      await ledger.record([friend(key('b'), 10), messaged(key('w'), now), gone(key('d'), 10)])
      await ledger.link(['l1', 'l2'].map((userId) => ({ ...key(userId), externalId: userId, linkedAt: 5 })))
      t.match(await sample(), { friend: 1, messager: 1, gone: 3, linked: 2, followed: 2 })
      await ledger.record([friend(key('l1'), 20)])
      t.strictSame(await growth(), { ...NOTHING, followed: 3 }, 'who was only linked is new')
      const run = await ledger.beginRun('backfill', 'default', 50)
      await ledger.recordPages(run.id, [{ userIds: ['a', 'c', 'd', 'l2'], invalid: 0, next: null }])
      t.strictSame(await growth(), { ...NOTHING, followed: 3, listed: 3, returned: 1 })
      for await (const _ of ledger.clearAbsent(run.id));
      t.strictSame(await growth(), { ...NOTHING, followed: 3, listed: 3, returned: 1, blocked: 2 })
      now += WINDOW_MS + 1
      await ledger.lapse()
      t.strictSame(await growth(), { ...NOTHING, followed: 3, listed: 3, returned: 1, blocked: 2, lapsed: 1 })
      await ledger.record([messaged(key('a'), now), gone(key('a'), now + 1)])
      t.match(await growth(), { blocked: 3, lapsed: 1 })
    })

    t.test('the numbers explain the difference, of several channels and of many at once', async (t) => {
      const some = users(500)
      await ledger.record([...friends(some, 10), friend(key('a', 'other'), 10)])
      await ledger.record(some.slice(0, 200).map((userId) => gone(key(userId), 20)))
      await ledger.record(some.slice(0, 70).map((userId) => friend(key(userId), 30)))
      const { friend: friends_, messager, followed, listed, returned, blocked, lapsed } = await sample()
      t.equal(friends_ + messager, followed + listed + returned - blocked - lapsed)
      t.strictSame([followed, returned, blocked], [500, 70, 200])
      t.match(await sample('other'), { followed: 1, friend: 1 })
    })

    t.test('the last sample of an hour counts', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      now += 10
      await ledger.keepSample()
      await ledger.record([friend(key('b'), 10)])
      now += HOUR_MS - 11
      await ledger.keepSample()
      now += 1
      await ledger.record([gone(key('b'), 20)])
      await ledger.keepSample()
      t.match(await ledger.samples(2 * HOUR_MS), [
        { channel: 'default', at: NOW, friend: 2, gone: 0, followed: 2, blocked: 0 },
        { at: NOW + HOUR_MS, friend: 1, gone: 1, followed: 2, blocked: 1 },
      ])
      now += 2
      t.match(
        await ledger.samples(1),
        [{ at: NOW + HOUR_MS }],
        'where nothing is so new, the one before is told',
      )
    })

    t.test('each hour is kept for a month, the last one of each day for two years', async (t) => {
      await ledger.record([friend(key('a'), 10), friend(key('b', 'other'), 10)])
      for (let hours = 0; hours < 40 * 24; hours += 3) {
        now = NOW + hours * HOUR_MS
        await ledger.keepSample()
      }
      const kept = (await ledger.samples(100 * DAY_MS)).filter(({ channel }) => channel === 'other')
      const days = kept.filter(({ at }) => at < now - 32 * DAY_MS)
      t.strictSame(
        days.map(({ at }) => at),
        Array.from({ length: 7 }, (_, day) => NOW + day * DAY_MS + 21 * HOUR_MS),
      )
      const month = kept.filter(({ at }) => at >= now - 31 * DAY_MS)
      t.equal(month.length, 31 * 8 + 1)
      now += 800 * DAY_MS
      await ledger.keepSample()
      t.equal((await ledger.samples(2_000 * DAY_MS)).length, 2)
    })

    t.test('servers say of themselves what others can read', async (t) => {
      const report = (id: string, upMs: number, state = 'delivering') =>
        ledger.report({
          id,
          version: '1.2.3',
          upMs,
          state,
          reason: state === 'paused' ? 'the key is wrong' : null,
          activity: [{ channel: 'default', webhookMs: 500.4, deliveredMs: null }],
        })
      await report('s1', 1_000.2)
      now += 5_000
      await report('s2', 10, 'paused')
      const other = await subject.open(() => now)
      t.strictSame(await other.servers(), [
        { id: 's2', version: '1.2.3', upMs: 10, seenMs: 0, state: 'paused', reason: 'the key is wrong' },
        { id: 's1', version: '1.2.3', upMs: 6_000, seenMs: 5_000, state: 'delivering', reason: null },
      ])
      await other.close()
      await ledger.signOff('s2')
      t.match(await ledger.servers(), [{ id: 's1' }])
      await report('s1', 6_000, 'standby')
      t.match(await ledger.servers(), [{ id: 's1', seenMs: 0, state: 'standby' }])
      now += 2 * DAY_MS
      await report('s3', 0)
      t.match(await ledger.servers(), [{ id: 's3' }], 'who has not been heard of for long is forgotten')
    })

    t.test('the newest word on a channel counts, whoever says it', async (t) => {
      const say = (id: string, webhookMs: number | null, deliveredMs: number | null) =>
        ledger.report({
          id,
          version: '1',
          upMs: 0,
          state: 'standby',
          reason: null,
          activity: [
            { channel: 'default', webhookMs, deliveredMs },
            { channel: 'b', webhookMs: null, deliveredMs: null },
          ],
        })
      await say('s1', 1_000, null)
      t.strictSame(await ledger.activity(), [
        { channel: 'b', webhookMs: null, deliveredMs: null },
        { channel: 'default', webhookMs: 1_000, deliveredMs: null },
      ])
      await say('s2', 5_000, 70)
      now += 10
      t.match(await ledger.activity(), [{}, { webhookMs: 1_010, deliveredMs: 80 }])
    })

    t.test('who has a lease, and until when', async (t) => {
      t.equal(await ledger.leaseHolder(DELIVERY_LEASE), null)
      await ledger.holdLease(DELIVERY_LEASE, 'me', 20_000, AFTERMATH)
      now += 500
      t.strictSame(await ledger.leaseHolder(DELIVERY_LEASE), { holder: 'me', leftMs: 19_500 })
      t.equal(await ledger.leaseHolder('another'), null)
      now += 19_500
      t.equal(await ledger.leaseHolder(DELIVERY_LEASE), null, 'it has run out')
      await ledger.holdLease(DELIVERY_LEASE, 'me', 20_000, AFTERMATH)
      await ledger.releaseLease(DELIVERY_LEASE, 'me', 0)
      t.equal(await ledger.leaseHolder(DELIVERY_LEASE), null)
    })

    t.test('runs, the newest first, with when they began and ended', async (t) => {
      const first = await ledger.beginRun('backfill', 'default', 50)
      now += 100
      await ledger.beginRun('resync', 'default')
      now += 100
      const third = await ledger.beginRun('backfill', 'default', 60)
      now += 100
      await ledger.endRun(third.id, 'complete')
      now += 1
      t.match(await ledger.runs(10), [
        { id: third.id, kind: 'backfill', state: 'complete', beganMs: 101, endedMs: 1 },
        { kind: 'resync', state: 'listing', beganMs: 201, endedMs: null },
        { id: first.id, kind: 'backfill', state: 'abandoned', beganMs: 301, endedMs: 101 },
      ])
      t.equal((await ledger.runs(2)).length, 2)
    })
  })
}
