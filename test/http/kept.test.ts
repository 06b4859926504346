import t, { type Test } from 'tap'
import { keepFor } from '../../src/http/kept.ts'
import { setUp, until } from '../harness/http.ts'
import { createTime } from '../harness/time.ts'

t.test('a rendering is shared, kept for its life, and made anew after it', async (t) => {
  const time = createTime()
  let made = 0
  let finish = () => {}
  const page = keepFor(1_000, time, async () => {
    const number = ++made
    await new Promise<void>((resolve) => {
      finish = resolve
    })
    return number
  })
  const asked = [page(), page()]
  time.pass(5_000)
  asked.push(page())
  finish()
  t.strictSame(await Promise.all(asked), [1, 1, 1], 'one for all who asked meanwhile')
  time.pass(999)
  t.equal(await page(), 1)
  time.pass(1)
  const next = page()
  finish()
  t.equal(await next, 2)
})

t.test('neither a failure nor what was kept before it is shown again', async (t) => {
  const time = createTime()
  const outcomes = [async () => 'good', () => Promise.reject(new Error('bad')), async () => 'better']
  const page = keepFor(1_000, time, () => (outcomes.shift() as () => Promise<string>)())
  t.equal(await page(), 'good')
  time.pass(1_000)
  await t.rejects(Promise.all([page(), page()]), { message: 'bad' })
  t.equal(await page(), 'better')
})

/** Counts how often the ledger is asked. */
async function counting(t: Test) {
  const asked = { probe: 0, counts: 0, oldest: 0 }
  const parts = await setUp(t)
  Object.assign(parts.ledger, {
    probe: async () => void asked.probe++,
    counts: async () => {
      asked.counts++
      return []
    },
    oldestPendingMs: async () => {
      asked.oldest++
      return 9_000
    },
  })
  const flood = (path: string) => Promise.all(Array.from({ length: 200 }, () => parts.get(path)))
  return { ...parts, asked, flood }
}

t.test('however many ask for health, the ledger is asked once a second', async (t) => {
  const { asked, flood, time } = await counting(t)
  for (const path of ['/health', '/health/ready', '/health']) {
    for (const { status } of await flood(path)) if (status !== 200) t.fail(`${path}: ${status}`)
  }
  t.strictSame(asked, { probe: 1, counts: 1, oldest: 1 })
  time.pass(1_000)
  await flood('/health')
  t.strictSame(asked, { probe: 2, counts: 2, oldest: 2 })
})

t.test('however many ask for metrics, they are rendered once a second', async (t) => {
  const { asked, flood, time } = await counting(t)
  const [first, ...others] = await flood('/metrics')
  t.match(first, { status: 200, type: /text\/plain/, body: 'line_braze_delivering 1' })
  t.ok(others.every(({ body }) => body === first?.body))
  await flood('/metrics')
  t.strictSame(asked, { probe: 1, counts: 1, oldest: 1 })
  time.pass(1_000)
  await flood('/metrics')
  t.equal(asked.counts, 2)
})

t.test('health and metrics answer in time when the ledger hangs, and ask it no second time', async (t) => {
  const { app, get, ledger, time, asked } = await counting(t)
  let arrived = 0
  app.server.on('request', () => {
    arrived += 1
  })
  const hang = (name: 'probe' | 'counts') => () => {
    asked[name]++
    return new Promise<never>(() => {})
  }
  Object.assign(ledger, { probe: hang('probe'), counts: hang('counts') })
  for (let turn = 0; turn < 3; turn += 1) {
    arrived = 0
    const answers = Promise.all(['/health/ready', '/health', '/metrics'].map(get))
    await until(() => arrived === 3)
    await new Promise(setImmediate)
    time.pass(1_800)
    const [ready, health, metrics] = await answers
    t.match(ready, { status: 503, body: '{"status":"degraded"}' })
    t.match(health, { status: 503, body: /"error":"The database has not answered in time\."/ })
    t.match(JSON.parse(health?.body ?? '').delivery, { state: 'delivering', reason: null })
    t.match(metrics, { status: 200, body: /line_braze_delivering 1\n(.*\n)*line_braze_ready 0\n/ })
    t.match(await get('/health/live'), { status: 200 })
    time.pass(1_000)
  }
  t.equal(asked.probe, 1)
})

t.test('whatever else the deliverer says of itself is shown', async (t) => {
  const { get } = await setUp(t, {
    delivery: () => ({ state: 'delivering', reason: null, stumbling: 3 }) as never,
  })
  t.match(JSON.parse((await get('/health')).body), { delivery: { stumbling: 3, pending: 4 } })
})
