/** What may have reached Braze although nobody said so: it has to be cleared before another profile gets the user id. */
import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { setUp } from '../harness/delivery.ts'
import { friends, key } from '../harness/people.ts'

t.test('a write that went astray and was then rejected may be at Braze', async (t) => {
  const { braze, ledger, deliver, until } = await setUp(t)
  braze.createCustomer('c')
  braze.answerNext({ kind: 'reset', apply: true })
  deliver({ random: () => 0 })
  await ledger.record(friends(['u0']))
  await until(() => braze.attribute('u0') === 'u0')
  braze.rejectUser('u0', 'not now')
  await until(async () => (await ledger.counts())[0]?.failed === 1)
  t.equal(braze.attribute('u0'), 'u0')
  braze.acceptUser('u0')
  await ledger.link([{ ...key('u0'), externalId: 'c', linkedAt: null }])
  await until(() => braze.customerAttribute('c') === 'u0')
  t.equal(braze.attribute('u0'), undefined)
})

t.test('of two accounts, the one whose write went astray', async (t) => {
  const { braze, ledger, deliver, until } = await setUp(t, {}, { isShared: true })
  braze.createCustomer('c')
  braze.setOutageOf('/users/export/ids', { status: 503 })
  braze.answerNext({ kind: 'reset', apply: true })
  deliver({ random: () => 0 })
  await ledger.record(friends(['u0']))
  await until(() => braze.attribute('u0') === 'u0')
  // Its alias profile now waits for the look-up, and the other account's write goes before the next try.
  await ledger.link([{ ...key('u0'), externalId: 'c', linkedAt: null }])
  await ledger.record([friend(key('u0', 'cafe'), 1_000)])
  await until(() => braze.attribute('u0', { attribute: 'cafe_line_id' }) === 'u0')
  braze.setOutageOf('/users/export/ids', null)
  await until(() => braze.customerAttribute('c') === 'u0')
  t.equal(braze.attribute('u0'), undefined)
})

t.test('a write over whose answer we stumbled', async (t) => {
  const { braze, ledger, client, deliver, until } = await setUp(t)
  braze.createCustomer('c')
  const real = client()
  let isBroken = true
  const track: typeof real.track = async (writes) => {
    const answer = await real.track(writes)
    if (isBroken) throw new TypeError('no such thing')
    return answer
  }
  deliver({ braze: { ...real, track }, random: () => 0 })
  await ledger.record(friends(['u0']))
  await until(() => braze.attribute('u0') === 'u0')
  await ledger.link([{ ...key('u0'), externalId: 'c', linkedAt: null }])
  isBroken = false
  await until(() => braze.customerAttribute('c') === 'u0')
  t.equal(braze.attribute('u0'), undefined)
})
