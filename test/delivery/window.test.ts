import t from 'tap'
import { messaged } from '../../src/contact/contact.ts'
import { setUp } from '../harness/delivery.ts'
import { friends, key } from '../harness/people.ts'

const WINDOW_MS = 60_000
/** How often a deliverer renews its lease, and looks who has written too long ago. */
const LATE_MS = 5_000

t.test(
  'who only wrote is cleared when the window is over, and has the attribute again with the next message',
  async (t) => {
    const { braze, ledger, deliver, delivered, until, time, clock } = await setUp(
      t,
      {},
      { messagerWindowMs: WINDOW_MS },
    )
    deliver()
    const wrote = (userId: string) => ledger.record([messaged(key(userId), clock())])
    const has = (userId: string) => braze.attribute(userId) === userId
    await wrote('u0')
    await ledger.record(friends(['friend']))
    await until(() => has('u0') && has('friend'))
    const wroteAt = time.monotonic()
    await until(() => time.monotonic() >= wroteAt + 20_000)
    await wrote('u1')
    await until(() => !has('u0'))
    const lateMs = time.monotonic() - wroteAt - WINDOW_MS
    t.ok(lateMs <= LATE_MS, `${lateMs} ms after the end of the window`)
    t.ok(has('u1'), 'who wrote later')
    await until(() => !has('u1'))
    await wrote('u0')
    await until(() => has('u0'))
    await delivered()
    t.strictSame([has('u0'), has('u1'), has('friend')], [true, false, true])
    t.equal(braze.stats.objects, 6, 'each change is one object')
  },
)

t.test('a customer is cleared and set again, and the alias profile is not touched', async (t) => {
  const { braze, ledger, deliver, until, clock } = await setUp(t, {}, { messagerWindowMs: WINDOW_MS })
  braze.createCustomer('c')
  deliver()
  await ledger.link([{ ...key('u'), externalId: 'c', linkedAt: null }])
  await ledger.record([messaged(key('u'), clock())])
  await until(() => braze.customerAttribute('c') === 'u')
  await until(() => braze.customerAttribute('c') === undefined)
  await ledger.record([messaged(key('u'), clock())])
  await until(() => braze.customerAttribute('c') === 'u')
  t.notOk(braze.hasProfile('u'))
})
