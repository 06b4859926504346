import t, { type Test } from 'tap'
import {
  type BrazeSandbox,
  type BrazeSandboxOptions,
  startBrazeSandbox,
} from '../../../src/sandbox/braze/braze.ts'
import { alias, call, customerObject, exportUsers, identify, object, track } from '../client.ts'

async function start(t: Test, options: BrazeSandboxOptions = {}): Promise<BrazeSandbox> {
  const braze = await startBrazeSandbox({ applyMs: [0, 0], keepRequests: true, ...options })
  t.teardown(braze.close)
  return braze
}
const success = { status: 201, json: { aliases_processed: 1, message: 'success' } }

t.test('an unknown external id is given to the alias profile', async (t) => {
  const braze = await start(t)
  braze.createProfile('U1', { line_id: 'U1', seen: 3 })
  t.match(await identify(braze, ['U1', 'E1']), success)
  t.same(braze.customer('E1'), {
    externalId: 'E1',
    aliases: { line_id: 'U1' },
    attributes: { line_id: 'U1', seen: 3 },
  })
  t.equal(braze.profiles, 1)
  await track(braze, [object('U1', 'x', true)])
  t.equal(braze.customerAttribute('E1'), 'x', 'it can still be written to by its alias')
})

t.test('a known customer gets what only the alias profile has, and its alias', async (t) => {
  const braze = await start(t)
  braze.createProfile('U1', { line_id: 'U1', seen: 3, plan: 'none' })
  braze.createCustomer('E1', { plan: 'gold', line_id: 'old' })
  t.match(await identify(braze, ['U1', 'E1']), success)
  t.same(braze.customer('E1'), {
    externalId: 'E1',
    aliases: { line_id: 'U1' },
    attributes: { plan: 'gold', line_id: 'old', seen: 3 },
  })
  t.equal(braze.profiles, 1)
  const { json } = await exportUsers(braze, {
    user_aliases: [alias('U1')],
    fields_to_export: ['external_id'],
  })
  t.same(json.users, [{ external_id: 'E1' }], 'found by the alias that was merged')
  t.same(braze.violations, [])
})

t.test('a null on the customer is nothing that would win', async (t) => {
  const braze = await start(t)
  braze.createProfile('U1', { line_id: 'U1' })
  braze.createCustomer('E1', { line_id: 'old' })
  await track(braze, [customerObject('E1', null)])
  await identify(braze, ['U1', 'E1'])
  t.equal(braze.customerAttribute('E1'), 'U1')
})

t.test('nothing at all is combined where the customer has an alias of that label', async (t) => {
  const braze = await start(t)
  braze.createProfile('U1', { line_id: 'U1', seen: 3 })
  braze.createCustomer('E1', {}, { aliases: { line_id: 'U0' } })
  t.match(await identify(braze, ['U1', 'E1']), success)
  t.same(braze.customer('E1'), { externalId: 'E1', aliases: { line_id: 'U0' }, attributes: {} })
  t.equal(braze.attribute('U1'), 'U1')
  braze.createProfile('S1', { seen: 4 }, { label: 'shop' })
  await identify(braze, ['S1', 'E1', 'shop'])
  t.same(braze.customer('E1'), {
    externalId: 'E1',
    aliases: { line_id: 'U0', shop: 'S1' },
    attributes: { seen: 4 },
  })
})

t.test('other successes without effect', async (t) => {
  const braze = await start(t)
  braze.createCustomer('E1')
  braze.createCustomer('E2', {}, { aliases: { line_id: 'U2' } })
  braze.createProfile('U3', { line_id: 'U3' })
  braze.createCustomer('E3')
  braze.neverMerge('E3')
  for (const [userId, externalId, why] of [
    ['U1', 'E1', 'unknown alias'],
    ['u3', 'E1', 'another case'],
    ['U2', 'E1', 'an alias of another customer'],
    ['U2', 'E2', 'of this customer already'],
    ['U3', 'E3', 'in the control group'],
  ] as const)
    t.match(await identify(braze, [userId, externalId]), success, why)
  t.same(braze.customer('E1'), { externalId: 'E1', aliases: {}, attributes: {} })
  t.same(braze.customer('E2')?.aliases, { line_id: 'U2' })
  t.same(braze.customer('E3')?.attributes, {})
  t.equal(braze.attribute('U3'), 'U3')
  braze.createProfile('U4')
  t.match((await identify(braze, ['U4', 'E1'], ['U4', 'E5'])).json, { aliases_processed: 2 }, 'twice')
  t.equal(braze.customer('E5'), undefined)
})

t.test('a merged alias can be one that nobody has today', async (t) => {
  const braze = await start(t)
  braze.createProfile('U1')
  braze.createCustomer('E1')
  braze.keepMergedAliases(false)
  await identify(braze, ['U1', 'E1'])
  t.equal(braze.hasProfile('U1'), false)
  t.same(braze.customer('E1')?.aliases, {})
  await track(braze, [object('U1', 'U1')])
  t.equal(braze.profiles, 2, 'the next write by alias makes a stranger again')
})

t.test('identify has its effect later', async (t) => {
  const braze = await start(t, { identityMs: [3_600_000, 3_600_000] })
  braze.createProfile('U1')
  await identify(braze, ['U1', 'E1'])
  t.equal(braze.customer('E1'), undefined)
  braze.applyNow()
  t.same(braze.customer('E1')?.aliases, { line_id: 'U1' })
  await braze.whenApplied()
  braze.setIdentityMs([1, 1])
  braze.createProfile('U2')
  await identify(braze, ['U2', 'E2'])
  await braze.until(() => braze.customer('E2') !== undefined)
})

t.test('what is wrong with a request to identify', async (t) => {
  const braze = await start(t)
  const path = '/users/identify'
  const one = { external_id: 'E1', user_alias: alias('U1') }
  braze.createProfile('U1')
  t.match(await call(braze, path, { aliases_to_identify: Array(50).fill(one) }), {
    status: 201,
    json: { aliases_processed: 50 },
  })
  for (const aliases_to_identify of [Array(51).fill(one), [], 'U1', undefined, [{}], [null]])
    t.match(await call(braze, path, { aliases_to_identify }), { status: 400, json: { message: String } })
  t.match(await call(braze, path, {}, { body: '{"al' }), { status: 400 })
  t.match(
    await call(braze, path, {
      aliases_to_identify: [one, { external_id: 'E1' }, { ...one, external_id: '' }],
    }),
    {
      status: 201,
      json: {
        aliases_processed: 1,
        errors: [
          { type: String, input_array: 'aliases_to_identify', index: 1 },
          { type: String, input_array: 'aliases_to_identify', index: 2 },
        ],
      },
    },
  )
})

t.test('new aliases', async (t) => {
  const braze = await start(t)
  const add = (...user_aliases: object[]) => call(braze, '/users/alias/new', { user_aliases })
  braze.createCustomer('E1')
  t.match(await add({ ...alias('U1'), external_id: 'E1' }), success)
  t.same(braze.customer('E1')?.aliases, { line_id: 'U1' })
  t.match(await add(alias('U2')), success)
  t.equal(braze.hasProfile('U2'), true, 'a profile of its own')
  const before = braze.profiles
  for (const [item, why] of [
    [{ ...alias('U3'), external_id: 'E9' }, 'an unknown customer'],
    [{ ...alias('U2'), external_id: 'E1' }, 'taken by somebody else'],
    [{ ...alias('U1'), external_id: 'E1' }, 'there already'],
    [alias('U1'), 'taken by a customer'],
    [{ ...alias('U4'), external_id: 'E1' }, 'a second one of the label'],
  ] as const)
    t.match(await add(item), success, why)
  t.equal(braze.profiles, before)
  t.same(braze.customer('E1')?.aliases, { line_id: 'U1' })
  t.equal(braze.hasProfile('U3') || braze.hasProfile('U4'), false)
  await add({ ...alias('S1', 'shop'), external_id: 'E1' })
  t.same(braze.customer('E1')?.aliases, { line_id: 'U1', shop: 'S1' })
  t.equal((await add({ alias_name: 'U5' })).status, 400)
  t.equal((await add({ ...alias('U5'), external_id: 7 })).status, 400)
})

t.test('aliases that are renamed', async (t) => {
  const braze = await start(t)
  const rename = (old_alias_name: string, new_alias_name: string, alias_label = 'line_id') =>
    call(braze, '/users/alias/update', { alias_updates: [{ alias_label, old_alias_name, new_alias_name }] })
  braze.createCustomer('E1', { line_id: 'U1' }, { aliases: { shop: 'S1', line_id: 'U1' } })
  t.match(await rename('U1', 'gone'), success)
  t.same(braze.customer('E1')?.aliases, { shop: 'S1', line_id: 'gone' })
  t.equal(braze.hasProfile('U1'), false)
  t.match(await rename('U1', 'other'), success, 'nobody has it')
  t.match(await rename('gone', 'other', 'shop'), success, 'not under this label')
  await track(braze, [object('U1', 'new')])
  t.equal(braze.profiles, 2, 'the name is free for a profile of its own')
  t.equal(braze.customerAttribute('E1'), 'U1')
  t.match(await rename('gone', 'U1'), success, 'somebody has it')
  t.same(braze.customer('E1')?.aliases, { shop: 'S1', line_id: 'gone' })
  t.equal(braze.attribute('U1'), 'new')
  t.equal((await rename('', 'x')).status, 400)
})

t.test('after a rename, the pause holds for either name: Braze may not have got round to it', async (t) => {
  const braze = await start(t, { settleMs: 60_000 })
  braze.createProfile('U1')
  const update = { alias_label: 'line_id', old_alias_name: 'U1', new_alias_name: 'gone' }
  await call(braze, '/users/alias/update', { alias_updates: [update] })
  t.same(braze.violations, [])
  await track(braze, [object('gone', 'x'), object('U2', 'U2')])
  t.match(braze.violations, [/another value/])
  await track(braze, [object('U1', 'U1')])
  t.match(braze.violations, [/another value/, /another value/])
})

t.test('merges', async (t) => {
  const braze = await start(t)
  const merge = (...merge_updates: unknown[]) => call(braze, '/users/merge', { merge_updates })
  const pair = (from: object, to: object) => ({ identifier_to_merge: from, identifier_to_keep: to })
  const [e1, e2] = [{ external_id: 'E1' }, { external_id: 'E2' }]
  const u1 = { user_alias: alias('U1') }
  braze.createProfile('U1', { line_id: 'U1', seen: 3 })
  braze.createCustomer('E1', { line_id: 'U0' }, { aliases: { line_id: 'U0' } })
  t.match(await merge(pair(u1, e1)), { status: 202, json: { message: 'success' } })
  t.same(
    braze.customer('E1'),
    { externalId: 'E1', aliases: { line_id: 'U0' }, attributes: { line_id: 'U0', seen: 3 } },
    'also where identify refuses; of two aliases of one label the kept profile has its own',
  )
  t.equal(braze.profiles, 1)
  braze.createCustomer('E2')
  await merge(pair(e1, e2))
  t.equal(braze.customer('E1'), undefined)
  t.match(braze.customer('E2'), { aliases: { line_id: 'U0' }, attributes: { line_id: 'U0' } })

  braze.createCustomer('E1', { age: 7 })
  braze.neverMerge('E1')
  for (const update of [pair(e1, e2), pair(e2, e1), pair(e2, e2), pair(u1, e2), pair(e2, u1)])
    t.equal((await merge(update)).status, 202)
  t.same(braze.customer('E1')?.attributes, { age: 7 })
  t.equal(braze.customer('E2')?.attributes.age, undefined)

  const good = pair(e1, e2)
  t.equal((await merge(...Array(50).fill(good))).status, 202)
  for (const wrong of [Array(51).fill(good), [good, pair(e1, {})], [pair(e1, { ...e2, ...u1 })], [{}], []])
    t.match(await merge(...wrong), { status: 400, json: { message: String } })
  t.equal((await call(braze, '/users/merge', { merge_updates: good })).status, 400)
})

t.test('identify, renames and merges are writes to the profiles that they touch', async (t) => {
  const braze = await start(t, { settleMs: 60_000, latencyMs: 20 })
  for (const userId of ['U1', 'U2', 'U3', 'U4']) braze.createProfile(userId)
  await track(braze, [object('U1', 'U1')])
  await identify(braze, ['U1', 'E1'])
  t.match(braze.violations, [/another value/])
  await identify(braze, ['U2', 'E2'])
  await track(braze, [customerObject('E2', 'U2')])
  t.match(braze.violations, [/another value/, /another value/])
  await Promise.all([track(braze, [object('U3', 'U3')]), identify(braze, ['U3', 'E3'])])
  t.match(braze.violations[2], /in flight/)
  await identify(braze, ['U4', 'E4'], ['U5', 'E4'])
  t.match(braze.violations[3], /twice in one request/)
  t.equal(braze.violations.length, 4)
})

t.test('an identify whose answer was lost may be repeated, even when it has had its effect', async (t) => {
  const braze = await start(t, { settleMs: 60_000 })
  braze.createProfile('U1')
  braze.answerNextOf('/users/identify', { kind: 'reset', apply: true })
  await t.rejects(identify(braze, ['U1', 'E1']))
  t.same(braze.customer('E1')?.aliases, { line_id: 'U1' })
  t.match(await identify(braze, ['U1', 'E1']), success)
  t.same(braze.violations, [])
})
