import t, { type Test } from 'tap'
import type { BrazeClient } from '../../src/braze/client.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import type { BrazeSandboxOptions } from '../../src/sandbox/braze/braze.ts'
import { NoAnswer } from '../../src/wire/client.ts'
import { SETTLE_MS, setUp as setUpDelivery } from '../harness/delivery.ts'
import { friends, key } from '../harness/people.ts'

const IDENTIFY = '/users/identify'
const RENAME = '/users/alias/update'
const EXPORT = '/users/export/ids'
const about = (lines: readonly string[], words: RegExp) => lines.filter((line) => words.test(line))

/** A deliverer that merges, `u0` whom Braze was told of, and the customer `c`. */
async function setUp(t: Test, options: BrazeSandboxOptions = {}) {
  const setting = await setUpDelivery(t, options)
  const { braze, ledger, until, time, delivered } = setting
  const outcomes: string[] = []
  const observer = { requested() {}, accepted() {}, merged: (outcome: string) => void outcomes.push(outcome) }
  braze.createCustomer('c')

  const link = (externalId: string | null, userId = 'u0') =>
    ledger.link([{ ...key(userId), externalId, linkedAt: null }])
  const isCustomers = (userId = 'u0') =>
    braze.customerAttribute('c') === userId && braze.attribute(userId) !== userId
  async function follow(userId = 'u0') {
    await ledger.record(friends([userId]))
    await delivered()
  }
  return {
    ...setting,
    outcomes,
    deliver: (more: Parameters<typeof setting.deliver>[0] = {}) =>
      setting.deliver({ mergeProfiles: true, observer, random: () => 0, ...more }),
    follow,
    link,
    /** Follows, with a history, and is linked. */
    async followAndLink() {
      await follow()
      braze.createProfile('u0', { history: 'long' })
      await link('c')
    },
    ended: (count = 1) => until(() => outcomes.length >= count),
    async after(ms: number) {
      const later = time.monotonic() + ms
      await until(() => time.monotonic() >= later)
    },
    isCustomers,
    /** Everything is where the newest link says, once. */
    async settled(externalId: string | null, userId = 'u0') {
      await until(async () => {
        const [holder, ...others] = braze.holders(userId)
        return others.length === 0 && holder?.externalId === externalId
      })
      await delivered()
      t.match(braze.holders(userId), [{ externalId }])
    },
    calls: (path: string) => braze.stats.byPath[path] ?? 0,
  }
}

t.test('the history of the alias profile joins the customer, who is written to again', async (t) => {
  for (const survive of [true, false]) {
    await t.test(survive ? 'by its alias, too' : 'the alias is nobody’s', async (t) => {
      const { braze, deliver, followAndLink, ended, settled, outcomes, calls, delivered } = await setUp(t)
      braze.keepMergedAliases(survive)
      deliver()
      await followAndLink()
      await ended()
      t.strictSame(outcomes, ['merged'])
      await delivered()
      await settled('c')
      t.match(braze.customer('c'), { attributes: { line_id: 'u0', history: 'long' } })
      t.equal(braze.hasProfile('u0'), survive)
      t.equal(braze.writesOfCustomer('c').length, 2, 'whatever the merge has made of it')
      t.equal(calls(IDENTIFY), 1)
    })
  }
})

t.test('a merge takes its time, and is looked at 60 settle pauses later', async (t) => {
  const { braze, deliver, followAndLink, ended, time, calls, until } = await setUp(t)
  deliver()
  await followAndLink()
  await until(() => calls(IDENTIFY) === 1)
  const askedAt = time.monotonic()
  const exports = calls(EXPORT)
  await until(() => calls(EXPORT) > exports)
  t.ok(time.monotonic() - askedAt >= 60 * SETTLE_MS)
  await ended()
  t.match(braze.customer('c'), { attributes: { history: 'long' } })
})

t.test('off by default', async (t) => {
  const { braze, deliver, followAndLink, settled, after, calls, outcomes } = await setUp(t)
  deliver({ mergeProfiles: false })
  await followAndLink()
  await settled('c')
  await after(200 * SETTLE_MS)
  t.equal(calls(IDENTIFY), 0)
  t.strictSame(outcomes, [])
  t.ok(braze.hasProfile('u0'))
})

t.test('switched on later, those are handed over who were linked before', async (t) => {
  const { deliver, followAndLink, settled, ended, outcomes } = await setUp(t)
  const before = deliver({ mergeProfiles: false })
  await followAndLink()
  await settled('c')
  await before.stop()
  deliver()
  await ended()
  t.strictSame(outcomes, ['merged'])
})

t.test('a customer with another alias of the label: nothing is handed over', async (t) => {
  const { braze, deliver, followAndLink, ended, settled, outcomes, calls } = await setUp(t)
  braze.createCustomer('c', {}, { aliases: { line_id: 'earlier' } })
  deliver()
  await followAndLink()
  await ended()
  t.strictSame([outcomes, calls(IDENTIFY)], [['left'], 0])
  await settled('c')
  t.ok(braze.hasProfile('u0'))
})

t.test('an alias that Braze does not know: nothing is handed over', async (t) => {
  const { braze, deliver, follow, link, ended, settled, outcomes, calls } = await setUp(t)
  deliver()
  await follow()
  await link('c')
  braze.removeProfile('u0')
  await ended()
  t.strictSame([outcomes, calls(IDENTIFY)], [['left'], 0])
  await settled('c')
})

t.test('somebody of the Global Control Group: asked for some times, in vain', async (t) => {
  const { braze, deliver, followAndLink, ended, settled, outcomes, calls } = await setUp(t)
  braze.neverMerge('c')
  deliver()
  await followAndLink()
  await ended()
  t.strictSame([outcomes, calls(IDENTIFY)], [['left'], 3])
  await settled('c')
  t.equal(braze.attribute('u0'), undefined)
  t.ok(braze.hasProfile('u0'))
})

t.test('where the key may not look it is handed over once, and nobody knows', async (t) => {
  const { braze, deliver, followAndLink, ended, settled, link, outcomes, calls, said } = await setUp(t)
  braze.forbidExport(true)
  deliver()
  await followAndLink()
  await ended()
  t.strictSame([outcomes, calls(IDENTIFY), calls(EXPORT)], [['unknown'], 1, 1])
  t.equal(about(said, /users\.export\.ids/).length, 1)
  await settled('c')
  await link(null)
  await settled(null)
  t.equal(calls(RENAME), 1)
})

t.test('where the key may not hand over, that is said once, and tried again after an hour', async (t) => {
  const { braze, deliver, follow, followAndLink, link, ended, settled, outcomes, calls, said, time, after } =
    await setUp(t)
  braze.forbid('users.identify', true)
  deliver()
  await followAndLink()
  await settled('c')
  await after(200 * SETTLE_MS)
  braze.createCustomer('c2')
  await follow('u1')
  await link('c2', 'u1')
  await settled('c2', 'u1')
  t.strictSame([outcomes, calls(IDENTIFY)], [[], 1])
  t.match(about(said, /handing alias profiles over waits/), [/users\.identify.*no alias profile is merged/])
  time.pass(3_600_000)
  await after(10 * SETTLE_MS)
  t.equal(calls(IDENTIFY), 2)
  t.equal(about(said, /handing alias profiles over waits/).length, 1)
  braze.forbid('users.identify', false)
  time.pass(3_600_000)
  await ended(2)
  t.strictSame(outcomes, ['merged', 'merged'])
})

t.test('unlinked after a merge: the alias is freed before it is written to', async (t) => {
  for (const survive of [true, false]) {
    await t.test(String(survive), async (t) => {
      const { braze, deliver, followAndLink, ended, settled, link, calls } = await setUp(t)
      braze.keepMergedAliases(survive)
      deliver()
      await followAndLink()
      await ended()
      await link(null)
      await settled(null)
      t.equal(calls(RENAME), 1)
      t.equal(braze.customerAttribute('c'), undefined)
      const { line_id: alias } = braze.customer('c')?.aliases ?? {}
      if (survive) t.match(alias, /^unlinked:[0-9a-f-]{36}$/)
      else t.equal(alias, undefined)
      await link('c')
      await settled('c')
    })
  }
})

t.test('unlinked while it is not known what becomes of it', async (t) => {
  for (const identityMs of [
    [0, 0],
    [20, 20],
  ] as const) {
    await t.test(`done after ${identityMs[0]} ms`, async (t) => {
      const { deliver, followAndLink, settled, link, until, calls } = await setUp(t, { identityMs })
      deliver()
      await followAndLink()
      await until(() => calls(IDENTIFY) === 1)
      await link(null)
      await settled(null)
      // By the machine's time, in which many a virtual settle pause goes by.
      t.ok(calls(RENAME) >= 1)
    })
  }
})

t.test('unlinked before it was handed over, the alias is as it was', async (t) => {
  const { deliver, followAndLink, settled, link, calls, after } = await setUp(t)
  const before = deliver({ mergeProfiles: false })
  await followAndLink()
  await settled('c')
  await link(null)
  await settled(null)
  await before.stop()
  deliver()
  await after(100 * SETTLE_MS)
  t.strictSame([calls(IDENTIFY), calls(RENAME)], [0, 0])
})

t.test('while nobody can be looked up, aliases are freed all the same', async (t) => {
  const { braze, ledger, deliver, followAndLink, ended, link, until, after, time, calls, delivered } =
    await setUp(t)
  deliver()
  await followAndLink()
  await ended()
  const others = Array.from({ length: 60 }, (_, i) => `v${i}`)
  await ledger.record(friends(others))
  await delivered()
  for (const userId of others) {
    braze.createCustomer(`c-${userId}`)
    await link(`c-${userId}`, userId)
  }
  await until(() => calls(IDENTIFY) === 4)
  braze.setOutageOf(EXPORT, { status: 503 })
  await after(62 * SETTLE_MS)
  const unlinkedAt = time.monotonic()
  await link(null)
  await until(() => calls(RENAME) === 1)
  t.ok(time.monotonic() - unlinkedAt < 10 * SETTLE_MS, `${time.monotonic() - unlinkedAt} ms later`)
})

t.test('aliases are freed also where nothing is merged any more', async (t) => {
  const { deliver, followAndLink, ended, settled, link } = await setUp(t)
  const before = deliver()
  await followAndLink()
  await ended()
  await before.stop()
  deliver({ mergeProfiles: false })
  await link(null)
  await settled(null)
})

t.test('where the key may not free aliases, that is said, and nobody is written to by them', async (t) => {
  const { braze, deliver, followAndLink, ended, settled, link, after, said, time } = await setUp(t)
  braze.forbid('users.alias.update', true)
  deliver()
  await followAndLink()
  await ended()
  await link(null)
  await after(100 * SETTLE_MS)
  t.strictSame(braze.holders('u0'), [])
  t.match(about(said, /freeing aliases waits/), [/users\.alias\.update.*cannot be reached/])
  braze.forbid('users.alias.update', false)
  time.pass(3_600_000)
  await settled(null)
})

t.test('linked to another customer after a merge', async (t) => {
  const { braze, deliver, followAndLink, ended, settled, link } = await setUp(t)
  deliver()
  braze.createCustomer('d')
  await followAndLink()
  await ended()
  await link('d')
  await settled('d')
  t.equal(braze.customerAttribute('c'), undefined)
  await link(null)
  await settled(null)
})

t.test('of several contacts of a customer the first is merged, and the others are left alone', async (t) => {
  const { braze, deliver, follow, followAndLink, link, ended, settled, outcomes } = await setUp(t)
  deliver()
  await followAndLink()
  await ended()
  await follow('u1')
  await link('c', 'u1')
  await ended(2)
  t.strictSame(outcomes, ['merged', 'left'])
  await settled('c', 'u1')
  t.strictSame(braze.holders('u0'), [])
})

t.test('a customer whom Braze does not hold any more is not made anew', async (t) => {
  const { braze, deliver, followAndLink, ended, until, outcomes, calls } = await setUp(t)
  const before = deliver({ mergeProfiles: false })
  await followAndLink()
  await until(() => braze.customerAttribute('c') === 'u0')
  await before.stop()
  braze.removeCustomer('c')
  deliver()
  await ended()
  t.strictSame([outcomes, calls(IDENTIFY)], [['left'], 0])
  t.equal(braze.customer('c'), undefined)
})

t.test('answers that fail or go astray', async (t) => {
  for (const [what, answer] of Object.entries({
    'an outage': { status: 503 },
    'a wrong key': { status: 401 },
    'an answer that went astray': { kind: 'reset', apply: true },
    'a request that went astray': { kind: 'reset' },
    'a page of a proxy': { kind: 'html' },
  } as const)) {
    for (const endpoint of [IDENTIFY, RENAME, EXPORT] as const) {
      await t.test(`${what}, ${endpoint}`, async (t) => {
        const { braze, deliver, followAndLink, ended, settled, link, outcomes, until, calls } = await setUp(t)
        deliver()
        if (endpoint === RENAME) {
          await followAndLink()
          await ended()
        }
        braze.setOutageOf(endpoint, answer)
        if (endpoint === RENAME) await link(null)
        else await followAndLink()
        const before = calls(endpoint)
        // What Braze took is not asked for again.
        await until(() => calls(endpoint) >= before + ('apply' in answer ? 1 : 3))
        braze.setOutageOf(endpoint, null)
        await ended()
        t.strictSame(outcomes, ['merged'])
        await settled(endpoint === RENAME ? null : 'c')
      })
    }
  }
})

t.test('what Braze refuses is found, and the others are merged', async (t) => {
  const { braze, deliver, follow, link, ended, outcomes, said, client } = await setUp(t)
  const real = client()
  const identify: BrazeClient['identify'] = async (pairs) =>
    pairs.some(({ externalId }) => externalId === 'c3')
      ? { status: 400, headers: {}, body: '{"message":"c3 is bad"}' }
      : real.identify(pairs)
  const people = Array.from({ length: 8 }, (_, i) => `u${i}`)
  const before = deliver({ mergeProfiles: false })
  for (const [i, userId] of people.entries()) {
    braze.createCustomer(`c${i}`)
    await follow(userId)
    await link(`c${i}`, userId)
  }
  await before.stop()
  deliver({ braze: { ...real, identify } })
  await ended(8)
  t.strictSame(outcomes.sort(), ['left', ...Array.from({ length: 7 }, () => 'merged')])
  t.match(about(said, /Braze refuses an alias profile/), [/<user id> is bad/])
})

/** A deliverer that keeps nothing any more once it is dead. */
function mortal(ledger: Ledger) {
  let isDead = false
  const ifAlive =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (isDead) throw new Error('killed')
      return call(...args)
    }
  return {
    die: () => {
      isDead = true
    },
    isDead: () => isDead,
    ledger: {
      ...ledger,
      keepMerges: ifAlive(ledger.keepMerges),
      keepChecks: ifAlive(ledger.keepChecks),
      acknowledge: ifAlive(ledger.acknowledge),
      toMerge: ifAlive(ledger.toMerge),
      toCheck: ifAlive(ledger.toCheck),
      due: ifAlive(ledger.due),
    },
  }
}

t.test('killed in each step, and taken over', async (t) => {
  for (const [when, request] of [
    ['before', 'identify'],
    ['after', 'identify'],
    ['before', 'renameAliases'],
    ['after', 'renameAliases'],
    ['after', 'exportProfiles'],
  ] as const) {
    for (const unlinks of request === 'renameAliases' ? [true] : [false, true]) {
      await t.test(`${when} ${request}${unlinks ? ', unlinked meanwhile' : ''}`, async (t) => {
        const { braze, ledger, deliver, client, followAndLink, link, until, settled, ended } = await setUp(t)
        const first = deliver({ mergeProfiles: false })
        await followAndLink()
        await until(() => braze.customerAttribute('c') === 'u0')
        await first.stop()
        const real = client()
        const life = mortal(ledger)
        const killing = async (...args: unknown[]) => {
          const send = real[request] as (...args: unknown[]) => ReturnType<typeof real.track>
          const answer = when === 'after' ? await send(...args) : undefined
          life.die()
          if (!answer) throw new NoAnswer('killed')
          return answer
        }
        const second = deliver({ braze: { ...real, [request]: killing }, ledger: life.ledger })
        if (request === 'renameAliases') {
          await ended()
          await link(null)
        }
        await until(life.isDead)
        await second.stop()
        if (unlinks) await link(null)
        deliver()
        await settled(unlinks ? null : 'c')
        if (!unlinks) await ended()
      })
    }
  }
})
