import t, { type Test } from 'tap'
import {
  type BrazeSandbox,
  type BrazeSandboxOptions,
  startBrazeSandbox,
} from '../../../src/sandbox/braze/braze.ts'
import { alias, customerObject, identify, object, track } from '../client.ts'

async function start(t: Test, options: BrazeSandboxOptions = {}): Promise<BrazeSandbox> {
  const braze = await startBrazeSandbox({ applyMs: [0, 0], ...options })
  t.teardown(braze.close)
  return braze
}
const shared = 'two profiles held the same value of line_id'

t.test('a value on two profiles at a moment', async (t) => {
  const braze = await start(t)
  braze.createCustomer('E1')
  await track(braze, [object('Usecret', 'Usecret')])
  t.same(braze.violations, [])
  await track(braze, [customerObject('E1', 'Usecret')])
  t.same(braze.violations, [shared], 'though the other one is cleared at once')
  await track(braze, [object('Usecret', null)])
  t.equal(braze.holders('Usecret').length, 1)
  await track(braze, [customerObject('E1', 'Usecret')])
  t.same(braze.violations, [shared])
  await track(braze, [object('Usecret', 'Usecret')])
  t.same(braze.violations, [shared, shared])
  t.equal(braze.holders('Usecret').length, 2)
})

t.test('nothing to say where the first is cleared first', async (t) => {
  const braze = await start(t)
  braze.createCustomer('E1')
  await track(braze, [object('U1', 'U1')])
  await track(braze, [object('U1', null)])
  await track(braze, [customerObject('E1', 'U1')])
  await track(braze, [customerObject('E1', 'U2'), object('U1', 'U1')])
  t.same(braze.violations, [])
})

t.test('it is what is applied that counts, in whichever order that is', async (t) => {
  const braze = await start(t, { applyMs: [3_600_000, 3_600_000] })
  braze.createProfile('U1', { line_id: 'U1' })
  braze.createCustomer('E1')
  await track(braze, [customerObject('E1', 'U1')])
  t.same(braze.violations, [])
  await track(braze, [object('U1', null)])
  braze.applyNow()
  t.same(braze.violations, [shared])
})

t.test('other attributes are apart, and only texts are anybody’s own', async (t) => {
  const braze = await start(t)
  const shop = (value: unknown) => ({
    user_alias: alias('S1', 'shop'),
    _update_existing_only: false,
    line_id_shop: value,
    age: 7,
  })
  await track(braze, [object('U1', 'U1'), shop('U1'), { ...object('U2', 'U2'), age: 7 }])
  t.same(braze.violations, [])
  await track(braze, [{ ...object('U2', 'U2'), line_id_shop: 'U1' }])
  t.same(braze.violations, ['two profiles held the same value of line_id_shop'])
})

t.test('a merge moves a value, and can make a second one of it', async (t) => {
  const braze = await start(t)
  braze.createProfile('U1', { line_id: 'U1' })
  braze.createCustomer('E1')
  await identify(braze, ['U1', 'E1'])
  t.equal(braze.customerAttribute('E1'), 'U1')
  t.same(braze.violations, [])
  braze.createProfile('U2', { line_id: 'U3' })
  braze.createProfile('U3', { line_id: 'U3' })
  t.same(braze.violations, [], 'what tests plant is no fault of a client')
  braze.createCustomer('E2')
  await identify(braze, ['U2', 'E2'])
  t.same(braze.violations, [shared])
})

t.test('what was planted counts, unless it is tolerated', async (t) => {
  const braze = await start(t)
  braze.createProfile('U1', { line_id: 'U1' }, { tolerate: true })
  braze.createProfile('U2', { line_id: 'U2' })
  for (const externalId of ['E1', 'E2', 'E3']) braze.createCustomer(externalId)
  await track(braze, [customerObject('E1', 'U1')])
  t.same(braze.violations, [])
  await track(braze, [customerObject('E2', 'U2')])
  t.same(braze.violations, [shared])
  await track(braze, [customerObject('E3', 'U1')])
  t.same(braze.violations, [shared, shared], 'a third one')
  await track(braze, [customerObject('E3', null), object('U1', 'U1', true)])
  t.same(braze.violations, [shared, shared, shared], 'a client wrote it anew')
})

t.test('a value is handed over only when the write that takes it away has settled', async (t) => {
  let now = 1_000
  const braze = await start(t, { settleMs: 300, clock: () => now })
  braze.createProfile('U1', { line_id: 'U1' })
  braze.createCustomer('E1')
  await track(braze, [object('U1', null)])
  now += 100
  await track(braze, [customerObject('E1', 'U1')])
  t.same(braze.violations, ['a profile was given a value 100 ms after another one lost it'])
  now += 300
  await track(braze, [customerObject('E1', null)])
  now += 300
  await track(braze, [object('U1', 'U1')])
  t.equal(braze.violations.length, 1)
})

t.test('nor in the same request, nor while the other is under way', async (t) => {
  const braze = await start(t, { settleMs: 300, latencyMs: 20 })
  braze.createProfile('U1', { line_id: 'U1' })
  braze.createProfile('U2', { line_id: 'U2' })
  for (const externalId of ['E1', 'E2']) braze.createCustomer(externalId)
  await track(braze, [object('U1', null), customerObject('E1', 'U1')])
  t.match(braze.violations, [/after another one lost it/])
  await Promise.all([track(braze, [object('U2', null)]), track(braze, [customerObject('E2', 'U2')])])
  t.match(braze.violations.slice(1), [/after another one lost it/])
})

t.test('a loss that Braze did not take is none, and one may be undone at once', async (t) => {
  const braze = await start(t, { settleMs: 300, clock: () => 1_000 })
  braze.createProfile('U1', { line_id: 'U1' })
  braze.createCustomer('E1')
  braze.answerNext({ status: 503 })
  await track(braze, [object('U1', null)])
  await track(braze, [object('U1', 'U1')])
  t.same(braze.violations, [])
  braze.answerNext({ status: 503, apply: true })
  await track(braze, [object('U1', null)])
  await track(braze, [customerObject('E1', 'U1')])
  t.match(braze.violations.at(-1), /after another one lost it/, 'taken, though the answer does not say so')
})
