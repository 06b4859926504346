import t from 'tap'
import { friend, gone } from '../../src/contact/contact.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { hold, SETTLE_MS, setUp } from '../harness/delivery.ts'
import { friends, key, users } from '../harness/people.ts'

/** One may be luck. On a machine that is busy it takes more of them until so many were quick. */
const IN_A_ROW = 3
const MOST = 500

t.test('a follow on an idle system is in the hands of Braze within 100 ms', async (t) => {
  const { braze, ledger, deliver } = await setUp(t, {}, { isReal: true })
  deliver()
  await ledger.record(friends(['first']))
  await braze.until(() => braze.hasProfile('first'))
  const latencies: number[] = []
  const wereQuick = () => latencies.length >= IN_A_ROW && latencies.slice(-IN_A_ROW).every((ms) => ms < 100)
  for (let i = 0; i < MOST && !wereQuick(); i++) {
    const userId = `u${i}`
    const startedAt = performance.now()
    await ledger.record(friends([userId]))
    await braze.until(() => braze.hasProfile(userId))
    latencies.push(performance.now() - startedAt)
  }
  t.ok(wereQuick(), `${latencies.map(Math.round)} ms`)
})

t.test('batches of at most 75, over at most the connections allowed', async (t) => {
  const { braze, ledger, deliver, delivered } = await setUp(t, { latencyMs: 20 }, { isReal: true })
  await ledger.record(friends(users(2_000)))
  deliver()
  await delivered()
  t.equal(braze.profiles, 2_000)
  t.equal(Math.max(...braze.requests.map(({ objects }) => objects.length)), 75)
  t.equal(braze.stats.requests, Math.ceil(2_000 / 75))
  t.ok(braze.stats.maxInFlight > 1 && braze.stats.maxInFlight <= 8, `${braze.stats.maxInFlight} in flight`)
})

t.test('toggles end as the newest evidence says, with a settle pause between two writes', async (t) => {
  const { braze, ledger, deliver, delivered } = await setUp(
    t,
    { applyMs: [0, SETTLE_MS - 50] },
    { isReal: true },
  )
  deliver()
  for (let at = 1; at <= 40; at++) {
    await ledger.record(users(20).map((userId, i) => ((at + i) % 2 ? friend : gone)(key(userId), at)))
  }
  await delivered()
  await braze.whenApplied()
  for (const [i, userId] of users(20).entries()) {
    t.equal(braze.attribute(userId) ?? null, i % 2 ? userId : null, userId)
  }
})

t.test('each way in which Braze may fail is survived', async (t) => {
  const failures = ['html', 'empty', 'half', 'huge', 'hang', 'reset', 'not-json'] as const
  for (const kind of failures) {
    await t.test(kind, async (t) => {
      const { braze, ledger, deliver, delivered, said, time } = await setUp(
        t,
        {},
        { timeoutMs: kind === 'hang' ? 1_500 : 10_000 },
      )
      braze.answerNext({ kind, status: 201, apply: true })
      deliver()
      await ledger.record(friends(['u']))
      await delivered()
      t.equal(braze.attribute('u'), 'u')
      t.equal(braze.stats.requests, 2)
      t.ok(time.monotonic() <= 1_100, `the first retry comes after at most a second: ${time.monotonic()} ms`)
      t.match(said, [/delivery waits .*Braze/])
    })
  }
  for (const status of [301, 408, 500, 503]) {
    await t.test(`status ${status}`, async (t) => {
      const { braze, ledger, deliver, delivered } = await setUp(t)
      braze.answerNext({ status, headers: { location: '/elsewhere' }, body: { message: 'success' } })
      deliver()
      await ledger.record(friends(['u']))
      await delivered()
      t.equal(braze.attribute('u'), 'u')
    })
  }
})

t.test('a change while the fate of a write is unknown waits until that has settled', async (t) => {
  const { braze, ledger, deliver, delivered, until } = await setUp(t)
  braze.answerNext({ kind: 'reset', apply: true })
  deliver()
  await ledger.record(friends(['u']))
  await until(() => braze.stats.requests === 1)
  await ledger.record([gone(key('u'), 2_000)])
  await delivered()
  t.strictSame(
    braze.writesOf('u').map(({ value }) => value),
    ['u', null],
  )
  t.equal(braze.attribute('u'), undefined)
})

t.test('a contact that Braze rejects is kept with its words and holds nobody up', async (t) => {
  const { braze, ledger, deliver, delivered, said } = await setUp(t)
  braze.rejectUser('u3', 'the alias u3 is bad')
  deliver()
  await ledger.record(friends(users(10)))
  await delivered()
  t.match(await ledger.counts(), [{ pending: 0, failed: 1 }])
  t.equal(braze.profiles, 9)
  t.match(said, [/Braze rejects a contact .*the alias <user id> is bad/], 'without the user id')
  braze.acceptUser('u3')
  await ledger.record([gone(key('u3'), 2_000)])
  await delivered()
  t.match(await ledger.counts(), [{ pending: 0, failed: 0 }], 'a change is tried')
})

t.test('a batch that is refused as a whole is halved until the bad contact is alone', async (t) => {
  const { braze, ledger, deliver, delivered } = await setUp(t)
  braze.refuseUser('u42')
  await ledger.record(friends(users(75)))
  deliver()
  await delivered()
  t.match(await ledger.counts(), [{ pending: 0, failed: 1 }])
  t.equal(braze.profiles, 74)
  t.ok(braze.stats.requests <= 2 * Math.ceil(Math.log2(75)) + 1, `${braze.stats.requests} requests`)
})

t.test('errors that name no item are narrowed down in the same way', async (t) => {
  const { braze, ledger, deliver, delivered } = await setUp(t, { settleMs: 0 })
  braze.errorsWithoutIndex(true)
  braze.rejectUser('u7', 'bad')
  await ledger.record(friends(users(20)))
  deliver()
  await delivered()
  t.match(await ledger.counts(), [{ pending: 0, failed: 1 }])
  t.equal(braze.profiles, 19)
})

t.test('all items invalid', async (t) => {
  const { braze, ledger, deliver, delivered } = await setUp(t)
  for (const userId of users(3)) braze.rejectUser(userId, 'bad')
  await ledger.record(friends(users(3)))
  deliver()
  await delivered()
  t.match(await ledger.counts(), [{ pending: 0, failed: 3 }])
  t.equal(braze.stats.byStatus[400], 1 + 3, 'together, and then one by one')
})

t.test('both dialects of the limit are kept', async (t) => {
  // By the sandbox's clock: at once, since each has to wait.
  const check = async (dialect: 'epoch' | 'seconds') => {
    const { braze, ledger, deliver, delivered } = await setUp(t, {}, { isReal: true })
    braze.setLimit({ dialect, requests: 3, perMs: 3_000 })
    await ledger.record(friends(users(75 * 6)))
    deliver()
    await delivered()
    t.equal(braze.profiles, 75 * 6, dialect)
    t.ok((braze.stats.byStatus[429] ?? 0) <= 3, 'none was sent before the limit was reset')
  }
  await Promise.all([check('epoch'), check('seconds')])
})

t.test('a 429 that says nothing is backed off from', async (t) => {
  const { braze, ledger, deliver, delivered, sentAt } = await setUp(t)
  braze.answerNext({ status: 429, body: '' })
  deliver({ random: () => 1 })
  await ledger.record(friends(['u']))
  await delivered()
  t.equal(braze.attribute('u'), 'u')
  const [first = 0, second = 0] = sentAt
  t.ok(second - first >= 1_000, 'a second, with the jitter of this test')
})

t.test('our own limit of requests per second', async (t) => {
  const { ledger, deliver, delivered, sentAt } = await setUp(t)
  await ledger.record(friends(users(75 * 10)))
  deliver({ requestsPerSecond: 20 })
  await delivered()
  t.equal(sentAt.length, 10)
  for (const [i, at] of sentAt.entries()) if (i > 0) t.ok(at - (sentAt[i - 1] ?? 0) >= 50, `${at} ms`)
})

t.test('a limit that is used up hides neither a refusal nor a failure', async (t) => {
  const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' }
  for (const [status, state] of [
    [401, 'paused'],
    [500, 'waiting'],
  ] as const) {
    const { braze, ledger, deliver, until } = await setUp(t)
    braze.setOutage({ status, headers })
    const deliverer = deliver()
    await ledger.record(friends(['u']))
    await until(() => deliverer.delivery().reason !== null)
    t.match(deliverer.delivery(), { state, reason: new RegExp(`Braze answers ${status}`) })
  }
})

t.test('a proxy that refuses everything with its own page costs time, and no contact', async (t) => {
  const { braze, ledger, deliver, delivered, until } = await setUp(t)
  braze.setOutage({ kind: 'html', status: 400 })
  deliver()
  await ledger.record(friends(users(100)))
  await until(() => (braze.stats.byStatus[400] ?? 0) >= 2)
  braze.setOutage(null)
  await delivered()
  t.equal(braze.profiles, 100)
  t.match(await ledger.counts(), [{ failed: 0 }])
})

t.test('a Braze that refuses one contact after the other is paused at, before all have failed', async (t) => {
  const { braze, ledger, deliver, delivered, until, time } = await setUp(t)
  const deliverer = deliver()
  for (const userId of users(40)) braze.refuseUser(userId)
  await ledger.record(friends(users(40)))
  await until(() => deliverer.delivery().state === 'paused')
  const [counts] = await ledger.counts()
  t.ok((counts?.failed ?? 40) <= 3 + 8, `${counts?.failed} failed`)
  for (const userId of users(40)) braze.acceptUser(userId)
  const pausedAt = time.monotonic()
  await delivered()
  t.ok(time.monotonic() - pausedAt >= 30_000, 'it tries again after half a minute')
  t.equal(braze.profiles, 40 - (counts?.failed ?? 0))
})

t.test('a contact over which Braze stumbles is alone soon, and does not hold up the others', async (t) => {
  const { braze, ledger, deliver, until } = await setUp(t)
  deliver({ random: () => 0 })
  braze.refuseUser('u5', 500)
  await ledger.record(friends(users(6)))
  await until(() => braze.profiles === 5)
  await ledger.record(friends(users(20, 'v')))
  await until(() => braze.profiles === 25)
  await until(async () => (await ledger.counts())[0]?.pending === 1)
  t.match(await ledger.counts(), [{ pending: 1, failed: 0 }], 'and it is tried on and on')
})

t.test('401, 403 and 404 stop delivery and not intake, and it is tried again', async (t) => {
  for (const status of [401, 403, 404]) {
    await t.test(String(status), async (t) => {
      const { braze, ledger, deliver, delivered, until, time } = await setUp(t)
      const deliverer = deliver()
      braze.setOutage({ status })
      await ledger.record(friends(users(3)))
      await until(() => braze.stats.byStatus[status] === 1)
      await ledger.record(friends(users(3, 'v')))
      t.match(deliverer.delivery(), { state: 'paused', reason: new RegExp(`Braze answers ${status}`) })
      t.match(await ledger.counts(), [{ pending: 6 }])
      t.equal(braze.stats.requests, 1, 'nothing more is sent')
      braze.setOutage(null)
      const pausedAt = time.monotonic()
      await delivered()
      t.ok(time.monotonic() - pausedAt >= 30_000, 'it is tried again after half a minute')
      t.equal(braze.profiles, 6)
      t.match(deliverer.delivery(), { state: 'delivering', reason: null })
    })
  }
})

t.test('an outage with many changes, then all is well', async (t) => {
  const { braze, ledger, deliver, delivered, until } = await setUp(t)
  braze.setOutage({ status: 503 })
  const deliverer = deliver()
  for (let at = 1; at <= 100; at++) {
    await ledger.record(users(30).map((userId, i) => ((at + i) % 3 ? friend : gone)(key(userId), at)))
  }
  await until(() => (braze.stats.byStatus[503] ?? 0) >= 2)
  t.match(deliverer.delivery(), { state: 'waiting' })
  braze.setOutage(null)
  await delivered()
  t.equal(braze.stats.objects, 30, 'a hundred toggles are one write')
  for (const [i, userId] of users(30).entries()) {
    t.equal(braze.attribute(userId) ?? null, (100 + i) % 3 ? userId : null)
  }
})

t.test('what a vague answer may have stored is not written over before it has settled', async (t) => {
  const { braze, ledger, deliver, delivered, until, sentAt } = await setUp(t)
  const vague = { message: 'success', attributes_processed: 1, errors: ['something'] }
  braze.answerNext({ status: 201, body: vague, apply: true })
  braze.answerNext({ status: 429, headers: { 'retry-after': '0.05' }, body: '' }, 2)
  await ledger.record(friends(users(2)))
  deliver()
  await until(() => braze.stats.requests >= 2)
  await ledger.record(users(2).map((userId) => gone(key(userId), 2_000)))
  await delivered()
  const writes = braze.writesOf('u0')
  t.match([writes[0], writes.at(-1)], [{ value: 'u0' }, { value: null }])
  t.ok((sentAt.at(-1) ?? 0) - (sentAt[0] ?? 0) >= SETTLE_MS, 'the opposite waited for the settle pause')
})

t.test('a ledger that fails right after the lease was got leaves no doubt who delivers', async (t) => {
  const { braze, ledger, deliver, delivered } = await setUp(t)
  let failures = 1
  const clampDue = async (ms: number) => {
    if (failures-- > 0) throw new Error('busy')
    return ledger.clampDue(ms)
  }
  const deliverer = deliver({ ledger: { ...ledger, clampDue } })
  await ledger.record(friends(['u']))
  await delivered()
  t.equal(braze.attribute('u'), 'u')
  t.equal(deliverer.delivery().state, 'delivering')
  await deliverer.stop()
  t.match(await hold(ledger, 'next'), { held: true, quietMs: 0 })
})

t.test('a process on standby does not ask for the lease at each commit', async (t) => {
  const { ledger, deliver, until, time } = await setUp(t)
  await hold(ledger, 'another', 60_000)
  let asked = 0
  const holdLease: Ledger['holdLease'] = (...args) => {
    asked += 1
    return ledger.holdLease(...args)
  }
  deliver({ ledger: { ...ledger, holdLease } })
  for (let at = 1; at <= 200; at++) await ledger.record([friend(key('u'), at)])
  t.equal(asked, 1)
  await until(() => time.monotonic() >= 3_000)
  t.equal(asked, 4, 'but once a second')
})

t.test('one deliverer at a time', async (t) => {
  const { braze, ledger, deliver, delivered } = await setUp(t)
  const first = deliver()
  await ledger.record(friends(users(10)))
  await delivered()
  const second = deliver()
  await ledger.record(friends(users(10, 'v')))
  await delivered()
  t.equal(second.delivery().state, 'standby')
  await first.stop()
  await ledger.record(friends(users(10, 'w')))
  await delivered()
  t.equal(second.delivery().state, 'delivering', 'the lease was given back')
  t.equal(braze.profiles, 30)
})

t.test('what a process that hangs left is taken over, once its requests must have settled', async (t) => {
  const { braze, ledger, deliver, delivered, sentAt } = await setUp(t)
  await ledger.record(friends(users(10)))
  await hold(ledger, 'hangs', 200)
  const deliverer = deliver()
  await delivered()
  t.ok((sentAt[0] ?? 0) >= 200 + SETTLE_MS + 1_000, 'not before the lease and the settle pause are over')
  t.equal(braze.profiles, 10)
  t.equal(deliverer.delivery().state, 'delivering')
})

t.test('the next one waits until a write of unknown fate has settled', async (t) => {
  const { braze, ledger, deliver, until } = await setUp(t)
  const deliverer = deliver()
  braze.setOutage({ kind: 'reset', apply: true })
  await ledger.record(friends(['u']))
  await until(() => braze.stats.requests === 1)
  await deliverer.stop()
  const { held, quietMs } = await hold(ledger, 'next')
  t.ok(held && quietMs > 0 && quietMs <= SETTLE_MS, `${quietMs} ms`)
})

t.test('stopping finishes what is in flight', async (t) => {
  const { braze, ledger, deliver } = await setUp(t, { latencyMs: 100 })
  const deliverer = deliver()
  await ledger.record(friends(users(10)))
  await braze.until(() => braze.stats.inFlight === 1)
  await deliverer.stop()
  t.match(await ledger.counts(), [{ pending: 0 }])
  t.match(await hold(ledger, 'next'), { held: true, quietMs: 0 })
})
