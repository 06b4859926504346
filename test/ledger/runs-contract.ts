import t from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import type { FollowerPage, Ledger } from '../../src/ledger/ledger.ts'
import { key, nameOf } from '../harness/people.ts'
import type { Subject } from './contract.ts'

const NOW = 1_800_000_000_000
const CHANNEL = 'default'
const page = (userIds: string[], more: Partial<FollowerPage> = {}): FollowerPage => ({
  userIds,
  invalid: 0,
  next: null,
  ...more,
})

/** What every database must do for runs. */
export function runsContract(name: string, create: () => Promise<Subject>) {
  t.test(`${name}, runs`, async (t) => {
    let subject: Subject
    let ledger: Ledger
    let now: number
    const reopen = () => subject.open(() => now)

    t.beforeEach(async () => {
      now = NOW + 1_000
      subject = await create()
      ledger = await reopen()
    })
    t.afterEach(async () => {
      await ledger.close()
      await subject.remove()
    })

    const begin = () => ledger.beginRun('backfill', CHANNEL, NOW)
    const due = async () => {
      const contacts = await ledger.due(1_000)
      return contacts.map(({ address, value }) => `${nameOf(address)} ${value !== null}`).sort()
    }
    const acceptAll = async () => {
      const contacts = await ledger.due(1_000)
      await ledger.acknowledge(
        contacts.map(({ id, revision }) => ({ id, revision, failure: null })),
        0,
      )
    }
    const clearAll = async (run: number) => {
      for await (const _ of ledger.clearAbsent(run));
    }
    const all = async (channel = CHANNEL) => (await Array.fromAsync(ledger.profiles(channel))).flat()

    t.test('a page makes friends, and says how many are new and how many return', async (t) => {
      await ledger.record([friend(key('known'), 5), gone(key('back'), 5), messaged(key('wrote'), 5)])
      await acceptAll()
      const { id } = await begin()
      const run = await ledger.recordPages(id, [
        page(['known', 'back', 'wrote', 'new', 'new'], { next: 'c' }),
      ])
      t.match(run, {
        state: 'listing',
        cursor: 'c',
        cursorAgeMs: 0,
        pages: 1,
        listed: 5,
        added: 1,
        returned: 1,
      })
      t.strictSame(await due(), ['back true', 'new true'], 'only what flips costs anything')
      t.match(await ledger.counts(), [{ friend: 4, messager: 0, gone: 0 }])
    })

    t.test('pages stored together count together; the last one has no next', async (t) => {
      const { id } = await begin()
      const run = await ledger.recordPages(id, [
        page(['a'], { next: 'x' }),
        page([], { next: 'y' }),
        page(['a', 'b'], { invalid: 2 }),
      ])
      t.match(run, { state: 'clearing', cursor: null, pages: 3, listed: 3, added: 2, invalid: 2 })
    })

    t.test('everybody on a list is dated alike, however late the page came', async (t) => {
      const { id } = await begin()
      await ledger.recordPages(id, [page(['a'], { next: 'x' })])
      now += 3_600_000
      await ledger.recordPages(id, [page(['b'])])
      await ledger.record([gone(key('a'), NOW - 1), gone(key('b'), NOW - 1)])
      t.match(await ledger.counts(), [{ friend: 2, gone: 0 }])
      await ledger.record([gone(key('a'), NOW), gone(key('b'), NOW)])
      t.match(await ledger.counts(), [{ friend: 0, gone: 2 }])
    })

    t.test('what a webhook says of a later moment wins, whichever is stored first', async (t) => {
      await ledger.record([gone(key('a'), NOW + 10)])
      const { id } = await begin()
      const run = await ledger.recordPages(id, [page(['a', 'b'])])
      await ledger.record([gone(key('b'), NOW + 10)])
      t.match(run, { added: 1, returned: 0 })
      t.match(await ledger.counts(), [{ friend: 0, gone: 2 }])
    })

    t.test('friends from before who are on no page are gone; others are left alone', async (t) => {
      await ledger.record([
        friend(key('listed'), 5),
        friend(key('absent'), 5),
        friend(key('joined meanwhile'), NOW),
        messaged(key('only wrote'), 5),
        ...[friend, messaged].map((observe) => observe(key('friend who wrote'), 5)),
        friend(key('absent', 'other'), 5),
      ])
      await ledger.record([friend(key('wrote since'), 5), messaged(key('wrote since'), NOW + 1)])
      await acceptAll()
      const { id } = await begin()
      await ledger.recordPages(id, [page(['listed'])])
      t.equal(await ledger.countAbsent(id), 3)
      await clearAll(id)
      t.strictSame(await due(), ['absent false', 'friend who wrote false'])
      t.equal(await ledger.countAbsent(id), 0)
      t.match(await ledger.openRun(CHANNEL), { state: 'clearing', gone: 2 })
      await clearAll(id)
      t.match(await ledger.openRun(CHANNEL), { gone: 2 }, 'safe to repeat')
      t.match(await ledger.counts(), [
        { channel: CHANNEL, friend: 2, messager: 2, gone: 2 },
        { channel: 'other', friend: 1 },
      ])
    })

    t.test('the open run is found again, until it has ended or another has begun', async (t) => {
      t.equal(await ledger.openRun(CHANNEL), null)
      await ledger.record([friend(key('a'), 5)])
      const { id } = await begin()
      await ledger.recordPages(id, [page(['b'], { next: 'c' })])
      await ledger.close()
      ledger = await reopen()
      const found = {
        id,
        channel: CHANNEL,
        asOf: NOW,
        state: 'listing',
        cursor: 'c',
        known: 1,
        listed: 1,
      }
      t.match(await ledger.openRun(CHANNEL), found)
      t.equal(await ledger.openRun('other'), null)
      await ledger.beginRun('resync', CHANNEL)
      t.match(await ledger.openRun(CHANNEL), { id }, 'a run of another kind')
      t.equal(await ledger.lastListed(CHANNEL), null)
      const second = await begin()
      t.match(await ledger.openRun(CHANNEL), { id: second.id, known: 2, pages: 0, cursor: null })
      await ledger.recordPages(second.id, [page(['a', 'b', 'c'])])
      await ledger.endRun(second.id, 'complete')
      t.equal(await ledger.openRun(CHANNEL), null)
      t.equal(await ledger.lastListed(CHANNEL), 3)
      await ledger.endRun((await begin()).id, 'abandoned')
      t.equal(await ledger.lastListed(CHANNEL), 3)
    })

    t.test('what runs changed is outstanding until Braze or a webhook has spoken', async (t) => {
      const first = await begin()
      await ledger.recordPages(first.id, [page(['a'])])
      const { id } = await begin()
      await ledger.recordPages(id, [page(['b', 'c', 'd', 'e'])])
      await ledger.record([friend(key('by webhook'), NOW)])
      t.strictSame(
        await ledger.outstanding(id),
        { pending: 4, failed: 0, earlier: 1 },
        'earlier runs left one',
      )
      const contacts = await ledger.due(100)
      const answer = (userId: string, failure: string | null) => {
        const { id, revision } = contacts.find(({ address }) => nameOf(address) === userId) ?? {
          id: 0,
          revision: 0,
        }
        return { id, revision, failure }
      }
      await ledger.acknowledge([answer('a', null), answer('b', null), answer('c', 'no')], 0)
      t.strictSame(await ledger.outstanding(id), { pending: 2, failed: 1, earlier: 0 })
      await ledger.record([gone(key('d'), NOW + 5)])
      t.strictSame(await ledger.outstanding(id), { pending: 1, failed: 1, earlier: 0 }, 'newer news of d')
      await acceptAll()
      t.strictSame(await ledger.outstanding(id), { pending: 0, failed: 1, earlier: 0 })
    })

    t.test('news from webhooks is due before what a run brought', async (t) => {
      const { id } = await begin()
      await ledger.recordPages(id, [page(['x', 'y', 'z'])])
      t.equal(await ledger.nextDueMs(), 0)
      now += 5
      await ledger.record([friend(key('a'), NOW), gone(key('z'), NOW + 3)])
      const users = async (limit: number) => (await ledger.due(limit)).map(({ address }) => nameOf(address))
      t.strictSame((await users(2)).sort(), ['a', 'z'])
      t.strictSame((await users(3)).length, 3)
      t.strictSame((await users(100)).sort(), ['a', 'x', 'y', 'z'])
      t.equal(await ledger.nextDueMs(), -5)
      t.equal(await ledger.oldestPendingMs(), 5)
      now = NOW
      await ledger.clampDue(0)
      t.equal(await ledger.nextDueMs(), 0)
      t.equal((await ledger.due(100)).length, 4)
    })

    t.test('resending makes contacts due again, those that were rejected too', async (t) => {
      await ledger.record([
        friend(key('a'), 5),
        gone(key('b'), 5),
        friend(key('c'), 5),
        friend(key('o', 'other'), 5),
      ])
      const [first] = (await ledger.due(100)).filter(({ address }) => nameOf(address) === 'c')
      await ledger.acknowledge([{ id: first?.id ?? 0, revision: first?.revision ?? 0, failure: 'bad' }], 0)
      await acceptAll()
      await ledger.record([friend(key('d'), 5)])
      const known = await all()
      t.match(known, [
        { address: { userId: 'a' }, value: 'a', linkedTo: null, settled: true, failed: false },
        { address: { userId: 'b' }, value: null, linkedTo: null, settled: true, failed: false },
        { address: { userId: 'c' }, value: 'c', settled: true, failed: true },
        { address: { userId: 'd' }, value: 'd', settled: false, failed: false },
      ])
      t.strictSame(await ledger.lookUp([known[2]?.id ?? 0]), [known[2]])
      const run = await ledger.beginRun('resync', CHANNEL)
      t.equal(
        await ledger.resend(
          run.id,
          known.map(({ id }) => id),
        ),
        3,
        'd is due already',
      )
      t.strictSame(await due(), ['a true', 'b false', 'c true', 'd true'])
      t.strictSame(await ledger.outstanding(run.id), { pending: 3, failed: 0, earlier: 0 })
      await acceptAll()
      t.strictSame(await due(), [])
      t.match(await ledger.counts(), [{ failed: 0, pending: 0 }, {}])
    })

    t.test('a lock is had by one at a time, and given back with the process that had it', async (t) => {
      const other = await reopen()
      const release = await ledger.lock('runs')
      t.ok(release)
      t.equal(await other.lock('runs'), null)
      t.equal(await ledger.lock('runs'), null)
      t.ok(await other.lock('another name'))
      await release?.()
      t.ok(await other.lock('runs'))
      t.equal(await ledger.lock('runs'), null)
      await other.close()
      t.ok(await ledger.lock('runs'))
    })

    t.test('the first to speak names the account, and a webhook goes before a token', async (t) => {
      t.equal(await ledger.claimAccount('one', 'Uwebhook', true), 'Uwebhook')
      t.equal(await ledger.claimAccount('one', 'Uother', true), 'Uwebhook')
      t.equal(await ledger.claimAccount('one', 'Utoken', false), 'Uwebhook')
      t.equal(await ledger.claimAccount('two', 'Utoken', false), 'Utoken')
      t.equal(await ledger.claimAccount('two', 'Uother', false), 'Utoken')
      t.equal(await ledger.claimAccount('two', 'Uwebhook', true), 'Uwebhook')
      t.equal(await ledger.claimAccount('two', 'Uother', true), 'Uwebhook')
    })
  })
}
