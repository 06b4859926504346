import t, { type Test } from 'tap'
import {
  type BrazeSandbox,
  type BrazeSandboxOptions,
  startBrazeSandbox,
} from '../../../src/sandbox/braze/braze.ts'
import { alias, customerObject, exportUsers, object, track } from '../client.ts'

async function start(t: Test, options: BrazeSandboxOptions = {}): Promise<BrazeSandbox> {
  const braze = await startBrazeSandbox({ applyMs: [0, 0], keepRequests: true, ...options })
  t.teardown(braze.close)
  return braze
}
const fields_to_export = ['external_id', 'user_aliases', 'custom_attributes']

t.test('a customer is written to by external id', async (t) => {
  const braze = await start(t)
  braze.createCustomer('E1', { plan: 'gold' })
  t.match(await track(braze, [customerObject('E1', 'U1')]), {
    status: 201,
    json: { attributes_processed: 1 },
  })
  t.same(braze.customer('E1'), {
    externalId: 'E1',
    aliases: {},
    attributes: { plan: 'gold', line_id: 'U1' },
  })
  t.equal(braze.customerAttribute('E1'), 'U1')
  t.equal(braze.customerAttribute('E1', { attribute: 'plan' }), 'gold')
  t.equal(braze.hasProfile('E1'), false, 'an external id is no alias')
  await track(braze, [customerObject('E1', null)])
  t.equal(braze.customerAttribute('E1'), undefined)
  t.match(braze.writesOfCustomer('E1'), [
    { status: 201, value: 'U1' },
    { status: 201, value: null },
  ])
  t.same(braze.writesOf('E1'), [])
  t.same(braze.violations, [])
})

t.test('a write to an unknown customer is dropped, though it counts as processed', async (t) => {
  const braze = await start(t)
  t.same((await track(braze, [customerObject('E1', 'U1')])).json, {
    message: 'success',
    attributes_processed: 1,
  })
  t.equal(braze.customer('E1'), undefined)
  t.equal(braze.profiles, 0)
  await track(braze, [customerObject('E1', 'U1', false), customerObject('e1', 'U2', false)])
  t.equal(braze.customerAttribute('E1'), 'U1')
  t.equal(braze.customerAttribute('e1'), 'U2', 'case matters')
  await track(braze, [{ external_id: 'E3', line_id: 'U3' }])
  t.equal(braze.customerAttribute('E3'), 'U3', 'without the flag one is made, other than for an alias')
})

t.test('an object with two identifiers, or with one that is none, has an error', async (t) => {
  const braze = await start(t)
  for (const identity of [
    { external_id: 'E1', user_alias: alias('U1') },
    { external_id: '' },
    { external_id: 7 },
    { external_id: 'é'.repeat(494) },
    { external_id: null, user_alias: alias('U1') },
  ]) {
    const wrong = { _update_existing_only: false, line_id: 'U1', ...identity }
    t.match((await track(braze, [object('U2', 'U2'), wrong])).json, {
      attributes_processed: 1,
      errors: [{ type: String, input_array: 'attributes', index: 1 }],
    })
  }
  t.equal(braze.profiles, 1)
  await track(braze, [customerObject('é'.repeat(493), 'U1', false)])
  t.equal(braze.profiles, 2, '986 bytes are fine')
})

t.test('customers can be rejected and refused as users can', async (t) => {
  const braze = await start(t)
  braze.createCustomer('E1')
  braze.rejectUser('E1', 'odd')
  t.match(await track(braze, [customerObject('E1', 'U1')]), {
    status: 400,
    json: { errors: [{ type: 'odd' }] },
  })
  braze.acceptUser('E1')
  braze.refuseUser('E1')
  t.equal((await track(braze, [customerObject('E1', 'U1')])).status, 400)
  t.equal(braze.customerAttribute('E1'), undefined)
})

t.test('other attributes and other labels', async (t) => {
  const braze = await start(t)
  const shop = { label: 'shop', attribute: 'line_id_shop' }
  braze.createProfile('U1', { line_id_shop: 'U1' }, shop)
  t.equal(braze.hasProfile('U1'), false)
  t.equal(braze.hasProfile('U1', shop), true)
  t.equal(braze.attribute('U1', shop), 'U1')
  const write = { user_alias: alias('U1', 'shop'), _update_existing_only: true, line_id_shop: null }
  await track(braze, [write, object('U1', 'U1')])
  t.equal(braze.attribute('U1', shop), undefined)
  t.equal(braze.attribute('U1'), 'U1')
  t.match(braze.writesOf('U1', shop), [{ value: null }])
  t.equal(braze.writesOf('U1').length, 2, 'under any label')
  braze.createProfile('U1', { line_id_shop: 'U1' }, shop)
  braze.removeAttribute('U1', shop)
  t.equal(braze.attribute('U1', shop), undefined)
  braze.removeProfile('U1', shop)
  t.equal(braze.hasProfile('U1', shop), false)
  t.equal(braze.hasProfile('U1'), true)
})

t.test('what people do to customers in the dashboard', async (t) => {
  const braze = await start(t)
  braze.createCustomer('E1', { line_id: 'U1', age: 7 }, { aliases: { line_id: 'U1', shop: 'S1' } })
  t.equal(braze.attribute('U1'), 'U1', 'found by alias, too')
  t.equal(braze.profiles, 1)
  t.same(braze.holders('U1'), [braze.customer('E1')])
  braze.removeCustomerAttribute('E1')
  braze.removeCustomerAttribute('nobody')
  t.same(braze.customer('E1')?.attributes, { age: 7 })
  t.same(braze.holders('U1'), [])
  await track(braze, [object('S1', 'x', true)])
  t.equal(braze.attribute('S1'), undefined, 'of another label')
  braze.removeCustomer('E1')
  braze.removeCustomer('E1')
  t.equal(braze.profiles, 0)
  t.equal(braze.hasProfile('S1', { label: 'shop' }), false)
})

t.test('exports by external id and by alias: each profile once, whoever asked for it', async (t) => {
  const braze = await start(t)
  braze.createCustomer('E1', { line_id: 'U1' }, { aliases: { line_id: 'U1', shop: 'S1' } })
  braze.createProfile('U2', { line_id: 'U2' })
  const user_aliases = [alias('U1'), alias('U2'), alias('U3'), alias('S1')]
  const { json } = await exportUsers(braze, { external_ids: ['E1', 'E9'], user_aliases, fields_to_export })
  t.same(
    json.users.toSorted((a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    [
      {
        external_id: 'E1',
        user_aliases: [alias('U1'), alias('S1', 'shop')],
        custom_attributes: { line_id: 'U1' },
      },
      { user_aliases: [alias('U2')], custom_attributes: { line_id: 'U2' } },
    ],
  )
  t.same(json.invalid_user_ids, ['E9', alias('U3'), alias('S1')])
  const ids = await exportUsers(braze, { external_ids: ['E1'], fields_to_export: ['external_id'] })
  t.same(ids.json, { message: 'success', users: [{ external_id: 'E1' }], invalid_user_ids: [] })
})

t.test('an export asks for fifty in all', async (t) => {
  const braze = await start(t)
  const external_ids = Array.from({ length: 30 }, (_, index) => `E${index}`)
  const user_aliases = Array.from({ length: 20 }, (_, index) => alias(`U${index}`))
  t.equal((await exportUsers(braze, { external_ids, user_aliases, fields_to_export })).status, 200)
  for (const body of [
    { external_ids: [...external_ids, 'E30'], user_aliases, fields_to_export },
    { external_ids: 'E1', fields_to_export },
    { external_ids: [''], fields_to_export },
    { external_ids: [7], fields_to_export },
    { external_ids: [], user_aliases: [], fields_to_export },
  ])
    t.match(await exportUsers(braze, body), { status: 400, json: { message: String } })
})

t.test(
  'one in flight and the pause are of a profile, by whichever identifier it is written to',
  async (t) => {
    const braze = await start(t, { settleMs: 60_000 })
    braze.createCustomer('E1', {}, { aliases: { line_id: 'U1' } })
    await track(braze, [customerObject('E1', 'U1')])
    await track(braze, [object('U1', null)])
    await track(braze, [customerObject('E2', 'U2', false)])
    t.match(braze.violations, [/another value/])
    t.equal(braze.violations.length, 1)
    await track(braze, [customerObject('E1', 'U3'), object('U1', 'U3')])
    t.match(braze.violations, [/another value/, /another value/, /twice in one request/])
  },
)

t.test('two in flight for one customer', async (t) => {
  const braze = await start(t, { latencyMs: 20 })
  braze.createCustomer('E1', {}, { aliases: { line_id: 'U1' } })
  await Promise.all([track(braze, [customerObject('E1', 'U1')]), track(braze, [object('U1', 'U1')])])
  t.match(braze.violations, [/in flight/])
})
