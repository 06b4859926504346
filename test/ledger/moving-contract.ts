import t from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { DELIVERY_LEASE, type DueProfile, type Ledger } from '../../src/ledger/ledger.ts'
import { COPIER, type LedgerPart } from '../../src/ledger/records.ts'
import { ACCOUNT, friends, key, nameOf, users } from '../harness/people.ts'
import type { Subject } from './contract.ts'

const NOW = 1_800_000_000_000
const SETTLE_MS = 5_000
const NO_AFTERMATH = { endedMs: 0, lostMs: 0 }

type Create = () => Promise<Subject>

/** What holds of a whole ledger that is read from one database and stored in another. */
export function movingContract(name: string, createSource: Create, createTarget: Create) {
  t.test(`moving, ${name}`, async (t) => {
    const clock = { now: NOW }
    async function open(create: Create): Promise<Ledger> {
      const subject = await create()
      const ledger = await subject.open(() => clock.now)
      t.teardown(async () => {
        await ledger.close()
        await subject.remove()
      })
      return ledger
    }
    const [from, to] = [await open(createSource), await open(createTarget)]
    await live(from, clock)

    t.test('a dump that is loaded is dumped the same, and counts the same', async (t) => {
      const all = (await dumped(from)).join('\n')
      for (const some of [
        '"isHolder",true',
        '"isAsked":true',
        '"failure","Braze',
        '"hasHolder",true',
        '"target","c7"',
        '"state","done"',
        '"userId","being forgotten"',
        '["series",',
        '["activity",',
        '["blocked",4],["channel","default"],["followed",7],["lapsed",0],["listed",4500]',
      ]) {
        t.ok(all.includes(some), `something of everything is there: ${some}`)
      }
      await move(from, to)
      t.strictSame(await dumped(to), await dumped(from))
      t.strictSame(await described(to), await described(from))
    })

    t.test('once more, also after more has happened', async (t) => {
      await move(from, to)
      t.strictSame(await dumped(to), await dumped(from))
      clock.now += SETTLE_MS
      await accept(from)
      await from.record([gone(key('linked-0'), 60), gone(key('u1'), 60), friend(key('late'), 60)])
      await from.link([{ ...key('linked-1'), externalId: 'c0', linkedAt: null }])
      await from.link([{ ...key('merged'), externalId: null, linkedAt: null }])
      clock.now += SETTLE_MS
      await accept(from)
      await move(from, to)
      t.strictSame(await dumped(to), await dumped(from))
      t.strictSame(await described(to), await described(from))
    })

    t.test('half of one is not worked with, and goes on', async (t) => {
      const other = await open(createTarget)
      const parts = await Array.fromAsync(from.dump())
      const half = Math.floor(parts.length / 2)
      for (const part of parts.slice(0, half)) await other.load(part)
      await t.rejects(other.moveIn(), /not finished/)
      await move(from, other)
      t.strictSame(await dumped(other), await dumped(from))
      await other.moveIn()
    })

    t.test('what is no copy of it, or is one that was worked with, is refused', async (t) => {
      const [first] = await Array.fromAsync(from.dump())
      await t.rejects(from.load(first as LedgerPart), /is the database that is to be copied/)
      const other = await open(createTarget)
      await other.record([friend(key('a'), 5)])
      await t.rejects(other.load(first as LedgerPart), /no copy of this one/)
      const served = await open(createTarget)
      await served.holdLease(DELIVERY_LEASE, 'server', 60_000, NO_AFTERMATH)
      await t.rejects(served.load(first as LedgerPart), /A server or a run is at work/)
      const moved = await open(createTarget)
      await move(from, moved)
      await moved.moveIn()
      await t.rejects(moved.load(first as LedgerPart), /worked with/)
      const [, ...rest] = await Array.fromAsync(from.dump())
      await t.rejects(moved.load(rest[0] as LedgerPart), /worked with/, 'nor by a copy that is under way')
    })

    t.test('one that moves out stores nothing more, in no process, until it is opened again', async (t) => {
      const subject = await createSource()
      t.teardown(subject.remove)
      const [copying, standby] = [await subject.open(() => clock.now), await subject.open(() => clock.now)]
      t.teardown(() => Promise.all([copying.close(), standby.close()]))
      await standby.record([friend(key('a'), 5)])
      await standby.link([{ ...key('a'), externalId: 'c1', linkedAt: 30 }])
      const run = await standby.beginRun('backfill', 'default', 50)
      const before = await dumped(copying)

      t.equal(await copying.moveOut(true), false)
      t.equal(await copying.moveOut(true), true, 'it says that it was closed before')
      const stores: (() => Promise<unknown>)[] = [
        () => standby.record([friend(key('b'), 5)]),
        () => standby.record([gone(key('a'), 60)]),
        () => standby.link([{ ...key('a'), externalId: 'c2', linkedAt: null }]),
        () => standby.addNonce('nonce', 'default', 'c1', 900_000),
        () => standby.linkOnce('proof', { ...key('a'), externalId: 'c2' }, 900_000),
        () => standby.claimAccount('default', ACCOUNT, true),
        () => standby.beginRun('links', 'default'),
        () => standby.recordPages(run.id, [{ userIds: ['c'], invalid: 0, next: null }]),
        () => standby.holdLease(DELIVERY_LEASE, 'server', 60_000, NO_AFTERMATH),
        () => standby.probe(),
        () => standby.moveIn(),
      ]
      for (const store of stores)
        await t.rejects(store(), { name: 'LedgerError', message: /was copied into another one/ })
      t.match(await copying.holdLease(DELIVERY_LEASE, COPIER, 60_000, NO_AFTERMATH), { held: true })
      await copying.releaseLease(DELIVERY_LEASE, COPIER, 0)
      t.strictSame(await dumped(copying), before)

      t.equal(await copying.moveOut(false), true)
      await standby.moveIn()
      await standby.probe()
      await standby.record([friend(key('b'), 5)])
      t.match(await standby.counts(), [{ friend: 2 }])
      t.match(await standby.holdLease(DELIVERY_LEASE, 'server', 60_000, NO_AFTERMATH), { held: true })
    })

    t.test('it is the same ledger afterwards', async (t) => {
      await to.moveIn()
      await Promise.all(
        [from, to].map((ledger) => ledger.holdLease(DELIVERY_LEASE, 'next', 600_000, NO_AFTERMATH)),
      )
      const steps: ((ledger: Ledger) => Promise<unknown>)[] = [
        (ledger) => ledger.record([friend(key('linked-0'), 90), gone(key('u2'), 90)]),
        (ledger) => ledger.link([{ ...key('u3'), externalId: 'c1', linkedAt: null }]),
        (ledger) => ledger.redeemNonce('nonce', key('u4'), NOW),
        accept,
        know,
        accept,
        accept,
        (ledger) => ledger.record(friends(['forgotten', 'being forgotten'], 20)),
      ]
      for (const step of steps) {
        for (const ledger of [from, to]) await step(ledger)
        clock.now += SETTLE_MS
        t.strictSame(await described(to), await described(from))
      }
      t.equal((await to.beginRun('links', 'default')).id, (await from.beginRun('links', 'default')).id)
    })
  })
}

/** Something of everything that can be. */
async function live(ledger: Ledger, clock: { now: number }) {
  await ledger.holdLease(DELIVERY_LEASE, 'first', 600_000, NO_AFTERMATH)
  await ledger.record(friends(['forgotten', 'being forgotten'], 10))
  await accept(ledger)
  for (const userId of ['forgotten', 'being forgotten'])
    await ledger.forget(key(userId), { deletesProfile: userId !== 'forgotten', lifeMs: 1e9 })
  clock.now += SETTLE_MS
  await accept(ledger)
  clock.now += SETTLE_MS
  for (const { receipt, deletesProfile } of await ledger.toForget(2))
    if (!deletesProfile) await ledger.erase(receipt, 'kept')
  await ledger.claimAccount('default', ACCOUNT, true)
  await ledger.claimAccount('other', 'U1', false)
  const run = await ledger.beginRun('backfill', 'default', 50)
  await ledger.recordPages(run.id, [{ userIds: users(4_500), invalid: 1, next: 'cursor' }])
  await ledger.record([
    ...friends(['linked-0', 'linked-1', 'linked-2', 'merged'], 10),
    messaged(key('w'), 20),
  ])
  await ledger.record([friend(key('x', 'other'), 5), gone(key('y', 'other'), 5)])
  await ledger.keepToken('default', { keyId: 'k1', leftMs: 1_000_000, isWritten: true })
  await ledger.keepToken('default', { keyId: 'k2', leftMs: 2_000_000, isWritten: false })
  await ledger.addNonce('nonce', 'default', 'c3', 900_000)
  await ledger.addNonce('other nonce', 'default', 'c4', 900_000)
  await ledger.linkOnce('proof', { ...key('linked-2'), externalId: 'c2' }, 900_000)
  await ledger.link([
    { ...key('linked-0'), externalId: 'c0', linkedAt: 30 },
    { ...key('linked-1'), externalId: 'c1', linkedAt: 30 },
    { ...key('merged'), externalId: 'c5', linkedAt: 30 },
    { ...key('never heard of'), externalId: 'c6', linkedAt: 30 },
    { ...key('u7'), externalId: null, linkedAt: 30 },
  ])
  await accept(ledger)
  await know(ledger)
  clock.now += SETTLE_MS
  await accept(ledger)
  clock.now += SETTLE_MS
  await accept(ledger)
  for (const { id } of await ledger.toMerge(1, ['identify']))
    await ledger.keepMerges([{ id, action: 'identify', outcome: 'asked', restMs: 60_000 }])
  await ledger.record([gone(key('u5'), 70), gone(key('linked-2'), 70)])
  const [rejected] = await ledger.due(1)
  if (rejected) {
    const { id, revision } = rejected
    await ledger.acknowledge([{ id, revision, failure: 'Braze says no' }], SETTLE_MS)
  }
  await ledger.link([{ ...key('linked-1'), externalId: 'c7', linkedAt: 80 }])
  await know(ledger)
  await ledger.keepSample()
  const activity = [{ channel: 'default', webhookMs: 5, deliveredMs: null }]
  await ledger.report({ id: 's', version: '1', upMs: 0, state: 'delivering', reason: null, activity })
}

async function accept(ledger: Ledger) {
  const answers = (await ledger.due(3_000)).map(({ id, revision }) => ({ id, revision, failure: null }))
  await ledger.acknowledge(answers, SETTLE_MS)
}

/** Braze knows all whom it is asked for but one. */
async function know(ledger: Ledger) {
  const customers = await ledger.toCheck(100)
  const checks = customers.map(({ id, externalId }) => ({ id, againMs: externalId === 'c2' ? 60_000 : null }))
  await ledger.keepChecks(checks)
}

async function move(from: Ledger, to: Ledger) {
  for await (const part of from.dump()) await to.load(part)
}

/** All but which ledger it is, in an order that both have. */
async function dumped(ledger: Ledger) {
  const parts = await Array.fromAsync(ledger.dump())
  const rows = parts.flatMap((part) =>
    'rows' in part ? part.rows.map((row) => JSON.stringify([part.kind, sorted(row)])) : [],
  )
  return rows.sort()
}

const sorted = (row: object) => Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))

/** What the ledger says through every other method, but for ids. */
async function described(ledger: Ledger) {
  const due = ({ id: _, mayHold: __, ...profile }: DueProfile) => JSON.stringify(profile)
  const links = (await Array.fromAsync(ledger.links('default'))).flat()
  const profiles = (await Array.fromAsync(ledger.profiles('default'))).flat()
  const names = <T>(all: readonly T[], name: (each: T) => unknown) =>
    all.map((each) => JSON.stringify(name(each))).sort()
  return {
    counts: await ledger.counts(),
    due: (await ledger.due(10_000)).map(due).sort(),
    nextDueMs: await ledger.nextDueMs(),
    oldestPendingMs: await ledger.oldestPendingMs(),
    links: names(links, ({ userId, externalId, linkedAt }) => [userId, externalId, linkedAt]),
    profiles: names(profiles, ({ id: _, address, ...profile }) => [
      nameOf(address),
      profile.value,
      profile.linkedTo,
      profile.failed,
      profile.settled,
    ]),
    checks: names(await ledger.toCheck(100), ({ externalId, tries }) => [externalId, tries]),
    merges: names(await ledger.toMerge(100, ['identify', 'look', 'rename']), ({ id: _, ...merge }) => [
      merge.userId,
      merge.externalId,
      merge.action,
      merge.tries,
    ]),
    nextMergeMs: await ledger.nextMergeMs(['identify', 'look', 'rename']),
    tokens: await ledger.tokens('default'),
    samples: await ledger.samples(0),
    activity: await ledger.activity(),
    run: await ledger.openRun('default'),
    outstanding: await ledger.outstanding(1),
    forgetting: await ledger.beingForgotten(),
  }
}
