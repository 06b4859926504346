import t from 'tap'
import { createTraffic } from '../../src/sandbox/line/traffic.ts'
import { seededRandom } from '../../src/sandbox/random.ts'
import { stage } from '../harness/stage.ts'

t.test(
  'kill -9 during traffic, again and again, loses no acknowledged event',
  { timeout: 600_000 },
  async (t) => {
    const { braze, serve, delivered, line: connect } = await stage(t, { settleMs: 300, applyMs: [0, 100] })
    const traffic = createTraffic({ people: 600, random: seededRandom(7), eventsPerPerson: 6 })
    const bodies = [...traffic.bodies()]
    const rounds = 4
    const share = Math.ceil(bodies.length / rounds)
    let acknowledged = 0
    for (let round = 0; round < rounds; round++) {
      const server = await serve()
      const line = connect(server.url)
      // Two thirds of the share are in when the process dies, and the rest is under way.
      const mine = bodies.slice(round * share, (round + 1) * share)
      const unanswered: typeof bodies = []
      let answered = 0
      await Promise.all(
        mine.map(async (events) => {
          const { status } = await line.post(events)
          if (status !== 200) return unanswered.push(events)
          acknowledged++
          if (++answered === Math.floor((mine.length * 2) / 3)) void server.stop('SIGKILL')
        }),
      )
      t.match(await server.exited, { signal: 'SIGKILL' })
      bodies.push(...unanswered)
      t.ok(unanswered.length > 0, `${unanswered.length} of ${mine.length} were not acknowledged`)
    }
    // What was acknowledged must be there without being sent again; what was not is redelivered, as LINE does.
    const server = await serve()
    const line = connect(server.url)
    await line.play(bodies.slice(rounds * share))
    await delivered()
    await braze.whenApplied()
    t.ok(acknowledged > bodies.length / 3)
    const wrong = [...traffic.expected()].filter(
      ([userId, truth]) => (braze.attribute(userId) === userId) !== (truth === 'reachable'),
    )
    t.equal(wrong.length, 0, `of ${traffic.expected().size} people`)
    t.equal([...traffic.bystanders()].filter((userId) => braze.hasProfile(userId)).length, 0)
    t.strictSame(await server.stop(), { code: 0, signal: null })
  },
)

t.test('two servers on one database: both take webhooks, one delivers, the other takes over', async (t) => {
  const { braze, serve, line: connect } = await stage(t, { settleMs: 300 })
  const servers = await Promise.all([serve(), serve()])
  const lines = servers.map(({ url }) => connect(url))
  const people = Array.from({ length: 40 }, () => lines[0]?.events.user() ?? '')
  const post = async (userIds: string[]) => {
    await Promise.all(
      userIds.map((userId, i) => lines[i % 2]?.post([lines[0]?.events.follow(userId) as never])),
    )
  }
  await post(people.slice(0, 20))
  await braze.until(() => people.slice(0, 20).every((userId) => braze.attribute(userId) === userId))
  const states = await Promise.all(servers.map(async (server) => (await server.health()).delivery.state))
  t.strictSame(states.toSorted(), ['delivering', 'standby'])
  const active = states.indexOf('delivering')
  await servers[active]?.stop('SIGKILL')
  await Promise.all(
    people.slice(20).map((userId) => lines[1 - active]?.post([lines[0]?.events.follow(userId) as never])),
  )
  await braze.until(() => people.every((userId) => braze.attribute(userId) === userId))
  t.match(await servers[1 - active]?.health(), { delivery: { state: 'delivering' } })
})

t.test(
  'after a kill, the next one delivers once the settle pause is over: no lease is waited out',
  async (t) => {
    // A lease of three minutes, and requests that may take two: whoever waited for either would not be done in time.
    const patient = { BRAZE_TIMEOUT_MS: '120000' }
    const { braze, serve, line: connect } = await stage(t, { settleMs: 300 })
    const follow = async (url: string) => {
      const line = connect(url)
      const userId = line.events.user()
      t.match(await line.post([line.events.follow(userId)]), { status: 200 })
      await braze.until(() => braze.attribute(userId) === userId)
    }
    const killed = await serve(patient)
    await follow(killed.url)
    await killed.stop('SIGKILL')
    const restarted = await serve(patient)
    await follow(restarted.url)

    const standby = await serve(patient)
    t.match(await standby.health(), { delivery: { state: 'standby' } })
    await restarted.stop('SIGKILL')
    await follow(standby.url)
    t.match(await standby.health(), { delivery: { state: 'delivering' } })
  },
)

t.test('who was suspended for longer than its lease sends nothing more in its name', async (t) => {
  const { braze, env, serve, line: connect } = await stage(t, { settleMs: 300 })
  // The lease of the one is waited out, which is as long as that and a half, and a second.
  env.BRAZE_TIMEOUT_MS = '2000'
  const suspended = await serve()
  const line = connect(suspended.url)
  const people = Array.from({ length: 20 }, () => line.events.user())
  t.match(await line.post([line.events.follow(people[0] as string)]), { status: 200 })
  await braze.until(() => braze.hasProfile(people[0] as string))
  process.kill(suspended.pid, 'SIGSTOP')
  const next = await serve()
  const nextLine = connect(next.url)
  await next.logged(({ msg }) => msg === 'this process delivers to Braze')
  for (const userId of people) await nextLine.post([nextLine.events.follow(userId)])
  process.kill(suspended.pid, 'SIGCONT')
  await suspended.logged(({ msg }) => msg === 'another process delivers to Braze')
  await braze.until(() => people.every((userId) => braze.hasProfile(userId)))
  t.equal(braze.stats.objects, people.length, 'and nobody was written twice')
  t.match(await suspended.health(), { delivery: { state: 'standby' } })
})
