import fc from 'fast-check'
import t from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import type { Address } from '../../src/contact/profile.ts'
import type { Acknowledgement, DueProfile, Ledger } from '../../src/ledger/ledger.ts'
import { DELIVERY_LEASE, LONGEST_WAIT_MS } from '../../src/ledger/ledger.ts'
import { key, nameOf } from '../harness/people.ts'
import type { Subject } from './contract.ts'

const NOW = 1_800_000_000_000
const CHANNEL = 'default'
const SETTLE_MS = 5_000
const HOLDER = 'me'

/** What every database must do for links, and for the profiles that they change. */
export function linksContract(name: string, create: () => Promise<Subject>) {
  t.test(`${name}, links`, async (t) => {
    let subject: Subject
    let ledger: Ledger
    let now: number
    const reopen = () => subject.open(() => now)

    t.beforeEach(async () => {
      now = NOW
      subject = await create()
      ledger = await reopen()
      await takeLease()
    })
    t.afterEach(async () => {
      await ledger.close()
      await subject.remove()
    })

    const takeLease = () => ledger.holdLease(DELIVERY_LEASE, HOLDER, 600_000, { endedMs: 0, lostMs: 0 })
    const link = async (userId: string, externalId: string | null, linkedAt: number | null = null) =>
      (await ledger.link([{ ...key(userId), externalId, linkedAt }]))[0]
    /** Whom Braze is asked for, and what it says. */
    const check = async (isKnown = true) => {
      const customers = await ledger.toCheck(100)
      await ledger.keepChecks(customers.map(({ id }) => ({ id, againMs: isKnown ? null : 60_000 })))
      return customers.map(({ externalId }) => externalId)
    }
    const described = ({ address, value, mayHold }: DueProfile) =>
      `${nameOf(address)}: ${value ?? (mayHold ? 'clear' : 'nothing to clear')}`
    const due = async () => (await ledger.due(100)).map(described)
    const acceptance = ({ id, revision, value, mayHold }: DueProfile): Acknowledgement => ({
      id,
      revision,
      failure: null,
      untold: value === null && !mayHold ? HOLDER : undefined,
    })
    /** Braze takes what is due; who waited for that is due after the settle pause. */
    const accept = async () => {
      const profiles = await ledger.due(100)
      await ledger.acknowledge(profiles.map(acceptance), SETTLE_MS)
      return profiles.map(described)
    }
    const settle = () => {
      now += SETTLE_MS
    }
    /** A reachable person whose alias profile has the id. */
    const follow = async (userId: string, at = 10) => {
      await ledger.record([friend(key(userId), at)])
      await accept()
      settle()
    }
    /** The same, of a customer whose profile has the id. */
    const customer = async (userId: string, externalId: string) => {
      await link(userId, externalId)
      await ledger.record([friend(key(userId), 10)])
      await check()
      while ((await accept()).length > 0) settle()
    }

    t.test('the newest link counts, whatever comes first, and is told', async (t) => {
      t.match(await link('a', 'c1', 10), { userId: 'a', externalId: 'c1', linkedAt: 10, outcome: 'linked' })
      t.match(await link('a', 'c2', 20), { externalId: 'c2', linkedAt: 20, outcome: 'linked' })
      t.match(await link('a', 'c1', 15), { externalId: 'c2', linkedAt: 20, outcome: 'unchanged' })
      t.match(await link('a', 'c2', 20), { externalId: 'c2', linkedAt: 20, outcome: 'unchanged' })
      t.match(await link('a', 'c3', 20), { externalId: 'c3', linkedAt: 20, outcome: 'linked' }, 'a tie')
      t.match(await link('a', 'c0', 20), { externalId: 'c3', linkedAt: 20, outcome: 'unchanged' })
      t.match(await link('a', null, 20), { externalId: 'c3', outcome: 'unchanged' }, 'nobody is the least')
      t.match(await link('a', null, 21), { externalId: null, linkedAt: 21, outcome: 'unlinked' })
      t.match(await link('a', null, 22), { externalId: null, linkedAt: 22, outcome: 'unchanged' })
      t.match(await ledger.counts(), [{ linked: 0 }])
    })

    t.test('of two external ids from one moment the greater counts, by code points', async (t) => {
      await link('a', '\u{1f600}', 5)
      t.match(await link('a', '\uffee', 5), { externalId: '\u{1f600}' })
    })

    t.test('a moment that the ledger gives is later than any that it knows of the contact', async (t) => {
      t.match(await link('a', 'c1'), { linkedAt: NOW })
      t.match(await link('a', 'c0'), { externalId: 'c0', linkedAt: NOW + 1 }, 'the later request counts')
      await link('a', 'c9', NOW + 1_000_000)
      t.match(await link('a', null), { externalId: null, linkedAt: NOW + 1_000_001 })
    })

    t.test('several links in one call, also of one contact', async (t) => {
      const answers = await ledger.link([
        { ...key('a'), externalId: 'c1', linkedAt: null },
        { ...key('b'), externalId: 'c1', linkedAt: 3 },
        { ...key('a'), externalId: 'c2', linkedAt: null },
      ])
      t.match(answers, [
        { userId: 'a', externalId: 'c1' },
        { userId: 'b' },
        { userId: 'a', externalId: 'c2' },
      ])
      const links = (await Array.fromAsync(ledger.links(CHANNEL))).flat()
      t.match(links, [
        { userId: 'a', externalId: 'c2', linkedAt: NOW + 1 },
        { userId: 'b', externalId: 'c1', linkedAt: 3 },
      ])
      t.match(await ledger.counts(), [{ linked: 2, pending: 0, gone: 2 }], 'nobody is reachable')
    })

    t.test('who is linked before following is written to the customer alone', async (t) => {
      await link('a', 'c')
      t.strictSame(await ledger.toCheck(10), [], 'nobody can be reached')
      await ledger.record([friend(key('a'), 10)])
      t.strictSame(await due(), [], 'the alias profile waits for the look-up')
      t.equal(await ledger.nextCheckMs(), 0)
      t.strictSame(await check(), ['c'])
      t.strictSame(await due(), ['a: nothing to clear'])
      await accept()
      t.strictSame(await due(), ['c: a'], 'at once: nothing has to settle')
      await accept()
      t.match(await ledger.counts(), [{ pending: 0, linked: 1, friend: 1 }])
    })

    t.test('the alias profile is written after all when the look-up takes too long', async (t) => {
      await link('a', 'c')
      await ledger.record([friend(key('a'), 10)])
      now += 3_000
      t.strictSame(await due(), ['a: a'])
    })

    t.test(
      'who is linked later moves: first the alias profile loses the id, then the customer gains it',
      async (t) => {
        await follow('a')
        await link('a', 'c')
        t.strictSame(await due(), [], 'until Braze is known to hold the customer')
        await check()
        t.strictSame(await accept(), ['a: clear'])
        t.strictSame(await due(), [])
        t.equal(await ledger.nextDueMs(), SETTLE_MS)
        settle()
        t.strictSame(await accept(), ['c: a'])
        settle()
        t.strictSame(await due(), [])
      },
    )

    t.test(
      'an unknown customer is asked for again, and counted; the alias profile keeps the id',
      async (t) => {
        await follow('a')
        await link('a', 'c')
        t.strictSame(await check(false), ['c'])
        t.match(await ledger.counts(), [{ pending: 0, waiting: 1 }])
        t.strictSame(await ledger.toCheck(10), [])
        t.equal(await ledger.nextCheckMs(), 60_000)
        now += 60_000
        t.match(await ledger.toCheck(10), [{ externalId: 'c', tries: 1 }])
        await link('b', 'c')
        t.match(await ledger.toCheck(10), [{ externalId: 'c', tries: 0 }], 'a new link is a new hope')
        await check()
        t.match(await ledger.counts(), [{ pending: 1, waiting: 0 }])
      },
    )

    t.test(
      'a clock that was set back puts neither look-ups nor hand-overs off for long once clamped',
      async (t) => {
        now = NOW + 100 * LONGEST_WAIT_MS
        await follow('a')
        await link('a', 'c1')
        await check()
        while ((await accept()).length > 0) settle()
        const [merge] = await ledger.toMerge(1, ['identify'])
        const id = merge?.id ?? 0
        await ledger.keepMerges([{ id, action: 'identify', outcome: 'asked', restMs: LONGEST_WAIT_MS }])
        await follow('b')
        await link('b', 'c2')
        await check(false)
        await ledger.clampDue(0)
        t.equal(await ledger.nextCheckMs(), 60_000)
        t.equal(await ledger.nextMergeMs(['look']), LONGEST_WAIT_MS - SETTLE_MS, 'what is right stays')
        now = NOW
        await ledger.clampDue(0)
        t.equal(await ledger.nextCheckMs(), LONGEST_WAIT_MS)
        t.equal(await ledger.nextMergeMs(['look']), LONGEST_WAIT_MS)
      },
    )

    t.test('nobody waits for a customer whom nobody reachable is linked to', async (t) => {
      await follow('a')
      await link('a', 'c')
      await ledger.record([gone(key('a'), 20)])
      await check(false)
      t.equal(await ledger.nextCheckMs(), null)
      t.match(await ledger.counts(), [{ waiting: 0 }])
      await ledger.record([friend(key('a'), 30)])
      t.equal(await ledger.nextCheckMs(), 0, 'somebody is again')
    })

    t.test('news is looked up before what a run has linked', async (t) => {
      const run = await ledger.beginRun('links', CHANNEL)
      await follow('a')
      await follow('b')
      await ledger.link([{ ...key('a'), externalId: 'c1', linkedAt: 5 }], run.id)
      now += 1
      await link('b', 'c2')
      t.match(await ledger.toCheck(1), [{ externalId: 'c2' }])
      t.strictSame(await check(), ['c2', 'c1'])
      t.strictSame(await due(), ['b: clear', 'a: clear'])
      t.match(await ledger.outstanding(run.id), { pending: 1, earlier: 0 })
      await accept()
      t.match(await ledger.outstanding(run.id), { pending: 1, earlier: 0 }, 'now of the customer')
      settle()
      await accept()
      t.match(await ledger.outstanding(run.id), { pending: 0 })
    })

    t.test('news stays news when a run links the same contact', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      const run = await ledger.beginRun('links', CHANNEL)
      await ledger.link([{ ...key('a'), externalId: 'c', linkedAt: 5 }], run.id)
      t.match(await ledger.outstanding(run.id), { pending: 0, earlier: 0 })
      await check(false)
      const other = await ledger.beginRun('resync', CHANNEL)
      await ledger.record([friend(key('b'), 10)])
      const [b] = (await ledger.due(10)).filter(({ address }) => nameOf(address) === 'b')
      await ledger.acknowledge([acceptance(b as DueProfile)], 0)
      await ledger.resend(other.id, [b?.id ?? 0])
      now += 5_000
      t.strictSame(await due(), ['a: a', 'b: b'])
    })

    t.test('relinking moves from customer to customer, and back again', async (t) => {
      await customer('a', 'c1')
      await customer('x', 'c2')
      await link('a', 'c2')
      t.strictSame(await accept(), ['c1: clear'])
      settle()
      t.strictSame(await accept(), ['c2: a'], 'whose profile holds the newest of its contacts')
      settle()
      await link('a', 'c1')
      t.strictSame(await due(), ['c2: x'])
      await link('a', 'c2')
      await link('a', 'c1')
      t.strictSame(await accept(), ['c2: x'])
      settle()
      t.strictSame(await accept(), ['c1: a'])
      settle()
      t.strictSame(await due(), [])
    })

    t.test('linking back before anything was sent leaves one write, of the same value', async (t) => {
      await customer('a', 'c1')
      await customer('x', 'c2')
      await link('a', 'c2')
      await link('a', 'c1')
      t.strictSame(await accept(), ['c1: a'])
      settle()
      t.strictSame(await due(), [])
    })

    t.test('a clear that Braze rejects holds the set back, and shows as failed', async (t) => {
      await follow('a')
      await link('a', 'c')
      await check()
      const [clear] = await ledger.due(10)
      await ledger.acknowledge([{ ...(clear as DueProfile), failure: 'no' }], SETTLE_MS)
      settle()
      t.strictSame(await due(), [])
      t.match(await ledger.counts(), [{ pending: 0, failed: 1 }])
      const run = await ledger.beginRun('resync', CHANNEL)
      t.equal(await ledger.resend(run.id, [(clear as DueProfile).id]), 1)
      t.strictSame(await accept(), ['a: clear'])
      settle()
      t.strictSame(await due(), ['c: a'])
    })

    t.test('what was never told is not cleared, but only the holder of the lease can know', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      await link('a', 'c')
      await check()
      t.strictSame(await due(), ['a: nothing to clear'])
      const [clear] = await ledger.due(1)
      const { id, revision } = clear as DueProfile
      await ledger.acknowledge([{ id, revision, failure: null, untold: 'another' }], 0)
      t.strictSame(await due(), ['a: nothing to clear'], 'who has not the lease knows nothing')
      await ledger.releaseLease(DELIVERY_LEASE, HOLDER, 0)
      await ledger.holdLease(DELIVERY_LEASE, 'next', 600_000, { endedMs: 0, lostMs: 0 })
      t.strictSame(await due(), ['a: clear'], 'the one before may have sent it')
    })

    t.test(
      'a holder that lost the lease unnoticed may go on sending until that must have settled',
      async (t) => {
        const renew = () => ledger.holdLease(DELIVERY_LEASE, 'next', 60_000, { endedMs: 0, lostMs: 10_000 })
        now += 600_000
        t.match(await renew(), { held: true, quietMs: 10_000 })
        await ledger.record([friend(key('a'), 10)])
        now += 5_000
        await renew()
        now += 5_000
        await renew()
        await ledger.record([friend(key('b'), 10)])
        await renew()
        await link('a', 'c1')
        await link('b', 'c2')
        await check()
        t.strictSame(await due(), ['a: clear', 'b: nothing to clear'])
      },
    )

    t.test('an acceptance of what was sent before the link is something to clear', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      const sent = await ledger.due(10)
      await link('a', 'c')
      await check()
      await ledger.acknowledge(sent.map(acceptance), SETTLE_MS)
      t.strictSame(await due(), [])
      settle()
      t.strictSame(await accept(), ['a: clear'])
      settle()
      t.strictSame(await due(), ['c: a'])
    })

    t.test('a look-up ends no settle pause', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      const sent = await ledger.due(10)
      await link('a', 'c')
      await ledger.acknowledge(sent.map(acceptance), 1_000)
      now += 1
      await check()
      t.equal(await ledger.nextDueMs(), 999)
    })

    t.test('a customer has the reachable contact with the newest link, and falls back', async (t) => {
      await customer('a', 'c')
      await customer('b', 'c')
      t.strictSame(await due(), [])
      await ledger.record([gone(key('b'), 20)])
      t.strictSame(await accept(), ['c: a'])
      settle()
      await ledger.record([friend(key('b'), 30)])
      t.strictSame(await accept(), ['c: b'])
      settle()
      await ledger.record([gone(key('a'), 40), gone(key('b'), 40)])
      t.strictSame(await accept(), ['c: clear'])
      settle()
      await link('b', null)
      t.strictSame(await due(), [], 'nobody reachable is concerned')
      await ledger.record([friend(key('b'), 50)])
      t.strictSame(await accept(), ['b: b'])
    })

    t.test('unlinking moves back to the alias profile', async (t) => {
      await customer('a', 'c')
      t.match(await link('a', null), { outcome: 'unlinked' })
      t.strictSame(await accept(), ['c: clear'])
      settle()
      t.strictSame(await accept(), ['a: a'])
      settle()
      t.match(await ledger.counts(), [{ pending: 0, linked: 0 }])
    })

    t.test('a run clears and returns customers as it does others', async (t) => {
      await customer('a', 'c')
      const run = await ledger.beginRun('backfill', CHANNEL, 1_000)
      await ledger.recordPages(run.id, [{ userIds: ['b'], invalid: 0, next: null }])
      for await (const _ of ledger.clearAbsent(run.id));
      t.strictSame((await due()).sort(), ['b: b', 'c: clear'])
      t.match(await ledger.outstanding(run.id), { pending: 2 })
    })

    t.test('what is due of some channels alone, however much waits of others', async (t) => {
      await ledger.record([friend(key('x', 'other'), 10), friend(key('y', 'other'), 10)])
      await ledger.record([friend(key('a'), 10)])
      t.strictSame((await ledger.due(1, [CHANNEL])).map(described), ['a: a'])
      t.strictSame((await ledger.due(9, ['other', 'third'])).map(described), ['x: x', 'y: y'])
      t.strictSame(await ledger.due(9, []), [])
    })

    t.test('who somebody is, by user id and by customer', async (t) => {
      await ledger.record([
        friend(key('a'), 10),
        friend(key('b'), 10),
        gone(key('b'), 20),
        friend(key('x', 'other'), 10),
      ])
      await ledger.record([messaged(key('m'), 10)])
      await link('a', 'c', 30)
      await link('b', 'c', 40)
      await link('new', 'd', 50)
      await ledger.link([{ ...key('x', 'other'), externalId: 'c', linkedAt: 60 }])
      const contacts = async (address: Address) =>
        (await ledger.contacts(CHANNEL, address)).map(({ id: _, ...contact }) => contact)
      const a = { userId: 'a', status: 'friend', externalId: 'c', linkedAt: 30 }
      const b = { userId: 'b', status: 'gone', externalId: 'c', linkedAt: 40 }
      t.strictSame(await contacts({ userId: 'a' }), [a])
      t.strictSame(await contacts({ externalId: 'c' }), [b, a])
      t.strictSame(await contacts({ userId: 'm' }), [
        { userId: 'm', status: 'messager', externalId: null, linkedAt: 0 },
      ])
      t.match(await contacts({ externalId: 'd' }), [{ userId: 'new', status: 'gone' }])
      t.strictSame(await contacts({ userId: 'x' }), [], 'of another channel')
      t.strictSame(await contacts({ externalId: 'nobody' }), [])
      const ids = (await ledger.contacts(CHANNEL, { externalId: 'c' })).map(({ id }) => id)
      const profiles = await ledger.lookUp(ids)
      t.strictSame(
        new Set(profiles.map(({ address }) => address)),
        new Set([{ userId: 'a' }, { userId: 'b' }]),
      )
      await link('a', null, 70)
      t.strictSame(await contacts({ externalId: 'c' }), [b])
    })

    t.test('all profiles of a channel', async (t) => {
      await customer('a', 'c')
      await follow('b')
      await ledger.link([{ ...key('z', 'other'), externalId: 'c', linkedAt: 1 }])
      const profiles = (await Array.fromAsync(ledger.profiles(CHANNEL))).flat()
      t.match(profiles, [
        { address: { userId: 'a' }, value: null, linkedTo: 'c', settled: true, failed: false },
        { address: { userId: 'b' }, value: 'b', linkedTo: null, settled: true },
        { address: { externalId: 'c' }, value: 'a', linkedTo: null, settled: true },
      ])
      t.equal(profiles.length, 3)
      t.strictSame(await ledger.lookUp(profiles.map(({ id }) => id)), profiles)
      const run = await ledger.beginRun('resync', CHANNEL)
      t.equal(await ledger.resend(run.id, [profiles[2]?.id ?? 0]), 1)
      t.strictSame(await due(), ['c: a'])
    })

    t.test(
      'a nonce is good for one user, until its end, and for the same event as often as it comes',
      async (t) => {
        const redeem = (hash: string, userId: string, at: number, channel = CHANNEL) =>
          ledger.redeemNonce(hash, { channel, userId }, at)
        t.equal(await ledger.addNonce('h1', CHANNEL, 'c', 900_000), NOW + 900_000)
        t.equal(await redeem('h2', 'a', NOW), 'unknown')
        t.equal(await redeem('h1', 'a', NOW, 'other'), 'unknown')
        t.equal(await redeem('h1', 'a', NOW + 900_001), 'expired')
        t.equal(await redeem('h1', 'a', NOW + 5), 'linked', 'late, but of a moment when it was good')
        t.equal(await redeem('h1', 'b', NOW + 5), 'used')
        await link('a', null, NOW + 10)
        t.equal(await redeem('h1', 'a', NOW + 5), 'unchanged', 'the same event again')
        t.match((await Array.fromAsync(ledger.links(CHANNEL))).flat(), [])
        now += 8 * 86_400_000
        await ledger.addNonce('h3', CHANNEL, 'c', 900_000)
        t.equal(await redeem('h1', 'a', NOW + 5), 'unknown', 'forgotten')
      },
    )

    t.test('a proof is good for one link, and the same request again changes nothing', async (t) => {
      const prove = (hash: string, userId: string, externalId: string) =>
        ledger.linkOnce(hash, { ...key(userId), externalId }, 60_000)
      t.match(await prove('t1', 'a', 'c'), { outcome: 'linked', linkedAt: NOW })
      t.equal(await prove('t1', 'b', 'c'), 'used')
      t.equal(await prove('t1', 'a', 'd'), 'used')
      await link('a', 'd')
      t.match(await prove('t1', 'a', 'c'), { outcome: 'unchanged', externalId: 'd' })
    })

    t.test('an emptied alias profile is handed over, and what has become of it is kept', async (t) => {
      await follow('a')
      await link('a', 'c')
      await check()
      t.strictSame(await ledger.toMerge(10, ['identify']), [], 'not before it is empty')
      await accept()
      t.equal(await ledger.nextMergeMs(['identify']), SETTLE_MS)
      settle()
      const [merge] = await ledger.toMerge(10, ['identify'])
      t.match(merge, { channel: CHANNEL, userId: 'a', externalId: 'c', action: 'identify', tries: 0 })
      const id = merge?.id ?? 0
      await accept()
      await ledger.keepMerges([{ id, action: 'identify', outcome: 'asked', restMs: 1_000 }])
      t.strictSame(await ledger.toMerge(10, ['identify', 'look']), [])
      t.equal(await ledger.nextMergeMs(['identify', 'rename']), null)
      now += 1_000
      t.match(await ledger.toMerge(10, ['identify', 'look']), [{ id, action: 'look' }])
      await ledger.keepMerges([{ id, action: 'look', outcome: 'again', restMs: 1_000 }])
      now += 1_000
      t.match(await ledger.toMerge(10, ['identify', 'look']), [{ id, action: 'identify', tries: 1 }])
      await ledger.keepMerges([{ id, action: 'identify', outcome: 'asked', restMs: 0 }])
      await ledger.keepMerges([{ id, action: 'look', outcome: 'merged', restMs: 0 }])
      now += SETTLE_MS
      t.strictSame(await accept(), ['c: a'], 'what the merge may have changed is said again')
      const profiles = (await Array.fromAsync(ledger.profiles(CHANNEL))).flat()
      t.strictSame(
        profiles.map(({ address }) => nameOf(address)),
        ['c'],
        'the alias is no profile of its own',
      )
      settle()
      await link('a', null)
      await accept()
      settle()
      t.strictSame(await due(), [], 'the alias has to be freed first')
      t.match(await ledger.toMerge(10, ['rename']), [{ id, action: 'rename', externalId: 'c' }])
      await ledger.keepMerges([{ id, action: 'rename', outcome: 'renamed', restMs: 700 }])
      t.equal(await ledger.nextDueMs(), 700)
      now += 700
      t.strictSame(await accept(), ['a: a'])
      t.equal(await ledger.nextMergeMs(['identify', 'look', 'rename']), null)
    })

    t.test('an alias that was handed over in vain may have changed the customer all the same', async (t) => {
      await follow('a')
      await link('a', 'c')
      await check()
      while ((await accept()).length > 0) settle()
      const [a] = await ledger.toMerge(1, ['identify'])
      const id = a?.id ?? 0
      await ledger.keepMerges([
        { id, action: 'identify', outcome: 'asked', restMs: 0 },
        { id, action: 'look', outcome: 'again', restMs: 0 },
        { id, action: 'identify', outcome: 'asked', restMs: 0 },
        { id, action: 'look', outcome: 'left', restMs: 0 },
      ])
      t.strictSame(await due(), ['c: a'])
    })

    t.test('an alias that was left alone, or not asked for, is written as before', async (t) => {
      await follow('a')
      await follow('b')
      await link('a', 'c')
      await link('b', 'd')
      await check()
      while ((await accept()).length > 0) settle()
      const [a] = await ledger.toMerge(1, ['identify'])
      const id = a?.id ?? 0
      await ledger.keepMerges([
        { id, action: 'identify', outcome: 'asked', restMs: 0 },
        { id, action: 'look', outcome: 'left', restMs: 0 },
      ])
      t.strictSame(await due(), [], 'nothing was handed over, and nothing has changed')
      await link('a', null)
      await link('b', null)
      t.strictSame((await accept()).sort(), ['c: clear', 'd: clear'])
      settle()
      t.strictSame((await accept()).sort(), ['a: a', 'b: b'])
      t.strictSame(await ledger.toMerge(10, ['identify', 'look', 'rename']), [])
    })

    t.test('who only wrote lapses on time, and is back with the next message', async (t) => {
      const windowed = await subject.open(() => now, { messagerWindowMs: 1_000 })
      t.teardown(() => windowed.close())
      const wrote = (userId: string, messagedAt: number) => ({
        ...key(userId),
        friendAt: 0,
        messagedAt,
        goneAt: 0,
      })
      await windowed.record([
        wrote('a', now),
        wrote('b', now - 400),
        friend(key('b'), 5),
        wrote('c', now - 400),
      ])
      t.equal(await windowed.lapse(), 600)
      await accept()
      now += 600
      t.equal(await windowed.lapse(), 400)
      t.match(await ledger.counts(), [{ friend: 1, messager: 1, gone: 1 }])
      now += SETTLE_MS
      await windowed.lapse()
      t.strictSame((await accept()).sort(), ['a: clear', 'c: clear'])
      t.equal(await windowed.lapse(), null)
      await windowed.record([wrote('c', now - 2_000)])
      t.match(await ledger.counts(), [{ messager: 0 }], 'an old message that comes again says nothing')
      await windowed.record([wrote('c', now)])
      t.match(await ledger.counts(), [{ messager: 1, gone: 1 }])
      t.equal(await ledger.lapse(), null, 'without a window nobody lapses')
    })

    t.test('of who is linked, lapsing sends nothing again that Braze rejected', async (t) => {
      const windowed = await subject.open(() => now, { messagerWindowMs: 1_000 })
      t.teardown(() => windowed.close())
      await windowed.record([{ ...key('a'), friendAt: 0, messagedAt: now, goneAt: 0 }])
      await accept()
      await link('a', 'c')
      await check()
      settle()
      const [clear] = await ledger.due(10)
      await ledger.acknowledge([{ ...(clear as DueProfile), failure: 'no' }], SETTLE_MS)
      settle()
      await windowed.lapse()
      t.strictSame(await due(), [])
      t.match(await ledger.counts(), [{ gone: 1, failed: 1 }])
    })

    t.test('a customer whose contact lapses', async (t) => {
      const windowed = await subject.open(() => now, { messagerWindowMs: 1_000 })
      t.teardown(() => windowed.close())
      await windowed.record([{ ...key('a'), friendAt: 0, messagedAt: now, goneAt: 0 }])
      await link('a', 'c')
      await check()
      while ((await accept()).length > 0) settle()
      await windowed.lapse()
      t.strictSame(await accept(), ['c: clear'])
    })

    t.test(
      'links in any order leave the newest, and each customer the newest reachable contact',
      async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(linkArbitrary, { maxLength: 12 }), fc.nat(), async (links, seed) => {
            const channel = `links ${seed} ${Math.random()}`
            const put = (each: (typeof links)[number]) => ledger.link([{ ...each, channel }])
            for (const each of links) await put(each)
            const first = await linksOf(channel)
            for (const each of links.toReversed()) await put(each)
            const expected = new Map<string, string>()
            for (const userId of USERS) {
              const [newest] = links
                .filter((each) => each.userId === userId)
                .sort(
                  (a, b) => b.linkedAt - a.linkedAt || ((a.externalId ?? '') < (b.externalId ?? '') ? 1 : -1),
                )
              if (newest?.externalId) expected.set(userId, newest.externalId)
            }
            const right = JSON.stringify([...expected].sort())
            return first === right && (await linksOf(channel)) === right
          }),
          { numRuns: 30 },
        )
      },
    )
    const linksOf = async (channel: string) => {
      const links = (await Array.fromAsync(ledger.links(channel))).flat()
      return JSON.stringify(links.map(({ userId, externalId }) => [userId, externalId]).sort())
    }
  })
}

const USERS = ['u1', 'u2', 'u3']
const linkArbitrary = fc.record({
  userId: fc.constantFrom(...USERS),
  externalId: fc.constantFrom('c1', 'c2', null),
  linkedAt: fc.integer({ min: 1, max: 4 }),
})
