/** Real servers whose PostgreSQL dies, and whose standby takes its place. */
import t from 'tap'
import { createTraffic } from '../../src/sandbox/line/traffic.ts'
import { seededRandom } from '../../src/sandbox/random.ts'
import { startPair } from '../harness/pair.ts'
import type { Serve } from '../harness/process.ts'
import { startProxy } from '../harness/proxy.ts'
import { stage } from '../harness/stage.ts'

t.test(
  'a primary that dies: 503 until its standby is one, then 200; nothing that was acknowledged is lost',
  { timeout: 600_000 },
  async (t) => {
    const pair = await startPair(t, { isSynchronous: true })
    const staged = await stage(t, { settleMs: 300, applyMs: [0, 100], databaseUrl: pair.url })
    const { braze, serve, delivered, env, line: connect } = staged
    const proxy = await startProxy(t, pair.url)
    env.DATABASE_URL = proxy.url
    const servers = [await serve(), await serve()]
    const lines = servers.map(({ url }) => connect(url))
    const traffic = createTraffic({ people: 300, random: seededRandom(31), eventsPerPerson: 6 })

    let slowestMs = 0
    let refused = 0
    let acknowledged = 0
    const gone = Promise.withResolvers<void>()
    /** Sends it until it is acknowledged, as LINE does with what is not. */
    async function post(events: Parameters<(typeof lines)[0]['post']>[0], i: number) {
      for (;;) {
        const startedAt = performance.now()
        const { status } = await (lines[i % 2] as (typeof lines)[0]).post(events)
        slowestMs = Math.max(slowestMs, performance.now() - startedAt)
        if (status === 200) {
          acknowledged += 1
          return
        }
        t.equal(status, 503)
        refused += 1
        if (refused === 40) gone.resolve()
      }
    }
    const bodies = [...traffic.bodies()]
    const queue = bodies.entries()
    const sending = Promise.all(
      Array.from({ length: 16 }, async () => {
        for (const [i, events] of queue) {
          if (i === bodies.length >> 1) void pair.kill()
          await post(events, i)
        }
      }),
    )
    await gone.promise
    for (const server of servers) await untilReady(server, 503)
    t.equal(acknowledged < bodies.length, true)
    await pair.promote()
    proxy.redirect(pair.standbyUrl)
    for (const server of servers) await untilReady(server, 200)
    await sending
    t.equal(acknowledged, bodies.length)
    t.comment(`${refused} answers were 503; the slowest of all took ${Math.round(slowestMs)} ms`)
    await delivered()
    await braze.whenApplied()
    const wrong = [...traffic.expected()].filter(
      ([userId, truth]) => (braze.attribute(userId) === userId) !== (truth === 'reachable'),
    )
    t.equal(wrong.length, 0, `of ${traffic.expected().size} people`)
    for (const server of servers) t.strictSame(await server.stop(), { code: 0, signal: null })
  },
)

/** Asks until that is the answer. */
async function untilReady(server: Serve, wanted: number) {
  while ((await server.get('/health/ready')).status !== wanted);
}
