import t from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { DELIVERY_LEASE, type DueProfile, type Ledger } from '../../src/ledger/ledger.ts'
import { friends, key, nameOf } from '../harness/people.ts'
import type { Subject } from './contract.ts'

const NOW = 1_800_000_000_000
const SETTLE_MS = 5_000
const DAY_MS = 86_400_000
const HOW = { deletesProfile: false, lifeMs: DAY_MS }
const NOBODY = { friend: 0, messager: 0, gone: 0, pending: 0, failed: 0, linked: 0, waiting: 0 }

/** What every database must do for people who asked to be forgotten. */
export function forgettingContract(name: string, create: () => Promise<Subject>) {
  t.test(`${name}, forgetting`, async (t) => {
    let subject: Subject
    let ledger: Ledger
    let now: number

    t.beforeEach(async () => {
      now = NOW
      subject = await create()
      ledger = await subject.open(() => now)
      await ledger.holdLease(DELIVERY_LEASE, 'me', 600_000, { endedMs: 0, lostMs: 0 })
    })
    t.afterEach(async () => {
      await ledger.close()
      await subject.remove()
    })

    const described = ({ address, value }: DueProfile) => `${nameOf(address)}: ${value ?? 'clear'}`
    /** Braze takes what is due, and that settles. */
    const accept = async (failure: string | null = null) => {
      const profiles = await ledger.due(100)
      await ledger.acknowledge(
        profiles.map(({ id, revision }) => ({ id, revision, failure })),
        SETTLE_MS,
      )
      now += SETTLE_MS
      return profiles.map(described).sort()
    }
    const acceptAll = async () => {
      const all = []
      for (let some = await accept(); some.length > 0; some = await accept()) all.push(...some)
      return all
    }
    const know = async () => {
      const customers = await ledger.toCheck(100)
      await ledger.keepChecks(customers.map(({ id }) => ({ id, againMs: null })))
    }
    const link = async (userId: string, externalId: string | null, linkedAt: number | null = null) =>
      (await ledger.link([{ ...key(userId), externalId, linkedAt }]))[0]?.outcome
    const forget = (userId: string, how = HOW) => ledger.forget(key(userId), how)
    const stateOf = async (userId: string) =>
      (await ledger.forgettings('default', { userId })).map(({ state }) => state)
    const counts = async () => {
      const [{ channel: _, ...numbers } = { channel: '', ...NOBODY }] = await ledger.counts()
      return numbers
    }
    /** Whether anything in the ledger has the text. */
    const names = async (text: string) =>
      (await Array.fromAsync(ledger.dump())).some((part) => JSON.stringify(part).includes(text))
    const eraseAll = async () => {
      const due = await ledger.toForget(10)
      for (const { receipt } of due) await ledger.erase(receipt, 'kept')
      return due.map(({ userId }) => userId)
    }
    /** Somebody who is, or was, in the ledger, and of whom only a hash is left. */
    const forgotten = async (userId: string, at = 10) => {
      await ledger.record([friend(key(userId), at)])
      await acceptAll()
      await forget(userId)
      await acceptAll()
      await eraseAll()
    }

    t.test('who is not known is not forgotten', async (t) => {
      t.equal(await forget('u0'), null)
      t.strictSame(await stateOf('u0'), [])
      await ledger.record(friends(['u0']))
      t.match(await counts(), { friend: 1 }, 'and nothing is ignored')
    })

    t.test('they are cleared at Braze, and erased once that has settled', async (t) => {
      await ledger.record(friends(['user-0', 'user-1'], 10))
      await acceptAll()
      const begun = await forget('user-0')
      t.match(begun, {
        receipt: /^[0-9a-f]{24}$/,
        channel: 'default',
        userId: 'user-0',
        state: 'clearing',
        profile: null,
        forgottenAt: NOW + 2 * SETTLE_MS,
        endsAt: null,
        failure: null,
        problem: null,
      })
      t.strictSame(await ledger.toForget(10), [])
      t.match(await ledger.beingForgotten(), [{ channel: 'default', count: 1, oldestMs: 0 }])
      t.strictSame((await ledger.due(10)).map(described), ['user-0: clear'])
      await ledger.acknowledge(
        (await ledger.due(10)).map(({ id, revision }) => ({ id, revision, failure: null })),
        SETTLE_MS,
      )
      t.strictSame(await ledger.toForget(10), [], 'not before it has settled')
      t.equal(await ledger.erase(begun?.receipt as string, 'kept'), false)
      now += SETTLE_MS
      t.match(await ledger.toForget(10), [
        { userId: 'user-0', state: 'clearing', deletesProfile: false, tries: 0 },
      ])
      t.equal(await ledger.erase(begun?.receipt as string, 'kept'), true)
      t.equal(await ledger.erase(begun?.receipt as string, 'kept'), true)
      t.notOk(await names('user-0'))
      t.ok(await names('user-1'))
      t.strictSame(await counts(), { ...NOBODY, friend: 1 })
      t.match(await ledger.forgettings('default', { userId: 'user-0' }), [
        { receipt: begun?.receipt, userId: null, state: 'done', profile: 'kept', endsAt: now + DAY_MS },
      ])
      t.strictSame(await ledger.beingForgotten(), [])
      t.strictSame(await ledger.toForget(10), [])
      t.strictSame(await ledger.due(10), [])
    })

    t.test('from the first moment nothing but a newer follow event is listened to', async (t) => {
      await ledger.record([friend(key('u0'), 10), friend(key('u1'), 10)])
      await acceptAll()
      const { forgottenAt = 0 } = (await forget('u0')) ?? {}
      const late = async () => {
        await ledger.record([
          messaged(key('u0'), now + 5),
          friend(key('u0'), forgottenAt),
          friend(key('u1'), now),
        ])
        await ledger.record([gone(key('u0'), 20)])
        const run = await ledger.beginRun('backfill', 'default', now + DAY_MS)
        await ledger.recordPages(run.id, [{ userIds: ['u0', 'u1', 'u2'], invalid: 0, next: null }])
        t.equal(await link('u0', 'c0'), 'forgotten')
        t.equal(await link('u0', 'c0', now + DAY_MS), 'forgotten')
        t.equal(await link('u1', 'c1'), 'linked', 'others are not concerned')
        await link('u1', null)
        await ledger.addNonce(`nonce ${now}`, 'default', 'c0', 900_000)
        t.equal(await ledger.redeemNonce(`nonce ${now}`, key('u0'), now), 'forgotten')
        const once = await ledger.linkOnce(`proof ${now}`, { ...key('u0'), externalId: 'c0' }, 900_000)
        t.match(once, { outcome: 'forgotten', externalId: null })
      }
      await late()
      t.match(await counts(), { friend: 2, gone: 1, linked: 0 })
      await acceptAll()
      t.strictSame(await eraseAll(), ['u0'])
      t.match(await counts(), { friend: 2, gone: 0, linked: 0 })
      await late()
      t.match(await counts(), { friend: 2, gone: 0, messager: 0, linked: 0, pending: 0 })
      t.strictSame(await stateOf('u0'), ['done'])
    })

    t.test('a newer follow event brings them back, as somebody new', async (t) => {
      await forgotten('u0')
      const at = now + 1
      await ledger.record([friend(key('u0'), at), friend(key('u1'), at)])
      t.match(await counts(), { friend: 2, gone: 0 })
      t.strictSame(await stateOf('u0'), [])
      t.strictSame(await acceptAll(), ['u0: u0', 'u1: u1'])
      t.equal(await link('u0', 'c0'), 'linked')
      await ledger.record([gone(key('u0'), at + 1)])
      t.match(await counts(), { friend: 1, gone: 1 }, 'and is listened to again')
    })

    t.test('whatever comes first: who blocked the account since is not written to', async (t) => {
      await forgotten('u0')
      await ledger.record([gone(key('u0'), now + 20)])
      t.strictSame(await stateOf('u0'), ['done'])
      await ledger.record([friend(key('u0'), now + 10)])
      t.match(await counts(), { friend: 0, gone: 1 })
      await ledger.record([friend(key('u0'), now + 30)])
      t.match(await counts(), { friend: 1, gone: 0 })
    })

    t.test(
      'a follow event while they are being cleared ends that, and nothing of before is left',
      async (t) => {
        await ledger.record([friend(key('u0'), 10)])
        await link('u0', 'c0')
        await know()
        await acceptAll()
        const begun = await forget('u0')
        await ledger.record([friend(key('u0'), now + 1)])
        t.strictSame(await stateOf('u0'), [])
        t.strictSame(await ledger.forgettings('default', { externalId: 'c0' }), [])
        t.equal(await ledger.erase(begun?.receipt as string, 'kept'), true)
        t.match(await counts(), { friend: 1, linked: 0 })
        await acceptAll()
        t.strictSame(
          (await Array.fromAsync(ledger.profiles('default')))
            .flat()
            .map(({ address, value }) => [nameOf(address), value]),
          [
            ['u0', 'u0'],
            ['c0', null],
          ],
        )
      },
    )

    t.test('of a customer: the profile first, then the link and the customer', async (t) => {
      await ledger.record(friends(['user-0', 'user-1', 'user-2'], 10))
      await link('user-0', 'customer-0')
      await link('user-1', 'customer-1')
      await link('user-2', 'customer-1')
      await know()
      await acceptAll()
      await forget('user-0')
      await forget('user-1')
      t.match(await ledger.forgettings('default', { externalId: 'customer-0' }), [{ userId: 'user-0' }])
      t.match(await ledger.toForget(10), [{ userId: 'user-1' }], 'customer-1 has the other one')
      t.strictSame(await acceptAll(), ['customer-0: clear'])
      t.strictSame((await eraseAll()).sort(), ['user-0', 'user-1'])
      for (const name of ['user-0', 'user-1', 'customer-0']) t.notOk(await names(name), name)
      for (const name of ['user-2', 'customer-1']) t.ok(await names(name), name)
      t.strictSame(await counts(), { ...NOBODY, friend: 1, linked: 1 })
      t.match(await Array.fromAsync(ledger.links('default')).then((all) => all.flat()), [
        { userId: 'user-2' },
      ])
      t.equal(await link('user-3', 'customer-0'), 'linked', 'the customer may come with another phone')
      await ledger.record(friends(['user-3'], 20))
      await know()
      t.strictSame(await acceptAll(), ['user-3: clear', 'customer-0: user-3'])
    })

    t.test('what Braze says of a customer who was erased meanwhile is said of nobody else', async (t) => {
      await ledger.record(friends(['u0', 'u1'], 10))
      await acceptAll()
      await link('u0', 'c0')
      const asked = await ledger.toCheck(10)
      await forget('u0')
      await acceptAll()
      t.strictSame(await eraseAll(), ['u0'])
      await link('u1', 'c1')
      await ledger.keepChecks(asked.map(({ id }) => ({ id, againMs: null })))
      t.match(await ledger.toCheck(10), [{ externalId: 'c1', tries: 0 }])
      t.strictSame(await acceptAll(), [], 'the alias profile keeps what it has')
    })

    t.test('a proof that was used stays used, and names nobody', async (t) => {
      await ledger.record(friends(['user-0', 'user-1'], 10))
      await ledger.linkOnce('proof', { ...key('user-0'), externalId: 'customer-0' }, 900_000)
      await know()
      await acceptAll()
      await forget('user-0')
      await acceptAll()
      await eraseAll()
      t.notOk(await names('user-0'))
      t.notOk(await names('customer-0'))
      t.equal(await ledger.linkOnce('proof', { ...key('user-1'), externalId: 'customer-0' }, 900_000), 'used')
    })

    t.test('what was handed over is freed first', async (t) => {
      await ledger.record(friends(['u0'], 10))
      await acceptAll()
      await link('u0', 'c0')
      await know()
      await acceptAll()
      const [merge] = await ledger.toMerge(1, ['identify'])
      await ledger.keepMerges([{ id: merge?.id as string, action: 'identify', outcome: 'asked', restMs: 0 }])
      await forget('u0')
      await acceptAll()
      t.strictSame(await ledger.toForget(10), [])
      t.match(await ledger.toMerge(1, ['rename']), [{ userId: 'u0' }])
      await ledger.keepMerges([
        { id: merge?.id as string, action: 'rename', outcome: 'renamed', restMs: 100 },
      ])
      t.strictSame(await ledger.toForget(10), [], 'which has to settle')
      await acceptAll()
      t.strictSame(await eraseAll(), ['u0'])
      t.notOk(await names('"u0"'))
    })

    t.test('what Braze rejects is told, and tried again when somebody asks again', async (t) => {
      await ledger.record(friends(['u0', 'u1'], 10))
      await link('u1', 'c1')
      await know()
      await acceptAll()
      await forget('u0')
      await forget('u1')
      await accept('Braze says no')
      now += DAY_MS
      t.strictSame(await ledger.toForget(10), [])
      for (const userId of ['u0', 'u1'])
        t.match(await ledger.forgettings('default', { userId }), [
          { state: 'clearing', failure: 'Braze says no' },
        ])
      t.match(await counts(), { failed: 2 })
      await forget('u0', { ...HOW, deletesProfile: true })
      t.match(await forget('u1'), { failure: null })
      t.match(await counts(), { failed: 0, pending: 2 })
      t.strictSame(await acceptAll(), ['c1: clear', 'u0: clear'])
      t.match(
        new Set((await ledger.toForget(10)).map(({ deletesProfile }) => deletesProfile)),
        new Set([true, false]),
      )
    })

    t.test('nothing is written to an alias profile before its deletion has settled', async (t) => {
      await ledger.record(friends(['u0'], 10))
      await acceptAll()
      const { receipt = '' } = (await forget('u0', { ...HOW, deletesProfile: true })) ?? {}
      await acceptAll()
      await ledger.keepForgetting({ receipt, state: 'clearing', restMs: 1_000, problem: 'no permission' })
      t.strictSame(await ledger.toForget(10), [])
      t.match(await ledger.forgettings('default', { userId: 'u0' }), [{ problem: 'no permission' }])
      t.match(await forget('u0', { ...HOW, deletesProfile: true }), { problem: null })
      t.equal((await ledger.toForget(10)).length, 1, 'at once, when somebody asks again')
      const deleting = { receipt, state: 'deleting', restMs: 60_000.5, problem: null } as const
      t.equal(await ledger.keepForgetting(deleting), true)
      t.strictSame(await stateOf('u0'), ['deleting'])
      t.strictSame(await ledger.toForget(10), [])
      await ledger.record([friend(key('u0'), now + 1)])
      t.strictSame(await stateOf('u0'), [])
      t.strictSame(await ledger.due(10), [])
      t.equal(await ledger.nextDueMs(), 60_001)
      await ledger.clampDue(SETTLE_MS)
      t.equal(await ledger.nextDueMs(), 60_001, 'nor does a renewal of the lease end that')
      await link('u0', 'nobody')
      const [unknown] = await ledger.toCheck(1)
      await ledger.keepChecks([{ ...unknown, id: unknown?.id as string, againMs: DAY_MS }])
      await link('u0', null)
      t.equal(await ledger.nextDueMs(), 60_001, 'nor does a look-up')
      now += 60_001
      t.strictSame(await acceptAll(), ['u0: u0'])
      t.equal(await ledger.keepForgetting({ ...deleting, restMs: 0 }), false)
      t.equal(await ledger.erase(receipt, 'deleted'), true)
      t.match(await counts(), { friend: 1 }, 'of somebody who is back nothing is erased')
    })

    t.test('who is back is due all the same, where Braze was asked to delete the profile', async (t) => {
      await ledger.record(friends(['u0', 'u1'], 10))
      await acceptAll()
      const deletes = { ...HOW, deletesProfile: true }
      const begin = async (userId: string) => {
        const { receipt = '' } = (await forget(userId, deletes)) ?? {}
        await acceptAll()
        await ledger.keepForgetting({ receipt, state: 'deleting', restMs: 60_000, problem: null })
        await ledger.record([friend(key(userId), now + 1)])
        return receipt
      }
      const receipt = await begin('u0')
      t.strictSame(await ledger.beingForgotten(), [])
      t.strictSame(await stateOf('u0'), [])
      t.strictSame(await ledger.toForget(10), [], 'not before Braze must have done so')
      await ledger.record([messaged(key('u0'), now + 2)])
      t.equal(
        await ledger.keepForgetting({ receipt, state: 'clearing', restMs: 0, problem: null }),
        false,
        'nothing brings that forward',
      )
      now += 60_000
      t.match(await ledger.toForget(10), [{ receipt, userId: 'u0', isBack: true, tries: 1 }])
      t.equal(await ledger.erase(receipt, 'kept'), true)
      t.strictSame(await ledger.toForget(10), [])
      t.match(await counts(), { friend: 2, gone: 0 })

      await begin('u1')
      const again = await forget('u1', deletes)
      t.match(again, { state: 'clearing', endsAt: null })
      await ledger.record([messaged(key('u1'), now + 3)])
      t.match(await counts(), { gone: 1 }, 'and who asks once more is forgotten')
      now += 60_000
      await acceptAll()
      t.match(await ledger.toForget(10), [{ receipt: again?.receipt, isBack: false, tries: 1 }])
      t.strictSame(await eraseAll(), ['u1'])
      t.match(await counts(), { friend: 1, gone: 0 })
    })

    t.test('a hash is kept for as long as was said, counted from the erasing', async (t) => {
      await ledger.record(friends(['u0'], 10))
      await acceptAll()
      await forget('u0')
      now += 3 * DAY_MS
      await ledger.endForgettings()
      await ledger.record(friends(['u0'], 10))
      t.match(await counts(), { friend: 0, gone: 1 }, 'however long Braze takes')
      await acceptAll()
      await eraseAll()
      now += DAY_MS - 1
      await ledger.endForgettings()
      await ledger.record(friends(['u0'], 10))
      t.strictSame(await counts(), NOBODY)
      now += 1
      t.strictSame(await stateOf('u0'), [])
      await ledger.record(friends(['u0'], 10))
      t.match(await counts(), { friend: 1 })
      await ledger.endForgettings()
      const parts = await Array.fromAsync(ledger.dump())
      t.notOk(
        parts.some(({ kind }) => kind === 'forgotten'),
        'nothing is left, the key included',
      )
    })

    t.test(
      'who asks again is ignored for longer, and a follow event from before does not count',
      async (t) => {
        await forgotten('u0')
        now += DAY_MS / 2
        t.match(await forget('u0'), { state: 'done', userId: null, forgottenAt: now, endsAt: now + DAY_MS })
        await ledger.record([friend(key('u0'), now - 1)])
        t.strictSame(await stateOf('u0'), ['done'])
      },
    )

    t.test('a follow event that is known is no newer one, wherever our clock stands', async (t) => {
      const ahead = now + 60_000
      await ledger.record([friend(key('u0'), ahead)])
      await acceptAll()
      t.match(await forget('u0'), { forgottenAt: ahead })
      await ledger.record([friend(key('u0'), ahead)])
      t.strictSame(await stateOf('u0'), ['clearing'])
      await acceptAll()
      await eraseAll()
      t.strictSame(await counts(), NOBODY)
    })

    t.test('somebody who is stored although they are forgotten is forgotten once more', async (t) => {
      await ledger.record(friends(['u0'], 10))
      await acceptAll()
      await forget('u0')
      await acceptAll()
      await eraseAll()
      now += DAY_MS
      await ledger.record(friends(['u0'], 10))
      await acceptAll()
      t.match(await forget('u0'), { state: 'clearing' })
      t.strictSame(await acceptAll(), ['u0: clear'])
      t.strictSame(await eraseAll(), ['u0'])
    })

    t.test('each channel by itself', async (t) => {
      await ledger.record([friend(key('u0'), 10), friend(key('u0', 'other'), 10)])
      await acceptAll()
      await forget('u0')
      await ledger.record([friend(key('u0', 'other'), 20), friend(key('u0'), 20)])
      await acceptAll()
      await eraseAll()
      t.match(await ledger.counts(), [
        { channel: 'default', friend: 0, gone: 0 },
        { channel: 'other', friend: 1 },
      ])
    })

    t.test('another process sees the same, and ignores the same', async (t) => {
      const other = await subject.open(() => now)
      t.teardown(() => other.close())
      await ledger.record(friends(['u0', 'u1'], 10))
      await acceptAll()
      await forget('u0')
      await other.record([messaged(key('u0'), now + 1), messaged(key('u1'), now + 1)])
      t.match(await counts(), { friend: 1, gone: 1 })
      await acceptAll()
      const [due] = await other.toForget(10)
      t.equal(await other.erase(due?.receipt as string, 'none'), true)
      await other.record(friends(['u0'], 10))
      t.match(await counts(), { friend: 1, gone: 0 })
      t.match(await ledger.forgettings('default', { userId: 'u0' }), [{ state: 'done', profile: 'none' }])
    })

    t.test('of many, some at a time and those that have waited longest first', async (t) => {
      const all = Array.from({ length: 12 }, (_, i) => `u${i}`)
      await ledger.record(friends(all, 10))
      await acceptAll()
      for (const userId of all) {
        await forget(userId)
        now += 1
      }
      await acceptAll()
      t.strictSame(
        (await ledger.toForget(3)).map(({ userId }) => userId),
        ['u0', 'u1', 'u2'],
      )
      while ((await eraseAll()).length > 0);
      t.strictSame(await counts(), NOBODY)
      await ledger.record(friends([...all, 'new'], 20))
      t.strictSame(await counts(), { ...NOBODY, friend: 1, pending: 1 })
    })
  })
}
