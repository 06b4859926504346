import t from 'tap'
import { type Closers, closeAll, closeTogether, errorsIn } from '../../src/process/closing.ts'

const failing = (message: string) => async () => {
  throw new Error(message)
}

t.test('closes the last opened first, one after the other', async (t) => {
  const order: string[] = []
  const closer = (name: string) => async () => {
    order.push(`${name} closes`)
    await new Promise(setImmediate)
    order.push(`${name} is closed`)
  }
  const closers: Closers = [closer('ledger'), closer('server')]
  await closeAll(closers)
  t.strictSame(order, ['server closes', 'server is closed', 'ledger closes', 'ledger is closed'])
  await closeAll(closers)
  t.equal(order.length, 4, 'safe to repeat')
})

t.test('closes everything, whatever fails, and then fails with what failed first', async (t) => {
  const closed: string[] = []
  const closers: Closers = [
    () => closed.push('ledger'),
    () => {
      throw new Error('the client')
    },
    () => closeTogether([failing('app.close'), () => closed.push('beside it'), failing('deliverer.stop')]),
  ]
  const error = await closeAll(closers).catch((error: unknown) => error)
  t.strictSame(closed, ['beside it', 'ledger'])
  t.equal((error as Error).message, 'app.close')
  t.strictSame(
    errorsIn(error).map(({ message }) => message),
    ['app.close', 'deliverer.stop', 'the client'],
    'none of them is lost',
  )
})

t.test('one failure is itself, and an earlier one goes first', async (t) => {
  const alone = new Error('alone')
  await t.rejects(closeAll([() => Promise.reject(alone)]), alone)
  t.equal(await closeAll([() => {}], alone).catch((error: unknown) => error), alone)
  const both = await closeAll([failing('closing')], alone).catch((error: unknown) => error)
  t.strictSame(
    errorsIn(both).map(({ message }) => message),
    ['alone', 'closing'],
  )
})

t.test('waits for all that is closed together, also where one fails at once', async (t) => {
  let isClosed = false
  const slow = async () => {
    await new Promise(setImmediate)
    isClosed = true
  }
  const fast = () => {
    throw new Error('fast')
  }
  await t.rejects(closeTogether([fast, slow]), { message: 'fast' })
  t.ok(isClosed)
})

t.test('what is opened while all is closed is closed, too', async (t) => {
  let isClosed = false
  const closers: Closers = []
  closers.push(() => closers.push(() => (isClosed = true)))
  await closeAll(closers)
  t.ok(isClosed)
})
