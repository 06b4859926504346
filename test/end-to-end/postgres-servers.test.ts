/** Several real servers on one PostgreSQL. */
import pg from 'pg'
import t, { type Test } from 'tap'
import { startPostgres } from '../harness/postgres.ts'
import type { Serve } from '../harness/process.ts'
import { startProxy, withoutListen } from '../harness/proxy.ts'
import { type StageOptions, stage } from '../harness/stage.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.stop())

const onPostgres = async (t: Test, options: StageOptions = {}) =>
  stage(t, { settleMs: 300, databaseUrl: await postgres.createSchema(), ...options })

const stateOf = async (server: Serve) => (await server.health()).delivery.state

/** A lease of three minutes, and so a deliverer that looks by itself once a second: a second after the last one was delivered. */
const PATIENT = { BRAZE_TIMEOUT_MS: '120000' }
/** Sooner than that by far. */
const WOKEN_MS = 500
/** One may be luck, as where the lease is renewed. On a machine that is busy it takes more of them until so many were woken for. */
const IN_A_ROW = 3

t.test('three servers take webhooks, and one delivers', async (t) => {
  const { braze, serve, delivered, line: connect } = await onPostgres(t)
  const servers = await Promise.all([serve(), serve(), serve()])
  const lines = servers.map(({ url }) => connect(url))
  const people = Array.from({ length: 60 }, () => lines[0]?.events.user() ?? '')
  const answers = await Promise.all(
    people.map((userId, i) => lines[i % 3]?.post([lines[0]?.events.follow(userId) as never])),
  )
  t.ok(answers.every((answer) => answer?.status === 200))
  await braze.until(() => people.every((userId) => braze.attribute(userId) === userId))
  await delivered()
  t.equal(braze.stats.objects, people.length, 'nobody was written twice')
  const states = await Promise.all(servers.map(stateOf))
  t.strictSame(states.toSorted(), ['delivering', 'standby', 'standby'])
  for (const server of servers) t.strictSame(await server.stop(), { code: 0, signal: null })
})

t.test(
  'what another server committed is in the hands of Braze at once, and without NOTIFY a little later',
  async (t) => {
    const { braze, serve, env, line: connect } = await onPostgres(t)
    const { url } = await startProxy(t, env.DATABASE_URL as string, withoutListen)
    for (const [name, more] of [
      ['NOTIFY', {}],
      ['polling', { DATABASE_URL: url }],
    ] as const) {
      const active = await serve({ ...PATIENT, ...more })
      await active.delivers()
      const standby = await serve(PATIENT)
      const line = connect(standby.url)
      const tookMs: number[] = []
      const wasWokenFor = () =>
        tookMs.length >= IN_A_ROW && tookMs.slice(-IN_A_ROW).every((ms) => ms < WOKEN_MS)
      while (name === 'NOTIFY' ? !wasWokenFor() : tookMs.length < IN_A_ROW) {
        const userId = line.events.user()
        t.match(await line.post([line.events.follow(userId)]), { status: 200 })
        const startedAt = performance.now()
        await braze.until(() => braze.attribute(userId) === userId)
        tookMs.push(performance.now() - startedAt)
      }
      t.comment(`${name}: ${tookMs.map(Math.round).join(', ')} ms`)
      t.equal(await stateOf(standby), 'standby')
      await Promise.all([active.stop(), standby.stop()])
    }
  },
)

t.test(
  'when the one that delivers stops, another does at once; when it is killed, within 20 seconds',
  async (t) => {
    const { braze, serve, line: connect } = await onPostgres(t)
    const follow = async (server: Serve) => {
      const line = connect(server.url)
      const userId = line.events.user()
      t.match(await line.post([line.events.follow(userId)]), { status: 200 })
      await braze.until(() => braze.attribute(userId) === userId)
    }
    const stopped = await serve(PATIENT)
    await stopped.delivers()
    // The settings as they are by default.
    const usual = { BRAZE_TIMEOUT_MS: '', BRAZE_SETTLE_MS: '' }
    const next = await serve(usual)
    await follow(next)
    t.strictSame(await stopped.stop(), { code: 0, signal: null })
    await next.delivers()
    await follow(next)

    let holder = next
    const tookMs: number[] = []
    // By itself it may take more than 19: on a busy machine one may be late, but not one after the other.
    while (tookMs.length < 3 && (tookMs.at(-1) ?? 20_000) >= 20_000) {
      const last = await serve(usual)
      const killedAt = performance.now()
      await holder.stop('SIGKILL')
      await follow(last)
      tookMs.push(performance.now() - killedAt)
      t.equal(await stateOf(last), 'delivering')
      holder = last
    }
    t.ok(Number(tookMs.at(-1)) < 20_000, `${tookMs.map(Math.round).join(', ')} ms`)
  },
)

t.test('who was suspended for longer than its lease sends nothing more in its name', async (t) => {
  const { braze, serve, counts, line: connect } = await onPostgres(t)
  // Full requests, four a second: nearly all of it is still due when the holder is suspended, and read by it.
  const slowly = { BRAZE_REQUESTS_PER_SECOND: '4', BRAZE_TIMEOUT_MS: '2000' }
  const suspended = await serve(slowly)
  await suspended.delivers()
  const next = await serve(slowly)
  const line = connect(suspended.url)
  const people = Array.from({ length: 12 * 75 }, () => line.events.user())
  for (let from = 0; from < people.length; from += 100)
    await line.post(people.slice(from, from + 100).map((userId) => line.events.follow(userId)))
  await braze.until(() => braze.stats.objects > 75)
  const isBetweenRequests = async () => (await counts()).pending === people.length - braze.stats.objects
  for (;;) {
    process.kill(suspended.pid, 'SIGSTOP')
    if (await isBetweenRequests()) break
    // What was under way would be sent again by the next one, as it must.
    process.kill(suspended.pid, 'SIGCONT')
    while (!(await isBetweenRequests()));
  }
  const sent = braze.stats.objects
  await next.delivers()
  await braze.until(() => braze.stats.objects > sent)
  t.ok(braze.stats.objects < people.length, 'much is left that it could send')
  process.kill(suspended.pid, 'SIGCONT')
  await braze.until(() => people.every((userId) => braze.hasProfile(userId)))
  t.equal(braze.stats.objects, people.length, 'nobody was written twice')
  await suspended.logged(({ msg }) => msg === 'another process delivers to Braze')
  t.equal(await stateOf(suspended), 'standby')
})

t.test('ten servers that start at once on an empty database all come up', async (t) => {
  const { serve, line: connect, delivered, counts } = await onPostgres(t)
  const servers = await Promise.all(Array.from({ length: 10 }, () => serve()))
  // As LINE does: with so many beginning on two cores the first attempt may take longer than it waits.
  await Promise.all(
    servers.map(({ url }) => {
      const line = connect(url)
      return line.deliver([line.events.follow(line.events.user())])
    }),
  )
  await delivered()
  t.match(await counts(), { friend: 10, pending: 0 })
})

t.test('a newer database is refused in a sentence', async (t) => {
  const { serve, start, env } = await onPostgres(t)
  await (await serve()).stop()
  await query(env.DATABASE_URL as string, 'UPDATE line_braze SET version = 99')
  const { code, stderr } = await start(['serve']).ended
  t.equal(code, 1)
  t.match(
    stderr,
    /was written by a newer line-braze \(schema 99, this one knows \d+\); run that version or a newer one\./,
  )
})

t.test(
  'a server warns of a database that does not sync what it commits',
  { skip: postgres.isPooled },
  async (t) => {
    const { serve, env } = await onPostgres(t)
    const url = new URL(env.DATABASE_URL as string)
    url.searchParams.set('options', `${url.searchParams.get('options')} -c synchronous_commit=off`)
    const server = await serve({ DATABASE_URL: url.href })
    t.ok(server.lines.some(({ msg, level }) => /synchronous_commit = off/.test(msg) && level !== 'info'))
  },
)

async function query(url: string, text: string) {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}
