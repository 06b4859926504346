import t from 'tap'
import { createBrazeClient } from '../../src/braze/client.ts'
import { friend } from '../../src/contact/contact.ts'
import { follow, hold, key, SETTLE_MS, setUp, users } from './setting.ts'

/** Lets everything run that waits for no timer and no socket. */
const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

t.test('while the ledger cannot keep what Braze says, nothing more is sent and paid for', async (t) => {
  const { braze, ledger, deliver, delivered, said } = await setUp(t)
  let isBroken = true
  let probes = 0
  const ifWell =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (isBroken) throw new Error('The database was replaced.')
      return call(...args)
    }
  const probe = () => {
    probes += 1
    return ifWell(ledger.probe)()
  }
  const deliverer = deliver({
    ledger: { ...ledger, acknowledge: ifWell(ledger.acknowledge), probe },
    random: () => 0,
  })
  await ledger.record(follow(users(10)))
  await braze.until(() => braze.stats.requests === 1)
  while (probes < 2) {
    await new Promise(setImmediate)
    deliverer.wake()
  }
  t.equal(braze.stats.requests, 1, 'the same objects are not sent again')
  t.match(said, [/the ledger did not take an answer/, /delivery cannot use the ledger .*was replaced/])
  isBroken = false
  await delivered()
  t.equal(braze.stats.requests, 2)
})

t.test(
  'answers that are not kept, by a ledger that seems well, are asked for less and less often',
  async (t) => {
    const { braze, ledger, deliver } = await setUp(t, { settleMs: 0 })
    let later = 0
    const acknowledge = async () => {
      throw new Error('no')
    }
    const deliverer = deliver({
      ledger: { ...ledger, acknowledge },
      settleMs: 0,
      monotonic: () => performance.now() + later,
      random: () => 0,
    })
    await ledger.record(follow(users(10)))
    for (let failures = 1; failures <= 7; failures++) {
      await braze.until(() => braze.stats.requests === failures)
      while (deliverer.delivery().state !== 'waiting') await new Promise(setImmediate)
      // Nearly as long as it has to be, with the jitter of this test.
      later += 1_000 * 2 ** (failures - 2) * 0.7
      deliverer.wake()
      await turns()
      t.equal(braze.stats.requests, failures)
      later += 1_000 * 2 ** (failures - 2) * 0.4
      deliverer.wake()
    }
  },
)

t.test('only the contact waits over whom Braze fails, and is counted and named', async (t) => {
  for (const fault of ['500', 'a page of a firewall'] as const) {
    await t.test(fault, async (t) => {
      const { braze, ledger, deliver, said, told } = await setUp(t)
      if (fault === '500') braze.refuseUser('u5', 500)
      else braze.refuseUser('u5', 400, null)
      let later = 0
      const deliverer = deliver({ monotonic: () => performance.now() + later, random: () => 0 })
      await ledger.record(follow(users(6)))
      await braze.until(() => braze.profiles === 5)
      /** Lets time pass, in steps that no lease is lost by. */
      const passUntil = async (isTrue: () => boolean) => {
        while (!isTrue()) {
          await new Promise(setImmediate)
          later += 50
          deliverer.wake()
        }
      }
      await passUntil(() => deliverer.delivery().stumbling > 0)
      t.match(deliverer.delivery(), { state: 'delivering', reason: null, stumbling: 1 })
      const waits = () => said.filter((line) => line.startsWith('delivery waits')).length
      const before = waits()
      t.ok(before <= 1, 'nobody waited but once, to find out')
      for (const userId of users(30, 'v')) {
        await ledger.record(follow([userId]))
        later += 5_000
        deliverer.wake()
        await braze.until(() => braze.hasProfile(userId))
        t.match(deliverer.delivery(), { state: 'delivering', stumbling: 1 })
      }
      t.equal(waits(), before, 'and not for the one who is tried on and on')
      t.ok(braze.writesOf('u5').length <= 20, 'less and less often')
      t.ok(told.some((line) => /Braze stumbles over a contact .*"user":"u5"/.test(line)))
      while ((await ledger.counts())[0]?.pending !== 1) await new Promise(setImmediate)
      t.match(await ledger.counts(), [{ failed: 0 }])
      braze.acceptUser('u5')
      await passUntil(() => braze.hasProfile('u5'))
      await passUntil(
        () => deliverer.delivery().state === 'delivering' && deliverer.delivery().stumbling === 0,
      )
    })
  }
})

t.test('a Braze that is down is no matter of the contacts, however few they are', async (t) => {
  const { braze, ledger, deliver, delivered, told } = await setUp(t)
  braze.setOutage({ status: 503 })
  let later = 0
  const deliverer = deliver({ monotonic: () => performance.now() + later, random: () => 0 })
  await ledger.record(follow(users(3)))
  await braze.until(() => braze.stats.requests >= 2)
  t.match(deliverer.delivery(), { state: 'waiting', reason: 'Braze answers 503' })
  for (const userId of users(5, 'v')) await ledger.record(follow([userId]))
  later += 1_000
  deliverer.wake()
  await braze.until(() => braze.stats.requests >= 5)
  const { requests } = braze.stats
  braze.setOutage(null)
  later += 1_000
  deliverer.wake()
  await delivered()
  t.match(deliverer.delivery(), { state: 'delivering', stumbling: 0 })
  t.ok(braze.stats.requests > requests)
  t.ok(
    told.some((line) => line.startsWith('delivery goes on')),
    'the end of it is logged',
  )
})

t.test(
  'where Braze rejects everybody by index, a few are condemned and then a person is asked',
  async (t) => {
    for (const status of [201, 400]) {
      await t.test(String(status), async (t) => {
        const { braze, ledger, deliver, delivered, said } = await setUp(t)
        let later = 0
        const everybody = users(600)
        for (const userId of everybody) braze.rejectUser(userId, `no attribute for ${userId}`)
        braze.rejectAllWith(status)
        const deliverer = deliver({ monotonic: () => performance.now() + later })
        await ledger.record(follow(everybody))
        while (deliverer.delivery().state !== 'paused') await new Promise(setImmediate)
        t.match(
          deliverer.delivery().reason,
          /refuses one contact after the other: no attribute for <user id>$/,
        )
        await turns()
        const failed = (await ledger.counts())[0]?.failed ?? 600
        t.ok(failed >= 3 && failed <= 3 + 8, `${failed} failed`)
        t.notMatch(said.join(), /for u\d/)
        for (const userId of everybody) braze.acceptUser(userId)
        later += 30_000
        deliverer.wake()
        await delivered()
        t.equal(braze.profiles, 600 - failed)
      })
    }
  },
)

t.test('an error of ours is told as one, pauses, and is not taken for a Braze that is away', async (t) => {
  const { braze, ledger, deliver, said } = await setUp(t)
  let later = 0
  const client = createBrazeClient({
    endpoint: braze.url,
    apiKey: braze.apiKey,
    concurrency: 1,
    timeoutMs: 1_000,
    attribute: 'line_id',
    aliasLabel: 'line_id',
    createProfiles: true,
  })
  t.teardown(client.close)
  const track: typeof client.track = async (writes) => {
    if (writes.some(({ userId }) => userId === 'u1')) return (null as never as { x: never }).x
    return client.track(writes)
  }
  const deliverer = deliver({ braze: { ...client, track }, monotonic: () => performance.now() + later })
  await ledger.record(follow(users(2)))
  while (deliverer.delivery().state !== 'paused') await new Promise(setImmediate)
  t.match(deliverer.delivery().reason, /^A fault in line-braze, please report it: TypeError: /)
  t.match(said, [/a fault in line-braze .*"stack":/])
  await ledger.record(follow(['v']))
  while (!braze.hasProfile('v') || !braze.hasProfile('u0') || deliverer.delivery().stumbling === 0) {
    await new Promise(setImmediate)
    later += 50
    deliverer.wake()
  }
  t.match(await ledger.counts(), [{ failed: 0 }], 'whoever it was about waits')
})

t.test('a machine that was suspended sends nothing in the name of a lease that has passed on', async (t) => {
  let suspendedMs = 0
  const clock = () => Date.now() + suspendedMs
  const { braze, ledger, deliver, delivered } = await setUp(t, {}, { clock })
  const asked: boolean[] = []
  const first = deliver({
    clock,
    ledger: {
      ...ledger,
      async holdLease(...args) {
        const answer = await ledger.holdLease(...args)
        asked.push(answer.held)
        return answer
      },
    },
  })
  await ledger.record(follow(['u']))
  await delivered()
  // The monotonic clock stands still meanwhile.
  suspendedMs = 60_000
  t.equal(first.delivery().state, 'standby')
  t.match(await hold(ledger, 'another', 600_000), { held: true })
  await ledger.record(follow(['v']))
  while (asked.at(-1) !== false) await new Promise(setImmediate)
  await turns()
  t.equal(braze.stats.requests, 1)
})

t.test(
  'a stop while the requests of the last deliverer settle leaves the rest of it to the next one',
  async (t) => {
    const { braze, ledger, deliver } = await setUp(t)
    await hold(ledger, 'hangs', 1)
    await new Promise((resolve) => setTimeout(resolve, 2))
    const second = deliver()
    await ledger.record([friend(key('u'), 1_000)])
    while (second.delivery().state !== 'waiting') await new Promise(setImmediate)
    await second.stop()
    const { held, quietMs } = await hold(ledger, 'next')
    t.ok(held)
    t.ok(quietMs > SETTLE_MS, `${quietMs} ms, of a renewal, a time-out and the settle pause`)
    t.equal(braze.stats.requests, 0)
  },
)
