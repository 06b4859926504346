import { join } from 'node:path'
import t, { type Test } from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { sayDelivery, standing } from '../../src/desk/status.ts'
import { DELIVERY_LEASE, type ServerReport } from '../../src/ledger/ledger.ts'
import { folder } from '../harness/files.ts'
import { openInline } from '../harness/ledger.ts'
import { key } from '../harness/people.ts'

const NOW = Date.UTC(2027, 0, 10, 18)
const iso = (agoMs: number) => new Date(NOW - agoMs).toISOString()

async function setUp(t: Test) {
  let now = NOW
  const clock = () => now
  const ledger = await openInline({ url: `file:${join(folder(t), 'ledger.db')}`, clock })
  t.teardown(() => ledger.close())
  const report = (more: Partial<ServerReport> = {}) =>
    ledger.report({
      id: 'server-1',
      version: '1.2.3',
      upMs: 60_000,
      state: 'delivering',
      reason: null,
      activity: [],
      ...more,
    })
  return {
    ledger,
    report,
    later(ms: number) {
      now += ms
    },
    read: (more: Partial<Parameters<typeof standing>[0]> = {}) =>
      standing({ ledger, channels: ['default'], clock, ...more }),
  }
}

t.test('of a ledger in which there is nobody', async (t) => {
  const { read } = await setUp(t)
  t.strictSame(await read(), {
    at: iso(0),
    channels: [
      {
        channel: 'default',
        friend: 0,
        messager: 0,
        gone: 0,
        pending: 0,
        failed: 0,
        linked: 0,
        waiting: 0,
        lastWebhookAt: null,
        lastDeliveryAt: null,
        token: null,
      },
    ],
    pending: 0,
    oldestPendingSeconds: null,
    failed: 0,
    forgetting: { open: 0, oldestSeconds: 0 },
    delivery: { state: 'nobody', reason: null, server: null, seenSeconds: null, isSilent: false },
    servers: [],
    runs: [],
    growth: null,
  })
})

t.test('who is being forgotten, of the channels that are shown', async (t) => {
  const { ledger, read, later } = await setUp(t)
  for (const each of [key('a'), key('b'), key('c', 'other')]) {
    await ledger.record([friend(each, 5)])
    await ledger.forget(each, { deletesProfile: false, lifeMs: 1_000 })
    later(1_000)
  }
  t.strictSame((await read()).forgetting, { open: 3, oldestSeconds: 3 })
  t.strictSame((await read({ channels: ['other'], isChosen: true })).forgetting, {
    open: 1,
    oldestSeconds: 1,
  })
})

t.test('people, what waits, and what was last', async (t) => {
  const { ledger, report, read, later } = await setUp(t)
  await ledger.record([friend(key('a'), 5), messaged(key('b'), 5), gone(key('c'), 5)])
  await ledger.record([friend(key('x', 'other'), 5)])
  const due = await ledger.due(10)
  const failure = (userId: string) => (userId === 'a' ? 'no' : null)
  await ledger.acknowledge(
    due
      .filter(({ channel }) => channel === 'default')
      .map(({ id, revision, address }) => ({
        id,
        revision,
        failure: failure('userId' in address ? address.userId : ''),
      })),
    0,
  )
  await ledger.keepToken('default', { keyId: 'k1', leftMs: 86_400_000, isWritten: true })
  await ledger.keepToken('other', { keyId: 'k2', leftMs: 86_400_000, isWritten: false })
  later(2_000)
  await report({ activity: [{ channel: 'default', webhookMs: 500, deliveredMs: 300 }] })
  t.match(await read(), {
    channels: [
      {
        channel: 'default',
        friend: 1,
        messager: 1,
        gone: 1,
        pending: 0,
        failed: 1,
        lastWebhookAt: iso(-1_500),
        lastDeliveryAt: iso(-1_700),
        token: { keyId: 'k1', secondsLeft: 86_398 },
      },
      { channel: 'other', friend: 1, pending: 1, lastWebhookAt: null, token: null },
    ],
    pending: 1,
    oldestPendingSeconds: 2,
    failed: 1,
  })
  const chosen = await read({ isChosen: true })
  t.strictSame(
    chosen.channels.map(({ channel }) => channel),
    ['default'],
  )
  t.match(chosen, { pending: 0, failed: 1 })
})

t.test('who delivers, and who has gone silent', async (t) => {
  const { ledger, report, read, later } = await setUp(t)
  const aftermath = { endedMs: 0, lostMs: 0 }
  await report({ id: 'server-2', state: 'standby' })
  await report({ state: 'paused', reason: 'The key is wrong.' })
  await ledger.holdLease(DELIVERY_LEASE, 'server-1', 60_000, aftermath)
  const { delivery, servers } = await read()
  t.strictSame(delivery, {
    state: 'paused',
    reason: 'The key is wrong.',
    server: 'server-1',
    seenSeconds: 0,
    isSilent: false,
  })
  t.match(sayDelivery(delivery), /paused until somebody has mended something: The key is wrong\.$/)
  t.match(servers, [
    { id: 'server-1', version: '1.2.3', startedAt: iso(60_000), seenAt: iso(0), isSilent: false },
    { id: 'server-2', state: 'standby' },
  ])
  later(31_000)
  await report({ id: 'server-2', state: 'standby' })
  const later31 = await read()
  t.match(later31.delivery, { seenSeconds: 31, isSilent: true })
  t.match(later31.servers, [
    { id: 'server-2', isSilent: false },
    { id: 'server-1', isSilent: true },
  ])
  t.match(sayDelivery(later31.delivery), /said nothing for 31 seconds/)
  later(60_000)
  t.match((await read()).delivery, { state: 'nobody' }, 'its lease has run out')
})

t.test('the last runs, and growth where it is asked for', async (t) => {
  const { ledger, read, later } = await setUp(t)
  const run = await ledger.beginRun('backfill', 'default', 50)
  await ledger.recordPages(run.id, [{ userIds: ['a', 'b'], invalid: 0, next: null }])
  later(3_000)
  await ledger.endRun(run.id, 'complete')
  await ledger.beginRun('links', 'default', 70)
  await ledger.keepSample()
  const { runs, growth } = await read({ days: 2 })
  t.match(runs, [
    { kind: 'links', state: 'listing', beganAt: iso(-3_000), endedAt: null },
    { kind: 'backfill', state: 'complete', beganAt: iso(0), endedAt: iso(-3_000), listed: 2, added: 2 },
  ])
  t.match(growth, [{ day: '2027-01-11', listed: 2, reachable: 2 }])
  t.equal((await read({ runsLimit: 1 })).runs.length, 1)
})
