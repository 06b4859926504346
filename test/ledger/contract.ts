import fc from 'fast-check'
import t from 'tap'
import {
  type Evidence,
  friend,
  gone,
  merge,
  messaged,
  STATUSES,
  statusOf,
} from '../../src/contact/contact.ts'
import type { DueProfile, Ledger } from '../../src/ledger/ledger.ts'
import { friends, key, nameOf, users } from '../harness/people.ts'

const NOW = 1_800_000_000_000
const SETTLE_MS = 5_000
const AFTERMATH = { endedMs: 500, lostMs: 2_000 }

/** A database under test: opened as often as a test likes, each time as another process would. */
export interface Subject {
  open(clock: () => number, options?: { readonly messagerWindowMs?: number }): Promise<Ledger>
  remove(): Promise<void>
}

/** What every database behind the ledger's interface must do. */
export function ledgerContract(name: string, create: () => Promise<Subject>) {
  t.test(name, async (t) => {
    let subject: Subject
    let ledger: Ledger
    let now: number
    const reopen = () => subject.open(() => now)

    t.beforeEach(async () => {
      now = NOW
      subject = await create()
      ledger = await reopen()
    })
    t.afterEach(async () => {
      await ledger.close()
      await subject.remove()
    })

    const due = async (limit = 100) =>
      (await ledger.due(limit)).map(({ address, value }) => [nameOf(address), value !== null])
    const accept = (contacts: readonly DueProfile[]) =>
      ledger.acknowledge(
        contacts.map(({ id, revision }) => ({ id, revision, failure: null })),
        SETTLE_MS,
      )
    const acceptAll = async () => {
      await accept(await ledger.due(1_000))
      now += SETTLE_MS
    }

    t.test('a new contact is due, whatever it is, and after an acceptance no more', async (t) => {
      await ledger.record([friend(key('a'), 5), messaged(key('b'), 5), gone(key('c'), 5)])
      t.strictSame(
        new Map((await due()) as [string, boolean][]),
        new Map([
          ['a', true],
          ['b', true],
          ['c', false],
        ]),
      )
      await acceptAll()
      t.strictSame(await due(), [])
      t.equal(await ledger.nextDueMs(), null)
    })

    t.test('only a change of reachability makes a contact due', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      await acceptAll()
      await ledger.record([messaged(key('a'), 20), friend(key('a'), 30), gone(key('a'), 5)])
      t.strictSame(await due(), [], 'still reachable')
      await ledger.record([gone(key('a'), 40)])
      t.strictSame(await due(), [['a', false]])
      await acceptAll()
      await ledger.record([gone(key('a'), 50), friend(key('a'), 45)])
      t.strictSame(await due(), [], 'still gone')
    })

    t.test(
      'a flip there and back in one call, or in calls that share a transaction, is no news',
      async (t) => {
        await ledger.record([friend(key('a'), 10)])
        await acceptAll()
        await ledger.record([gone(key('a'), 20), friend(key('a'), 30)])
        await Promise.all([ledger.record([gone(key('a'), 40)]), ledger.record([friend(key('a'), 50)])])
        t.strictSame(await due(), [])
      },
    )

    t.test('a hundred toggles are one due contact with the last state', async (t) => {
      for (let at = 1; at <= 100; at++)
        await ledger.record([at % 2 ? friend(key('a'), at) : gone(key('a'), at)])
      t.strictSame(await due(), [['a', false]])
    })

    t.test('an acceptance of an old revision leaves the newer one due, after the settle pause', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      const sent = await ledger.due(1)
      await ledger.record([gone(key('a'), 20)])
      await accept(sent)
      t.strictSame(await due(), [], 'not before the write has settled')
      t.equal(await ledger.nextDueMs(), SETTLE_MS)
      now += SETTLE_MS
      t.strictSame(await due(), [['a', false]])
      await accept(sent)
      t.equal((await ledger.counts())[0]?.pending, 1, 'repeating an old acceptance changes nothing')
    })

    t.test('a change within the settle pause waits for its end', async (t) => {
      await ledger.record([friend(key('a'), 10)])
      await accept(await ledger.due(1))
      now += 1_000
      await ledger.record([gone(key('a'), 20)])
      t.strictSame(await due(), [])
      t.equal(await ledger.nextDueMs(), NOW + SETTLE_MS - now)
      now += 500
      t.equal(await ledger.oldestPendingMs(), 500, 'but it waits since it was committed')
      now = NOW + SETTLE_MS
      t.strictSame(await due(), [['a', false]])
    })

    t.test('a rejected contact is failed, not pending, until its reachability changes', async (t) => {
      await ledger.record([friend(key('a'), 10), friend(key('b'), 10)])
      const [a] = await ledger.due(1)
      if (!a) throw new Error('nothing due')
      const rejection = { id: a.id, revision: a.revision, failure: 'no such thing' }
      await ledger.acknowledge([rejection], SETTLE_MS)
      t.match(await ledger.counts(), [{ pending: 1, failed: 1 }])
      now += SETTLE_MS
      t.equal((await due()).length, 1)
      await ledger.record([messaged(key(nameOf(a.address)), 15)])
      t.match(await ledger.counts(), [{ pending: 1, failed: 1 }])
      await ledger.record([gone(key(nameOf(a.address)), 20)])
      t.match(await ledger.counts(), [{ pending: 2, failed: 0 }])
      await ledger.acknowledge([rejection], SETTLE_MS)
      t.match(
        await ledger.counts(),
        [{ pending: 2, failed: 0 }],
        'a rejection of an old revision says nothing',
      )
    })

    t.test('those that have waited longest come first, up to the limit', async (t) => {
      for (const userId of ['c', 'a', 'b']) {
        await ledger.record([friend(key(userId), 10)])
        now += 1
      }
      t.strictSame(
        (await ledger.due(2)).map(({ address }) => nameOf(address)),
        ['c', 'a'],
      )
      t.equal(await ledger.oldestPendingMs(), now - NOW)
    })

    t.test('a clock that was set back delays nothing once clamped', async (t) => {
      now = NOW + 3_600_000
      await ledger.record([friend(key('a'), 10)])
      now = NOW
      t.strictSame(await due(), [])
      await ledger.clampDue(0)
      t.strictSame(await due(), [['a', true]])
    })

    t.test('the same user id in two channels is two contacts', async (t) => {
      await ledger.record([friend(key('a', 'one'), 10), gone(key('a', 'two'), 10)])
      t.match(await ledger.counts(), [
        { channel: 'one', friend: 1, gone: 0, pending: 1 },
        { channel: 'two', friend: 0, gone: 1, pending: 1 },
      ])
    })

    t.test('everything is there after reopening', async (t) => {
      await ledger.record([friend(key('a'), 10), gone(key('b'), 10)])
      const before = [await ledger.due(10), await ledger.counts(), await ledger.oldestPendingMs()]
      await ledger.close()
      ledger = await reopen()
      t.strictSame([await ledger.due(10), await ledger.counts(), await ledger.oldestPendingMs()], before)
    })

    const hold = (of: Ledger, holder: string, name = 'x') => of.holdLease(name, holder, 1_000, AFTERMATH)
    const MINE = { held: true, quietMs: 0 }
    const THEIRS = { held: false, quietMs: 0 }

    t.test('a lease is had by one, renewed by the same, and free when it has run out', async (t) => {
      const other = await reopen()
      t.teardown(() => other.close())
      t.strictSame(await hold(ledger, 'me'), MINE)
      now += 999
      t.strictSame(await hold(other, 'you'), THEIRS)
      t.strictSame(await hold(ledger, 'me'), MINE, 'renewed')
      now += 1_000
      t.strictSame(await hold(other, 'you'), { held: true, quietMs: AFTERMATH.lostMs }, 'ran out')
      t.strictSame(await hold(ledger, 'me'), THEIRS)
      t.match(await hold(other, 'you', 'y'), { held: true }, 'another lease')
    })

    t.test('durations may be fractions of a millisecond', async (t) => {
      t.match(await ledger.holdLease('x', 'me', 1_000.5, { endedMs: 0.5, lostMs: 0.5 }), { held: true })
      await ledger.releaseLease('x', 'me', 0.5)
      await ledger.record([friend(key('a'), 5)])
      const [contact] = await ledger.due(1)
      if (!contact) throw new Error('nobody is due')
      await ledger.acknowledge([{ ...contact, failure: null }], 0.5)
      await ledger.clampDue(0.5)
    })

    t.test('a lease that was given back can be had at once', async (t) => {
      const other = await reopen()
      t.teardown(() => other.close())
      await hold(ledger, 'me')
      await other.releaseLease('x', 'you', 0)
      t.strictSame(await hold(other, 'you'), THEIRS, 'only its holder gives it back')
      await ledger.releaseLease('x', 'me', 0)
      t.strictSame(await hold(other, 'you'), MINE)
      await other.releaseLease('x', 'you', 300)
      now += 100
      t.strictSame(await hold(ledger, 'me'), { held: true, quietMs: 200 }, 'what it did has not settled')
    })

    t.test('what former holders did is waited for by every later one, until it has settled', async (t) => {
      const [second, third] = await Promise.all([reopen(), reopen()])
      t.teardown(() => Promise.all([second.close(), third.close()]))
      await hold(ledger, 'me')
      now += 1_000
      t.match(await hold(second, 'you'), { quietMs: AFTERMATH.lostMs })
      now += 100
      t.match(await hold(second, 'you'), { quietMs: AFTERMATH.lostMs - 100 }, 'renewed meanwhile')
      await second.releaseLease('x', 'you', 0)
      t.match(
        await hold(third, 'they'),
        { held: true, quietMs: AFTERMATH.lostMs - 100 },
        'given back meanwhile',
      )
      now += AFTERMATH.lostMs
      t.strictSame(await hold(third, 'they'), MINE)
    })

    t.test('a holder that has ended leaves its lease to the next one at once', async (t) => {
      const other = await reopen()
      await hold(other, 'you')
      t.strictSame(await hold(ledger, 'me'), THEIRS)
      await other.close()
      t.strictSame(await hold(ledger, 'me'), { held: true, quietMs: AFTERMATH.endedMs })
      now += AFTERMATH.endedMs
      t.strictSame(await hold(ledger, 'me'), MINE)
    })

    t.test(
      'a holder that let its lease run out, and lives, is not taken for one that has ended',
      async (t) => {
        const other = await reopen()
        t.teardown(() => other.close())
        await hold(ledger, 'me')
        now += 1_000
        t.match(await hold(other, 'you'), { held: true, quietMs: AFTERMATH.lostMs })
        t.strictSame(await hold(ledger, 'me'), THEIRS)
        t.match(await hold(other, 'you'), { held: true })
        t.strictSame(await hold(ledger, 'me'), THEIRS)
      },
    )

    t.test('a lease that a wrong clock has dated holds nobody back', async (t) => {
      const other = await reopen()
      t.teardown(() => other.close())
      now += 86_400_000
      await hold(ledger, 'me')
      await ledger.releaseLease('x', 'me', 1_000)
      await hold(ledger, 'me')
      now -= 86_400_000
      t.strictSame(await hold(other, 'you'), { held: true, quietMs: AFTERMATH.lostMs })
    })

    t.test('of many who ask for a free lease one gets it', async (t) => {
      const others = await Promise.all([reopen(), reopen(), reopen()])
      t.teardown(() => Promise.all(others.map((other) => other.close())))
      const answers = await Promise.all(others.map((other, i) => hold(other, `holder ${i}`)))
      t.equal(answers.filter(({ held }) => held).length, 1)
    })

    t.test('what an acknowledgement says counts for every question that is asked after it', async (t) => {
      await ledger.record(friends(users(500), 10))
      const answered = new Set<string>()
      for (let left = 500; left > 0; left -= 50) {
        // Asked before, it may know of it or not; asked after, it must.
        const [before, batch] = [ledger.due(1_000), await ledger.due(50)]
        const kept = accept(batch)
        const meanwhile = ledger.due(1_000)
        await kept
        for (const { address } of batch) answered.add(nameOf(address))
        const after = await ledger.due(1_000)
        t.equal(after.length, left - 50)
        t.notOk(after.some(({ address }) => answered.has(nameOf(address))))
        for (const asked of [await before, await meanwhile]) t.ok(asked.length >= left - 50)
      }
    })

    t.test('listeners hear of commits that stored evidence', async (t) => {
      let heard = 0
      const stop = ledger.onRecorded(() => heard++)
      await ledger.record([friend(key('a'), 10)])
      t.equal(heard, 1)
      await ledger.probe()
      await acceptAll()
      await ledger.record([])
      t.equal(heard, 1)
      stop()
      await ledger.record([friend(key('b'), 10)])
      t.equal(heard, 1)
    })

    t.test('a listener that throws turns no commit into a rejection', async (t) => {
      const failure = new Error('a fault of the listener')
      const uncaught = Promise.withResolvers<unknown>()
      process.setUncaughtExceptionCaptureCallback(uncaught.resolve)
      t.teardown(() => process.setUncaughtExceptionCaptureCallback(null))
      ledger.onRecorded(() => {
        throw failure
      })
      await ledger.record([friend(key('a'), 10)])
      t.equal(await uncaught.promise, failure, 'it is nobody else to blame, and not swallowed')
      t.equal((await due()).length, 1)
    })

    t.test('after closing, calls are refused and nobody waits for ever', async (t) => {
      const other = await reopen()
      const under = other.record([friend(key('a'), 10)])
      await other.close()
      await under
      await t.rejects(other.record([friend(key('b'), 10)]), { name: 'LedgerError' })
      await t.rejects(other.counts(), { name: 'LedgerError' })
      t.equal((await due()).length, 1, 'what was called before is stored')
    })

    t.test('after closing, what brings some at a time is refused to whoever looks at it', async (t) => {
      const run = await ledger.beginRun('backfill', 'default', 10)
      await ledger.record(friends(users(3)))
      const other = await reopen()
      const begun = other.profiles('default')[Symbol.asyncIterator]()
      await begun.next()
      await other.close()
      const refusal = { name: 'LedgerError' }
      for (const stream of [
        other.profiles('default'),
        other.links('default'),
        other.dump(),
        other.clearAbsent(run.id),
      ])
        await t.rejects(Array.fromAsync<unknown>(stream), refusal)
      await t.rejects(begun.next(), refusal, 'in the middle of it, too')
      other.profiles('default')
      await new Promise(setImmediate)
      t.pass('nobody has to look')
    })

    t.test(
      'any evidence, in any calls, leaves what merging it says: status, counts and what is due',
      async () => {
        const users = ['u1', 'u2', 'u3']
        const moment = fc.integer({ min: 1, max: 5 })
        const evidence = fc
          .tuple(fc.constantFrom(...users), fc.constantFrom(friend, messaged, gone), moment)
          .map(([userId, observe, at]) => observe(key(userId), at))
        let run = 0
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.array(evidence, { maxLength: 4 }), { maxLength: 6 }),
            async (calls) => {
              const channel = `run ${run++}`
              const inChannel = (e: Evidence) => ({ ...e, channel })
              for (const call of calls) await ledger.record(call.map(inChannel))
              const truth = new Map<string, Evidence>()
              for (const e of calls.flat()) {
                const known = truth.get(e.userId)
                truth.set(e.userId, known ? { ...e, ...merge(known, e) } : e)
              }
              const counts = (await ledger.counts()).find((count) => count.channel === channel)
              for (const status of STATUSES) {
                const expected = [...truth.values()].filter((e) => statusOf(e) === status).length
                if ((counts?.[status] ?? 0) !== expected) return false
              }
              const dueNow = (await ledger.due(10_000)).filter((contact) => contact.channel === channel)
              await accept(dueNow)
              return (
                dueNow.length === truth.size &&
                dueNow.every(
                  ({ address, value }) =>
                    (value !== null) === (statusOf(truth.get(nameOf(address)) as Evidence) !== 'gone'),
                )
              )
            },
          ),
          { numRuns: 50 },
        )
      },
    )
  })
}
