import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { hold, SETTLE_MS, setUp } from '../harness/delivery.ts'
import { friends, key, users } from '../harness/people.ts'

t.test('while the ledger cannot keep what Braze says, nothing more is sent and paid for', async (t) => {
  const { braze, ledger, deliver, delivered, until, said } = await setUp(t)
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
  deliver({
    ledger: { ...ledger, acknowledge: ifWell(ledger.acknowledge), probe },
    random: () => 0,
  })
  await ledger.record(friends(users(10)))
  await until(() => probes === 2)
  t.equal(braze.stats.requests, 1, 'the same objects are not sent again')
  t.match(said, [/the ledger did not take an answer/, /delivery cannot use the ledger .*was replaced/])
  isBroken = false
  await delivered()
  t.equal(braze.stats.requests, 2)
})

t.test(
  'answers that are not kept, by a ledger that seems well, are asked for less and less often',
  async (t) => {
    const { ledger, deliver, until, sentAt } = await setUp(t, { settleMs: 0 })
    const acknowledge = async () => {
      throw new Error('no')
    }
    deliver({ ledger: { ...ledger, acknowledge }, settleMs: 0, random: () => 0 })
    await ledger.record(friends(users(10)))
    await until(() => sentAt.length === 8)
    for (let failures = 1; failures <= 7; failures++) {
      const gapMs = (sentAt[failures] ?? 0) - (sentAt[failures - 1] ?? 0)
      // With the jitter of this test.
      const least = 1_000 * 2 ** (failures - 2)
      t.ok(gapMs >= least && gapMs <= 1.1 * least, `${gapMs} ms after ${failures}`)
    }
  },
)

t.test('only the contact waits over whom Braze fails, and is counted and named', async (t) => {
  for (const fault of ['500', 'a page of a firewall'] as const) {
    await t.test(fault, async (t) => {
      const { braze, ledger, deliver, until, time, said, told } = await setUp(t)
      if (fault === '500') braze.refuseUser('u5', 500)
      else braze.refuseUser('u5', 400, null)
      const deliverer = deliver({ random: () => 0 })
      await ledger.record(friends(users(6)))
      await until(() => braze.profiles === 5)
      await until(() => deliverer.delivery().stumbling > 0)
      t.match(deliverer.delivery(), { state: 'delivering', reason: null, stumbling: 1 })
      const waits = () => said.filter((line) => line.startsWith('delivery waits')).length
      const before = waits()
      t.ok(before <= 1, 'nobody waited but once, to find out')
      for (const userId of users(30, 'v')) {
        await ledger.record(friends([userId]))
        const later = time.monotonic() + 5_000
        await until(() => time.monotonic() >= later && braze.hasProfile(userId))
        t.match(deliverer.delivery(), { state: 'delivering', stumbling: 1 })
      }
      t.equal(waits(), before, 'and not for the one who is tried on and on')
      t.ok(braze.writesOf('u5').length <= 20, 'less and less often')
      t.ok(told.some((line) => /Braze stumbles over a contact .*"user":"u5"/.test(line)))
      await until(async () => (await ledger.counts())[0]?.pending === 1)
      t.match(await ledger.counts(), [{ failed: 0 }])
      braze.acceptUser('u5')
      await until(() => braze.hasProfile('u5'))
      await until(() => deliverer.delivery().state === 'delivering' && deliverer.delivery().stumbling === 0)
    })
  }
})

t.test('a Braze that is down is no matter of the contacts, however few they are', async (t) => {
  const { braze, ledger, deliver, delivered, until, told } = await setUp(t)
  braze.setOutage({ status: 503 })
  const deliverer = deliver({ random: () => 0 })
  await ledger.record(friends(users(3)))
  await until(() => braze.stats.requests >= 2)
  t.match(deliverer.delivery(), { state: 'waiting', reason: 'Braze answers 503' })
  for (const userId of users(5, 'v')) await ledger.record(friends([userId]))
  await until(() => braze.stats.requests >= 5)
  const { requests } = braze.stats
  braze.setOutage(null)
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
        const { braze, ledger, deliver, delivered, until, said } = await setUp(t)
        const everybody = users(600)
        for (const userId of everybody) braze.rejectUser(userId, `no attribute for ${userId}`)
        braze.rejectAllWith(status)
        const deliverer = deliver()
        await ledger.record(friends(everybody))
        await until(() => deliverer.delivery().state === 'paused')
        t.match(
          deliverer.delivery().reason,
          /refuses one contact after the other: no attribute for <user id>$/,
        )
        const failed = (await ledger.counts())[0]?.failed ?? 600
        t.ok(failed >= 3 && failed <= 3 + 8, `${failed} failed`)
        t.notMatch(said.join(), /for u\d/)
        for (const userId of everybody) braze.acceptUser(userId)
        await delivered()
        t.equal(braze.profiles, 600 - failed)
      })
    }
  },
)

t.test('an error of ours is told as one, pauses, and is not taken for a Braze that is away', async (t) => {
  const { braze, ledger, client: createClient, deliver, until, said } = await setUp(t)
  const client = createClient()
  const track: typeof client.track = async (writes) => {
    if (writes.some(({ value }) => value === 'u1')) return (null as never as { x: never }).x
    return client.track(writes)
  }
  const deliverer = deliver({ braze: { ...client, track } })
  await ledger.record(friends(users(2)))
  await until(() => deliverer.delivery().state === 'paused')
  t.match(deliverer.delivery().reason, /^A fault in line-braze, please report it: TypeError: /)
  t.match(said, [/a fault in line-braze .*"stack":/])
  await ledger.record(friends(['v']))
  await until(() => braze.hasProfile('v') && braze.hasProfile('u0') && deliverer.delivery().stumbling > 0)
  t.match(await ledger.counts(), [{ failed: 0 }], 'whoever it was about waits')
})

t.test('a machine that was suspended sends nothing in the name of a lease that has passed on', async (t) => {
  const { braze, ledger, deliver, delivered, until, suspend } = await setUp(t)
  const asked: boolean[] = []
  const first = deliver({
    ledger: {
      ...ledger,
      async holdLease(...args) {
        const answer = await ledger.holdLease(...args)
        asked.push(answer.held)
        return answer
      },
    },
  })
  await ledger.record(friends(['u']))
  await delivered()
  suspend(60_000)
  t.equal(first.delivery().state, 'standby')
  t.match(await hold(ledger, 'another', 600_000), { held: true })
  await ledger.record(friends(['v']))
  await until(() => asked.at(-1) === false)
  t.equal(braze.stats.requests, 1)
})

t.test(
  'a stop while the requests of the last deliverer settle leaves the rest of it to the next one',
  async (t) => {
    const { braze, ledger, deliver, until, time } = await setUp(t)
    await hold(ledger, 'hangs', 1)
    time.pass(2)
    const second = deliver()
    await ledger.record([friend(key('u'), 1_000)])
    await until(() => second.delivery().state === 'waiting')
    await second.stop()
    const { held, quietMs } = await hold(ledger, 'next')
    t.ok(held)
    t.ok(quietMs > SETTLE_MS, `${quietMs} ms, of a renewal, a time-out and the settle pause`)
    t.equal(braze.stats.requests, 0)
  },
)
