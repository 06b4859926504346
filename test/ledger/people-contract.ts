import t from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import type { DueProfile, Failure, Ledger, Person } from '../../src/ledger/ledger.ts'
import { friends, key, nameOf, users } from '../harness/people.ts'
import type { Subject } from './contract.ts'

const NOW = 1_800_000_000_000
const SETTLE_MS = 5_000

/** What every database tells of one person, and of those whom Braze rejected. */
export function peopleContract(name: string, create: () => Promise<Subject>) {
  t.test(`people, ${name}`, async (t) => {
    let subject: Subject
    let ledger: Ledger
    let now: number
    t.beforeEach(async () => {
      now = NOW
      subject = await create()
      ledger = await subject.open(() => now)
    })
    t.afterEach(async () => {
      await ledger.close()
      await subject.remove()
    })

    const person = async (userId: string) => (await ledger.person(key(userId))) as Person
    const link = (userId: string, externalId: string | null, linkedAt: number | null = null) =>
      ledger.link([{ ...key(userId), externalId, linkedAt }])
    const answer = (profiles: readonly DueProfile[], failures: Readonly<Record<string, string>> = {}) =>
      ledger.acknowledge(
        profiles.map(({ id, revision, address }) => ({
          id,
          revision,
          failure: failures[nameOf(address)] ?? null,
        })),
        SETTLE_MS,
      )
    const deliver = async (failures: Readonly<Record<string, string>> = {}) => {
      for (let due = await ledger.due(100); due.length > 0; due = await ledger.due(100)) {
        await answer(due, failures)
        now += SETTLE_MS
      }
    }
    const check = async (isKnown: boolean) => {
      const customers = await ledger.toCheck(100)
      await ledger.keepChecks(customers.map(({ id }) => ({ id, againMs: isKnown ? null : 60_000 })))
    }

    t.test('nobody', async (t) => {
      await ledger.record(friends(['a']))
      t.equal(await ledger.person(key('b')), null)
      t.equal(await ledger.person(key('a', 'other')), null)
    })

    t.test('the alias profile of a friend: on its way, accepted, settled', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      now += 700
      t.strictSame(await person('a'), {
        channel: 'default',
        userId: 'a',
        status: 'friend',
        friendAt: 10,
        messagedAt: 0,
        goneAt: 0,
        externalId: null,
        linkedAt: 0,
        isListed: false,
        isAbsent: false,
        isImported: false,
        alias: { value: 'a', revision: 1, accepted: 0, failure: null, pendingMs: 700, restMs: -700 },
        customers: [],
        target: null,
        customer: null,
        merge: null,
      })
      await answer(await ledger.due(1))
      now += 1_000
      t.match((await person('a')).alias, {
        accepted: 1,
        failure: null,
        pendingMs: null,
        restMs: SETTLE_MS - 1_000,
      })
    })

    t.test('what was rejected, with the words for it', async (t) => {
      await ledger.record([messaged(key('a'), 10)])
      await deliver({ a: 'no such thing' })
      t.match(await person('a'), {
        status: 'messager',
        alias: { value: 'a', revision: 1, accepted: 0, failure: 'no such thing', pendingMs: null },
      })
      await ledger.record([gone(key('a'), 10)])
      t.match(await person('a'), { status: 'gone', alias: { value: null, revision: 2, failure: null } })
    })

    t.test('a list and an absence date what they say', async (t) => {
      await ledger.record([...friends(['a', 'b', 'c'], 10), gone(key('d'), 5)])
      const run = await ledger.beginRun('backfill', 'default', 50)
      await ledger.recordPages(run.id, [{ userIds: ['a', 'd'], invalid: 0, next: null }])
      await ledger.record([gone(key('c'), 60)])
      for await (const _ of ledger.clearAbsent(run.id));
      await ledger.endRun(run.id, 'complete')
      t.match(await person('a'), { friendAt: 50, isListed: true, isAbsent: false })
      t.match(await person('b'), { goneAt: 50, isListed: false, isAbsent: true })
      t.match(await person('c'), { goneAt: 60, isListed: false, isAbsent: false })
      t.match(await person('d'), { friendAt: 50, goneAt: 5, isListed: true, isAbsent: false })
      await ledger.record([friend(key('a'), 51)])
      t.match(await person('a'), { friendAt: 51, isListed: false })
    })

    t.test("another channel's list, and one of links, date no follower", async (t) => {
      await ledger.record([friend(key('a'), 50), gone(key('b'), 50)])
      await ledger.beginRun('backfill', 'other', 50)
      await ledger.beginRun('links', 'default', 50)
      t.match(await person('a'), { isListed: false })
      t.match(await person('b'), { isAbsent: false })
    })

    t.test('a link is known to have come from a file by its moment, or by its run', async (t) => {
      const run = await ledger.beginRun('links', 'default', 70)
      const rows = [
        { ...key('a'), externalId: 'ca', linkedAt: 70 },
        { ...key('b'), externalId: 'cb', linkedAt: 30 },
      ]
      await ledger.link(rows, run.id)
      await link('c', 'cc', 30)
      t.match(
        [await person('a'), await person('b'), await person('c')],
        [
          { isImported: true, linkedAt: 70 },
          { isImported: true, linkedAt: 30 },
          { isImported: false, linkedAt: 30 },
        ],
      )
      await ledger.record(friends(['a', 'b']))
      t.match([await person('a'), await person('b')], [{ isImported: true }, { isImported: false }])
      await link('a', 'another')
      t.match(await person('a'), { isImported: false })
    })

    t.test(
      'a link that does not count yet, and then does; the way from one profile to the other',
      async (t) => {
        await ledger.record([friend(key('a'), 10)])
        await deliver()
        await link('a', 'c1')
        t.match(await person('a'), {
          externalId: 'c1',
          linkedAt: now,
          alias: { value: 'a' },
          customers: [{ externalId: 'c1', isKnown: false, value: null, checkMs: 0, tries: 0 }],
          target: null,
          customer: null,
        })
        await check(false)
        t.match(await person('a'), { customers: [{ checkMs: 60_000, tries: 1 }] })
        now += 60_000
        await check(true)
        t.match(await person('a'), {
          alias: { value: null, pendingMs: 0 },
          customers: [{ isKnown: true, checkMs: null, value: null }],
          target: 'c1',
          customer: null,
        })
        await deliver()
        t.match(await person('a'), {
          alias: { value: null, pendingMs: null },
          customers: [{ externalId: 'c1', value: 'a', pendingMs: null, accepted: 1 }],
          target: 'c1',
          customer: 'c1',
          merge: { externalId: 'c1', action: 'identify', isAsked: false, outcome: null },
        })
        await link('a', 'c2')
        await check(true)
        t.match(await person('a'), {
          externalId: 'c2',
          customers: [
            { externalId: 'c1', value: null },
            { externalId: 'c2', isKnown: true, value: null },
          ],
          target: 'c2',
          customer: 'c1',
        })
      },
    )

    t.test('what has become of the alias profile', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      await deliver()
      await link('a', 'c1')
      await check(true)
      await deliver()
      const [merge] = await ledger.toMerge(1, ['identify'])
      const id = merge?.id ?? 0
      await ledger.keepMerges([{ id, action: 'identify', outcome: 'asked', restMs: 9_000 }])
      t.match((await person('a')).merge, { action: 'look', isAsked: true, outcome: null, restMs: 9_000 })
      now += 9_000
      await ledger.keepMerges([{ id, action: 'look', outcome: 'merged', restMs: 0 }])
      t.match((await person('a')).merge, { action: null, isAsked: true, outcome: 'merged' })
    })

    t.test('two contacts of one customer', async (t) => {
      await link('a', 'c')
      await link('b', 'c')
      await ledger.record(friends(['a', 'b']))
      await check(true)
      await deliver()
      t.match(await person('a'), { alias: { value: null }, customers: [{ value: 'b' }], customer: 'c' })
      t.match(await person('b'), { customers: [{ value: 'b' }] })
    })

    const failures = async (channels?: string[]) =>
      (await Array.fromAsync(ledger.failures(channels))).flat() as Failure[]

    t.test('who was rejected, of all channels or of some', async (t) => {
      t.strictSame(await failures(), [])
      await ledger.record([...friends(['a', 'b', 'c']), friend(key('a', 'other'), 10)])
      await link('c', 'c1')
      await check(true)
      await deliver({ a: 'no a', c1: 'no c1' })
      const all = await failures()
      t.strictSame(
        all
          .map(({ channel, address, userId, failure }) => [channel, nameOf(address), userId, failure])
          .sort(),
        [
          ['default', 'a', 'a', 'no a'],
          ['default', 'c1', 'c', 'no c1'],
          ['other', 'a', 'a', 'no a'],
        ],
      )
      t.match(await failures(['other']), [{ channel: 'other' }])
      t.strictSame(await failures(['none']), [])
      t.match(
        await ledger.lookUp(all.map(({ id }) => id)),
        [{ failed: true }, { failed: true }, { failed: true }],
        'ids as others are',
      )
    })

    t.test('who is told of again meanwhile, and rejected again, comes no second time', async (t) => {
      await ledger.record(friends(['a', 'b']))
      const run = await ledger.beginRun('backfill', 'default', 5_000)
      await ledger.recordPages(run.id, [{ userIds: ['c'], invalid: 0, next: null }])
      const words = { a: 'no', b: 'no', c: 'no' }
      await deliver(words)
      const seen: (string | null)[] = []
      for await (const page of ledger.failures()) {
        seen.push(...page.map(({ userId }) => userId))
        const again = await ledger.beginRun('retry', 'default')
        await ledger.resend(
          again.id,
          page.map(({ id }) => id),
        )
        await deliver(words)
        t.ok(seen.length < 10)
      }
      t.strictSame(seen.sort(), ['a', 'b', 'c'])
      t.equal((await failures()).length, 3)
    })

    t.test('of many, whatever made them due, each comes once', async (t) => {
      const some = users(5_000)
      await ledger.record(friends(some.slice(0, 2_500)))
      const run = await ledger.beginRun('backfill', 'default', 50)
      await ledger.recordPages(run.id, [{ userIds: some.slice(2_500, 4_900), invalid: 0, next: null }])
      const other = await ledger.beginRun('backfill', 'default', 60)
      await ledger.recordPages(other.id, [{ userIds: some.slice(4_900), invalid: 0, next: null }])
      const due = await ledger.due(10_000)
      t.equal(due.length, 5_000)
      await answer(due, Object.fromEntries(some.map((userId) => [userId, 'no'])))
      const names = (await failures()).map(({ userId }) => userId)
      t.equal(names.length, 5_000)
      t.strictSame(new Set(names), new Set(some))
    })
  })
}
