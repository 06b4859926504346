import t, { type Test } from 'tap'
import { createCaller } from '../../src/line/call.ts'
import { createMessaging } from '../../src/line/messaging.ts'
import { createQuotaWatch } from '../../src/line/quota-watch.ts'
import { fixedToken } from '../../src/line/tokens.ts'
import { startLineApiSandbox } from '../../src/sandbox/line/api.ts'
import { createHttpClient } from '../../src/wire/client.ts'
import { createTime, turns } from '../harness/time.ts'

const QUOTA = '/v2/bot/message/quota'
const HOUR = 3_600_000

/** A watch over a LINE on a socket, in a time that passes from one of its sleeps to the next. */
async function setUp(t: Test) {
  const line = await startLineApiSandbox()
  const http = createHttpClient({ baseUrl: line.url, timeoutMs: 10_000, connections: 1 })
  const call = createCaller({
    http,
    sleep: () => new Promise(setImmediate),
    log: { debug: () => {}, warn: () => {} },
  })
  const time = createTime()
  const warned: string[] = []
  /** How long each sleep is that has begun. */
  const sleeps: number[] = []
  let fellAsleep = Promise.withResolvers<void>()
  const watch = createQuotaWatch({
    channel: 'shop',
    quota: createMessaging({ call, tokens: fixedToken(line.token) }).quota,
    monotonic: time.monotonic,
    random: () => 1,
    log: {
      debug: () => {},
      warn: (fields, message) => void warned.push(`${message} ${JSON.stringify(fields)}`),
    },
    sleep(ms, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const cancel = time.after(ms, resolve)
      signal?.addEventListener('abort', () => {
        cancel()
        reject(signal.reason)
      })
      sleeps.push(ms)
      fellAsleep.resolve()
      return promise
    },
  })
  t.teardown(async () => {
    await watch.stop()
    await http.close()
    await line.close()
  })
  return {
    line,
    watch,
    time,
    warned,
    sleeps,
    quota: () => watch.status().quota,
    /** Starts it, and resolves once it sleeps. */
    async start() {
      watch.start()
      await fellAsleep.promise
    },
    /** Lets the sleep pass, and resolves once it sleeps again. */
    async next() {
      fellAsleep = Promise.withResolvers()
      time.passToNext()
      await fellAsleep.promise
    },
  }
}

t.test('it is asked at the start, and then once an hour', async (t) => {
  const { line, start, next, quota, sleeps, watch } = await setUp(t)
  line.setQuota(500)
  line.setQuotaUsed(20)
  t.equal(quota(), null, 'nobody knows yet')
  await start()
  t.strictSame(watch.status(), { channel: 'shop', quota: { limit: 500, used: 20 } })
  line.setQuotaUsed(21)
  t.match(quota(), { used: 20 }, 'nobody is asked for a look')
  await next()
  t.strictSame(quota(), { limit: 500, used: 21 })
  line.setQuota(null)
  await next()
  t.strictSame(quota(), { limit: null, used: 21 })
  t.strictSame(sleeps, [HOUR, HOUR, HOUR])
  t.equal(line.stats.byPath[QUOTA], 3)
})

t.test('a failure is told once; the number stays for three hours, and comes back', async (t) => {
  const { line, start, next, quota, sleeps, warned, time } = await setUp(t)
  line.setQuota(500)
  await start()
  const saidAt = time.monotonic()
  line.setOutageOf(QUOTA, { status: 500 })
  while (time.monotonic() < saidAt + 3 * HOUR) {
    t.match(quota(), { limit: 500 })
    await next()
  }
  time.pass(1)
  t.equal(quota(), null, 'what is older than three hours says nothing')
  t.match(warned, [/^LINE does not say .*"channel":"shop","error":"LINE answers 500/])
  t.ok(sleeps.slice(1, 5).every((ms, i) => ms === 60_000 * 2 ** i))
  t.ok(sleeps.slice(-2).every((ms) => ms <= HOUR))
  line.setOutageOf(QUOTA, null)
  await next()
  t.match(quota(), { limit: 500 })
  line.setOutageOf(QUOTA, { kind: 'html' })
  await next()
  t.match(warned, [/ 500 /, / 200 .*something else/], 'the next trouble is told again')
})

t.test('a token that LINE does not take is no reason to ask more often', async (t) => {
  const { line, start, next, quota, sleeps, warned } = await setUp(t)
  line.revokeTokens()
  await start()
  for (let time = 0; time < 10; time++) await next()
  t.equal(quota(), null)
  t.equal(sleeps.at(-1), HOUR)
  t.match(warned, [/LINE answers 401/])
})

t.test('it stops while LINE does not answer, and asks nobody any more', async (t) => {
  const { line, watch, warned } = await setUp(t)
  line.setOutageOf(QUOTA, { kind: 'hang' })
  watch.start()
  await line.until(() => line.stats.inFlight === 1)
  await watch.stop()
  await turns()
  t.equal(line.stats.byPath[QUOTA], 1)
  t.strictSame(warned, [], 'which is no failure')
})
