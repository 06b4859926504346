import t from 'tap'
import { createDeadlines } from '../../src/http/time.ts'
import { follow, headOf, setUp, until } from '../harness/http.ts'
import { bodyOf } from '../harness/people.ts'
import { createTime } from '../harness/time.ts'

t.test("a webhook is answered within LINE's 2 seconds from its arrival, come what may", async (t) => {
  // The clock by which Fastify says since when a request is here.
  let now = 0
  const { now: real } = performance
  performance.now = () => now
  t.teardown(() => {
    performance.now = real
  })
  const { open, get, ledger, time, recorded, lines } = await setUp(t)
  const idle = time.timers()
  const stored = Promise.withResolvers<void>()
  ledger.record = async (evidence) => {
    recorded.push([...evidence])
    await stored.promise
  }
  const body = bodyOf(follow())
  const socket = await open()
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.write(headOf(body))
  t.match(await get('/health/live'), { status: 200 }, 'the head has arrived before this')
  now += 1_000
  time.pass(1_000)
  socket.write(body)
  await until(() => recorded.length === 1)
  time.pass(799)
  t.match(await get('/health/live'), { status: 200 })
  t.equal(answer, '')
  time.pass(1)
  await until(() => answer !== '')
  t.match(answer, /^HTTP\/1.1 503 /)
  t.match(lines, [
    { level: 'error', message: 'webhook not stored', fields: { error: /not answered in time/ } },
  ])
  stored.resolve()
  time.pass(1_000)
  t.equal(time.timers(), idle)
})

t.test('a ledger that fails after the answer stops nothing', async (t) => {
  const { post, ledger, time } = await setUp(t)
  const rejections: unknown[] = []
  const note = (reason: unknown) => void rejections.push(reason)
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  const late = Promise.withResolvers<void>()
  ledger.record = () => late.promise
  const idle = time.timers()
  const answer = post(bodyOf(follow()))
  await until(() => time.timers() > idle)
  time.pass(1_800)
  t.match(await answer, { status: 503 })
  late.reject(new Error('the disk is gone'))
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
  t.strictSame(rejections, [])
})

t.test('all that waits shares a timer, and each has its own end', async (t) => {
  const time = createTime()
  const { by } = createDeadlines(time)
  const ends: string[] = []
  const wait = (name: string, at: number, work = new Promise<string>(() => {})) =>
    by(at, work).then(
      (value) => ends.push(`${name} ${value}`),
      (error) => ends.push(`${name} ${error.name}`),
    )
  wait('a', 1_800)
  wait('stored', 1_800, Promise.resolve('well'))
  time.pass(500)
  wait('b', 2_300)
  t.equal(time.timers(), 1)
  wait('slow sender', 900)
  wait('too slow', 400)
  const pass = async (ms: number) => {
    time.pass(ms)
    await new Promise(setImmediate)
    return ends.splice(0).sort()
  }
  t.strictSame(await pass(0), ['stored well', 'too slow TooLate'])
  t.strictSame(await pass(399), [])
  t.strictSame(await pass(1), ['slow sender TooLate'])
  t.strictSame(await pass(900), ['a TooLate'])
  t.strictSame(await pass(499), [])
  t.strictSame(await pass(1), ['b TooLate'])
  t.equal(time.timers(), 0, 'none is left')
})

t.test('nobody waits for the name of the account, and its failure stops nothing', async (t) => {
  const { post, ledger, lines } = await setUp(t)
  const claimed = Promise.withResolvers<string>()
  ledger.claimAccount = () => claimed.promise
  t.match(await post(bodyOf(follow())), { status: 200 })
  claimed.reject(new Error('busy'))
  await until(() => lines.some(({ message }) => message === 'account not remembered'))
  ledger.claimAccount = () => {
    throw new Error('closed')
  }
  t.match(await post(bodyOf(follow())), { status: 200 })
  t.equal(lines.filter(({ message }) => message === 'account not remembered').length, 2)
})
