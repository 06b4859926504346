/** Real servers whose PostgreSQL is cut off, restarted, and silent; a way between them that the tests can cut. */
import pg from 'pg'
import t, { type Test } from 'tap'
import { createTraffic } from '../../src/sandbox/line/traffic.ts'
import type { LineSandbox } from '../../src/sandbox/line/webhooks.ts'
import { seededRandom } from '../../src/sandbox/random.ts'
import { startPostgres } from '../harness/postgres.ts'
import type { Serve } from '../harness/process.ts'
import { startProxy } from '../harness/proxy.ts'
import { stage } from '../harness/stage.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.stop())

async function onProxy(t: Test, seed: number) {
  const staged = await stage(t, {
    settleMs: 300,
    applyMs: [0, 100],
    databaseUrl: await postgres.createSchema(),
  })
  const proxy = await startProxy(t, staged.env.DATABASE_URL as string)
  const traffic = createTraffic({ people: 300, random: seededRandom(seed), eventsPerPerson: 6 })
  return { ...staged, proxy, traffic, bodies: [...traffic.bodies()] }
}
type Bodies = Awaited<ReturnType<typeof onProxy>>['bodies']

/** After so many that were not acknowledged the rest is not sent: where nobody answers, each takes as long as LINE waits. */
const ENOUGH_UNANSWERED = 40

/** Sends each once. Resolves to those that were not acknowledged; `midway` is called when half of them were sent. */
async function play(line: LineSandbox, bodies: Bodies, midway: () => void = () => {}) {
  const unanswered: Bodies = []
  let sent = 0
  const queue = bodies.values()
  const send = async () => {
    for (const events of queue) {
      if (unanswered.length >= ENOUGH_UNANSWERED) {
        unanswered.push(events)
        continue
      }
      if (++sent === Math.floor(bodies.length / 2)) midway()
      const { status } = await line.post(events)
      if (status !== 200) unanswered.push(events)
    }
  }
  await Promise.all(Array.from({ length: 16 }, send))
  return unanswered
}

/** The answer to one webhook, and after how many milliseconds it was there. */
async function ask(line: LineSandbox) {
  const startedAt = performance.now()
  const { status } = await line.post([line.events.follow(line.events.user())])
  return { status, tookMs: performance.now() - startedAt }
}

const IN_TIME_MS = 2_000
const MOST_TRIES = 3

/**
 * So many webhooks at once are answered 503 in time. The servers leave it a fifth of a second: on a machine that stands still for
 * longer an answer is late, but not three times one after the other. Any other answer is wrong the first time.
 */
async function refusesInTime(t: Test, line: LineSandbox, count = 1) {
  for (let tries = 1; ; tries++) {
    const answers = await Promise.all(Array.from({ length: count }, () => ask(line)))
    const said = answers.map(({ status, tookMs }) => `${status} after ${Math.round(tookMs)} ms`).join(', ')
    const isLate = ({ status, tookMs }: (typeof answers)[0]) => status === 0 || tookMs >= IN_TIME_MS
    const isRight = answers.every((answer) => answer.status === 503 && !isLate(answer))
    const isWrong = answers.some((answer) => answer.status !== 503 && !isLate(answer))
    if (isRight || isWrong || tries === MOST_TRIES) return t.ok(isRight, said)
    t.comment(`late: ${said}`)
  }
}

/** Asks until that is the answer. */
async function untilStatus(server: Serve, path: string, wanted: number) {
  while ((await server.get(path)).status !== wanted);
}

type Played = Pick<Awaited<ReturnType<typeof onProxy>>, 'braze' | 'delivered' | 'traffic'>

/** What was acknowledged must be there without being sent again. */
async function assertNothingLost(t: Test, { braze, delivered, traffic }: Played) {
  await delivered()
  await braze.whenApplied()
  const wrong = [...traffic.expected()].filter(
    ([userId, truth]) => (braze.attribute(userId) === userId) !== (truth === 'reachable'),
  )
  t.equal(wrong.length, 0, `of ${traffic.expected().size} people`)
}

t.test(
  'connections that are cut, again and again, lose nothing that was acknowledged',
  { timeout: 600_000 },
  async (t) => {
    const played = await onProxy(t, 21)
    const { serve, proxy, bodies, line: connect } = played
    const server = await serve({ DATABASE_URL: proxy.url })
    const line = connect(server.url)
    const rounds = 6
    const share = Math.ceil(bodies.length / rounds)
    const unanswered: Bodies = []
    for (let round = 0; round < rounds; round++) {
      const mine = bodies.slice(round * share, (round + 1) * share)
      unanswered.push(...(await play(line, mine, proxy.cut)))
    }
    t.comment(`${unanswered.length} of ${bodies.length} were not acknowledged`)
    await line.play(unanswered)
    await assertNothingLost(t, played)
    t.strictSame(await server.stop(), { code: 0, signal: null })
  },
)

t.test(
  'a database that refuses everybody: 503 within 2 s, not ready, and all is well by itself afterwards',
  { timeout: 600_000 },
  async (t) => {
    const played = await onProxy(t, 22)
    const { serve, proxy, bodies, line: connect } = played
    const servers = await Promise.all([
      serve({ DATABASE_URL: proxy.url }),
      serve({ DATABASE_URL: proxy.url }),
    ])
    const lines = servers.map(({ url }) => connect(url)) as [LineSandbox, LineSandbox]
    const half = bodies.length >> 1
    // As soon as one of them has half of its share, so that neither is done before.
    const unanswered = await Promise.all([
      play(lines[0], bodies.slice(0, half), proxy.refuse),
      play(lines[1], bodies.slice(half), proxy.refuse),
    ])
    t.ok(unanswered[0].length > 0 && unanswered[1].length > 0)
    for (const [i, server] of servers.entries()) {
      await refusesInTime(t, lines[i] as LineSandbox)
      await untilStatus(server, '/health/ready', 503)
      t.match(await server.get('/health/live'), { status: 200 })
      t.match((await server.health()).ledger.error, /^The database 127\.0\.0\.1:\d+\/\w+ /)
    }
    proxy.accept()
    for (const server of servers) await untilStatus(server, '/health/ready', 200)
    await Promise.all(lines.map((line, i) => line.play(unanswered[i] as Bodies)))
    await assertNothingLost(t, played)
    for (const server of servers) t.strictSame(await server.stop(), { code: 0, signal: null })
  },
)

t.test(
  'a database that falls silent: 503 within 2 s, not ready; the dead connections are left behind',
  { timeout: 600_000 },
  async (t) => {
    const played = await onProxy(t, 23)
    const { serve, proxy, bodies, line: connect } = played
    const server = await serve({ DATABASE_URL: proxy.url })
    const line = connect(server.url)
    const unanswered = await play(line, bodies, proxy.swallow)
    t.ok(unanswered.length > 0)
    await refusesInTime(t, line)
    await untilStatus(server, '/health/ready', 503)
    t.match(await server.get('/health/live'), { status: 200 })
    // As after a failover: who connects anew is served, and of the old connections nobody hears any more.
    proxy.accept()
    await untilStatus(server, '/health/ready', 200)
    await line.play(unanswered)
    await assertNothingLost(t, played)
    t.strictSame(await server.stop(), { code: 0, signal: null })
  },
)

t.test(
  'one that stops while its database is silent ends, and another delivers what it acknowledged',
  { timeout: 600_000 },
  async (t) => {
    const played = await onProxy(t, 24)
    const { serve, proxy, bodies, line: connect } = played
    // A stop that takes too long is cut off 5 s after that time, and says so instead of "stopped".
    const patient = { BRAZE_TIMEOUT_MS: '6000' }
    const cutOff = await serve({ DATABASE_URL: proxy.url, ...patient })
    await cutOff.delivers()
    const other = await serve()
    const unanswered = await play(connect(cutOff.url), bodies, proxy.swallow)
    await connect(other.url).play(unanswered)
    await other.delivers()
    // 1, since the lease could not be given back.
    t.strictSame(await cutOff.stop(), { code: 1, signal: null })
    t.match(cutOff.lines.at(-1), { msg: 'stopped' }, 'by itself')
    await assertNothingLost(t, played)
  },
)

t.test('a statement that would wait too long: 503 within 2 s, and 200 once it need not', async (t) => {
  const { serve, env, line: connect, braze } = await onProxy(t, 26)
  const server = await serve()
  const line = connect(server.url)
  const client = new pg.Client(env.DATABASE_URL as string)
  await client.connect()
  await client.query('BEGIN')
  await client.query('LOCK TABLE contacts')
  await refusesInTime(t, line, 5)
  await client.end()
  const userId = line.events.user()
  await line.deliver([line.events.follow(userId)])
  await braze.until(() => braze.attribute(userId) === userId)
})

t.test(
  'a database without a connection left: 503 within 2 s, and 200 once there is one',
  { skip: postgres.isPooled },
  async (t) => {
    const { serve, env, line: connect, braze, proxy } = await onProxy(t, 27)
    // Of the role alone: the others of this server have theirs.
    const url = new URL(env.DATABASE_URL as string)
    const admin = new pg.Client(url.href)
    await admin.connect()
    t.teardown(() => admin.end())
    const schema = url.searchParams.get('options')?.split('=')[1]
    const role = `${schema}_role`
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'few'`)
    await admin.query(`GRANT ALL ON SCHEMA ${schema} TO ${role}`)
    url.username = role
    url.password = 'few'
    url.port = new URL(proxy.url).port
    const server = await serve({ DATABASE_URL: url.href })
    const line = connect(server.url)
    t.match(await ask(line), { status: 200 })
    await admin.query(`ALTER ROLE ${role} CONNECTION LIMIT 0`)
    proxy.cut()
    await refusesInTime(t, line)
    await untilStatus(server, '/health/ready', 503)
    t.match((await server.health()).ledger.error, /has no connection left/)
    await admin.query(`ALTER ROLE ${role} CONNECTION LIMIT -1`)
    await untilStatus(server, '/health/ready', 200)
    const userId = line.events.user()
    await line.deliver([line.events.follow(userId)])
    await braze.until(() => braze.attribute(userId) === userId)
    await server.stop()
    await admin.query(`DROP OWNED BY ${role}`)
    await admin.query(`DROP ROLE ${role}`)
  },
)

t.test('a database that restarts is used again', { timeout: 600_000, skip: !postgres.restart }, async (t) => {
  const played = await onProxy(t, 25)
  const { serve, bodies, line: connect } = played
  const server = await serve()
  const line = connect(server.url)
  let restarted: Promise<void> | undefined
  const unanswered = await play(line, bodies, () => {
    restarted = postgres.restart?.()
  })
  await restarted
  await untilStatus(server, '/health/ready', 200)
  t.comment(`${unanswered.length} of ${bodies.length} were not acknowledged`)
  await line.play(unanswered)
  await assertNothingLost(t, played)
  t.strictSame(await server.stop(), { code: 0, signal: null })
})
