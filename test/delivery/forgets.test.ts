import t, { type Test } from 'tap'
import { friend } from '../../src/contact/contact.ts'
import type { BrazeSandboxOptions } from '../../src/sandbox/braze/braze.ts'
import { SETTLE_MS, type SettingOptions, setUp as setUpDelivery } from '../harness/delivery.ts'
import { friends, key } from '../harness/people.ts'

const DELETE = '/users/delete'
const EXPORT = '/users/export/ids'
const LIFE_MS = 1_000_000

/** A deliverer, and `u0` whom Braze was told of. */
async function setUp(t: Test, options: BrazeSandboxOptions = {}, more: SettingOptions = {}) {
  const setting = await setUpDelivery(t, { identityMs: [0, 0], ...options }, more)
  const { braze, ledger, until, delivered, clock, deliver } = setting
  await ledger.record(friends(['u0', 'u1']))
  deliver({ random: () => 0 })
  await delivered()
  const forgettingOf = async (userId: string) => (await ledger.forgettings('default', { userId }))[0] ?? null
  return {
    ...setting,
    forgettingOf,
    forget: (userId = 'u0', deletesProfile = false) =>
      ledger.forget(key(userId), { deletesProfile, lifeMs: LIFE_MS }),
    done: (userId = 'u0') => until(async () => (await forgettingOf(userId))?.state === 'done'),
    async follow(userId = 'u0') {
      await ledger.record([friend(key(userId), clock() + 1)])
    },
    calls: (path: string) => braze.stats.byPath[path] ?? 0,
  }
}

t.test('Braze holds nothing any more, that has settled, and then they are erased', async (t) => {
  const { braze, ledger, forget, done, forgettingOf, calls, time, told } = await setUp(t)
  const begun = time.monotonic()
  await forget()
  await done()
  t.ok(time.monotonic() - begun >= SETTLE_MS)
  t.strictSame(braze.holders('u0'), [])
  t.ok(braze.hasProfile('u0'), 'the alias profile stays')
  t.match(await forgettingOf('u0'), { profile: 'kept', userId: null })
  t.strictSame(await ledger.contacts('default', { userId: 'u0' }), [])
  t.match(await ledger.counts(), [{ friend: 1, gone: 0, pending: 0 }])
  t.equal(calls(DELETE) + calls(EXPORT), 0)
  t.match(
    told.filter((line) => line.startsWith('a person is forgotten')),
    [/^a person is forgotten \{"channel":"default","receipt":"[0-9a-f]{24}","profile":"kept"\}$/],
  )
})

t.test('the alias profile is deleted where that is wanted, and looked for afterwards', async (t) => {
  const { braze, forget, done, forgettingOf, calls, time } = await setUp(t)
  const begun = time.monotonic()
  await forget('u0', true)
  await done()
  t.ok(time.monotonic() - begun >= 61 * SETTLE_MS)
  t.notOk(braze.hasProfile('u0'))
  t.ok(braze.hasProfile('u1'))
  t.match(await forgettingOf('u0'), { profile: 'deleted' })
  t.equal(calls(DELETE), 1)
  t.equal(calls(EXPORT), 2)
})

t.test('a deletion that was lost is asked for again, later and later', async (t) => {
  const { braze, forget, done, forgettingOf, calls } = await setUp(t)
  braze.answerNextOf(DELETE, { status: 201, body: '{"deleted":1}' }, 2)
  await forget('u0', true)
  await done()
  t.match(await forgettingOf('u0'), { profile: 'deleted' })
  t.equal(calls(DELETE), 3)
})

t.test('a Braze that fails is asked again, also where it has done it', async (t) => {
  const { braze, forget, done, forgettingOf, calls } = await setUp(t)
  braze.answerNextOf(EXPORT, { status: 500, body: '' })
  braze.answerNextOf(DELETE, { kind: 'reset', apply: true })
  await forget('u0', true)
  await done()
  t.match(await forgettingOf('u0'), { profile: 'deleted' })
  t.equal(calls(DELETE), 1)
})

t.test('never a customer, whoever has given them the alias', async (t) => {
  const { braze, ledger, forget, done, forgettingOf, calls, until, time } = await setUp(t)
  braze.createCustomer('c')
  await ledger.link([{ ...key('u0'), externalId: 'c', linkedAt: null }])
  await until(() => braze.customerAttribute('c') === 'u0')
  await forget('u0', true)
  await done()
  t.equal(braze.customerAttribute('c') ?? null, null)
  t.ok(braze.customer('c'))
  t.notOk(braze.hasProfile('u0'), 'the alias profile of before is nobody’s')
  t.match(await forgettingOf('u0'), { profile: 'deleted' })

  // Who it was has been made a customer in Braze, by the brand.
  const response = await fetch(`${braze.url}/users/identify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${braze.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      aliases_to_identify: [{ external_id: 'd', user_alias: { alias_label: 'line_id', alias_name: 'u1' } }],
    }),
  })
  t.equal(response.status, 201)
  await braze.whenApplied()
  const later = time.monotonic() + SETTLE_MS
  await until(() => time.monotonic() > later)
  await forget('u1', true)
  await done('u1')
  t.match(await forgettingOf('u1'), { profile: 'kept' })
  t.match(braze.customer('d'), { aliases: { line_id: 'u1' } })
  t.equal(calls(DELETE), 1)
})

t.test('nor one to which another account writes', async (t) => {
  const { braze, ledger, forget, done, forgettingOf, calls, delivered } = await setUp(
    t,
    {},
    { isShared: true },
  )
  await ledger.record([friend(key('u0', 'cafe'), 5)])
  await delivered()
  await forget('u0', true)
  await done()
  t.match(await forgettingOf('u0'), { profile: 'kept' })
  t.equal(braze.attribute('u0', { attribute: 'cafe_line_id' }), 'u0')
  braze.createProfile('u1', { cafe_line_id: 'u1' })
  await forget('u1', true)
  await done('u1')
  t.match(await forgettingOf('u1'), { profile: 'kept' })
  t.equal(calls(DELETE), 0)
})

for (const [what, next] of Object.entries({
  '': null,
  ', also where the person has followed anew': 'follow',
  ', also where the profile is to be kept after all': 'keep',
}))
  t.test(
    `whom another account meets while the profile is being deleted is told of anew afterwards${what}`,
    async (t) => {
      const setting = await setUpDelivery(t, { identityMs: [0, 0] }, { isShared: true })
      const { ledger, braze, deliver, delivered, until, clock, told } = setting
      const cafe = key('u0', 'cafe')
      const atCafe = () => braze.attribute('u0', { attribute: 'cafe_line_id' })
      await ledger.record(friends(['u0']))
      deliver({ random: () => 0 })
      await delivered()
      // Braze takes it, and gets round to it later.
      braze.answerNextOf(DELETE, { status: 201, body: '{"deleted":1}' })
      await ledger.forget(key('u0'), { deletesProfile: true, lifeMs: LIFE_MS })
      await until(() => braze.stats.byPath[DELETE] === 1)
      await ledger.record([friend(cafe, 5)])
      await until(() => atCafe() === 'u0')
      if (next === 'follow') await ledger.record([friend(key('u0'), clock() + 1)])
      if (next === 'keep') await ledger.forget(key('u0'), { deletesProfile: false, lifeMs: LIFE_MS })
      // Gone, with what was written for the other account.
      braze.removeProfile('u0')
      const isOver = next === 'follow' ? () => braze.attribute('u0') === 'u0' : isDone
      async function isDone() {
        return (await ledger.forgettings('default', { userId: 'u0' }))[0]?.state === 'done'
      }
      await until(isOver)
      await until(async () => (await ledger.runs(9)).length === 1)
      await delivered()
      t.equal(atCafe(), 'u0')
      t.equal(braze.attribute('u0') ?? null, next === 'follow' ? 'u0' : null)
      t.strictSame(await ledger.toForget(9), [])
      const isSaid = told.some((line) => line.startsWith('a person is forgotten'))
      t.equal(isSaid, next !== 'follow')
    },
  )

t.test('one that is not there is not deleted', async (t) => {
  const { ledger, forget, done, forgettingOf, calls, delivered } = await setUp(t)
  await ledger.link([{ ...key('u9'), externalId: 'nobody', linkedAt: null }])
  await delivered()
  await forget('u9', true)
  await done('u9')
  t.match(await forgettingOf('u9'), { profile: 'none' })
  t.equal(calls(DELETE), 0)
})

for (const permission of ['users.delete', 'users.export.ids'] as const)
  t.test(`without ${permission} it waits and says so; without the wish it goes on`, async (t) => {
    const { braze, forget, done, forgettingOf, until } = await setUp(t)
    braze.forbid(permission, true)
    await forget('u0', true)
    await until(async () => (await forgettingOf('u0'))?.problem != null)
    t.match(await forgettingOf('u0'), {
      state: 'clearing',
      problem: new RegExp(`needs the permission ${permission}`),
    })
    await forget('u1')
    await done('u1')
    t.match(await forget('u0'), { problem: null })
    await done()
    t.match(await forgettingOf('u0'), { profile: 'kept' })
    t.ok(braze.hasProfile('u0'))
  })

for (const next of ['', ', and is linked to nobody whom Braze knows', ', and had asked twice'])
  t.test(
    `who follows anew while the profile is being deleted is written to when that is over${next}`,
    async (t) => {
      const setting = await setUp(t)
      const { braze, ledger, forget, forgettingOf, until, follow, delivered, calls, time } = setting
      await forget('u0', true)
      await until(() => calls(DELETE) === 1)
      const deletedAt = time.monotonic()
      if (next.endsWith('twice')) await forget('u0', true)
      await follow()
      t.equal(await forgettingOf('u0'), null)
      if (next.endsWith('knows')) await ledger.link([{ ...key('u0'), externalId: 'nobody', linkedAt: null }])
      await delivered()
      t.ok(time.monotonic() - deletedAt >= 59 * SETTLE_MS)
      t.equal(braze.attribute('u0'), 'u0')
      t.equal(calls(DELETE), 1)
    },
  )

t.test('who follows anew is not erased, at whatever moment', async (t) => {
  for (let timers = 0; timers < 12; timers++) {
    await t.test(`after ${timers} timers`, async (t) => {
      const { braze, ledger, forget, follow, until, delivered } = await setUp(t)
      await forget()
      let left = timers
      await until(() => left-- <= 0)
      await follow()
      let more = 10
      await until(() => more-- <= 0)
      await delivered()
      t.equal(braze.attribute('u0'), 'u0')
      t.match(await ledger.counts(), [{ friend: 2, pending: 0 }])
      t.strictSame(await ledger.forgettings('default', { userId: 'u0' }), [])
    })
  }
})

t.test('who follows anew while Braze is asked what the profile is keeps it', async (t) => {
  const setting = await setUpDelivery(t, { identityMs: [0, 0] })
  const { ledger, braze, client, deliver, delivered, clock, until } = setting
  await ledger.record(friends(['u0']))
  const real = client()
  let asked = 0
  deliver({
    braze: {
      ...real,
      async exportProfiles(...args) {
        const answer = await real.exportProfiles(...args)
        asked += 1
        await ledger.record([friend(key('u0'), clock() + 1)])
        return answer
      },
    },
  })
  await delivered()
  await ledger.forget(key('u0'), { deletesProfile: true, lifeMs: LIFE_MS })
  await until(() => asked === 1)
  await delivered()
  t.equal(braze.attribute('u0'), 'u0')
  t.equal(braze.stats.byPath[DELETE] ?? 0, 0)
})

t.test('nor one that somebody else knows by another alias', async (t) => {
  const { braze, forget, done, forgettingOf, calls } = await setUp(t)
  const user_aliases = [
    { alias_label: 'line_id', alias_name: 'u0' },
    { alias_label: 'crm', alias_name: '7' },
  ]
  braze.answerNextExport({
    status: 201,
    body: JSON.stringify({ message: 'success', users: [{ user_aliases }] }),
  })
  await forget('u0', true)
  await done()
  t.match(await forgettingOf('u0'), { profile: 'kept' })
  t.equal(calls(DELETE), 0)
})

t.test('another process goes on where one has ended', async (t) => {
  const { ledger, braze, deliver, delivered, until } = await setUpDelivery(t, { identityMs: [0, 0] })
  await ledger.record(friends(['u0']))
  const first = deliver({}, true)
  await delivered()
  await ledger.forget(key('u0'), { deletesProfile: true, lifeMs: LIFE_MS })
  await until(() => (braze.stats.byPath[DELETE] ?? 0) === 1)
  await first.stop()
  deliver()
  await until(async () => (await ledger.forgettings('default', { userId: 'u0' }))[0]?.state === 'done')
  t.equal(braze.stats.byPath[DELETE], 1)
  t.notOk(braze.hasProfile('u0'))
})
