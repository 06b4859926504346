/** Real servers of which one has a clock that jumps. */
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import t from 'tap'
import { startPostgres } from '../harness/postgres.ts'
import { type LogLine, ROOT, type Serve } from '../harness/process.ts'
import { stage } from '../harness/stage.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.stop())

const HOUR_MS = 3_600_000
/** No longer than it has to be: a lease of so long is waited out. */
const TIMEOUT_MS = 2_000
const LEASE_MS = 1.5 * TIMEOUT_MS + 1_000
const PRELOAD = pathToFileURL(`${ROOT}/test/harness/jumping-clock.ts`).href
const stateOf = async (server: Serve) => (await server.health()).delivery.state
/** Whether its clock is more than half an hour wrong. */
const isDatedWrong = ({ time }: LogLine) => Math.abs(Date.parse(time as string) - Date.now()) > HOUR_MS / 2

for (const [name, jumpMs] of [
  ['ahead', HOUR_MS],
  ['back', -HOUR_MS],
] as const) {
  t.test(
    `a holder whose clock jumps an hour ${name} delivers on, and nothing once its lease has passed on`,
    async (t) => {
      const databaseUrl = await postgres.createSchema()
      const { braze, env, serve, line: connect, ledger } = await stage(t, { settleMs: 300, databaseUrl })
      env.BRAZE_TIMEOUT_MS = String(TIMEOUT_MS)
      const holder = await serve({ NODE_OPTIONS: `--import=${PRELOAD}`, CLOCK_JUMP_MS: String(jumpMs) })
      await holder.delivers()
      const standby = await serve()
      const people: string[] = []
      const follow = async (server: Serve) => {
        const line = connect(server.url)
        const userId = line.events.user()
        people.push(userId)
        t.match(await line.post([line.events.follow(userId)]), { status: 200 })
        return userId
      }
      const followToTheEnd = async (server: Serve) => {
        const userId = await follow(server)
        await braze.until(() => braze.attribute(userId) === userId)
      }

      await followToTheEnd(standby)
      process.kill(holder.pid, 'SIGCONT')
      while (!holder.lines.some(isDatedWrong)) await followToTheEnd(holder)
      for (let i = 0; i < 5; i++) await followToTheEnd(i % 2 ? holder : standby)
      t.equal(await stateOf(holder), 'delivering', 'it keeps its lease')
      t.equal(await stateOf(standby), 'standby')
      const lastsMs = await leaseOf(databaseUrl)
      t.ok(lastsMs > 0 && lastsMs <= LEASE_MS, `which the database has dated: ${lastsMs} ms to go`)

      // What it has not stored yet when it is suspended would be written again.
      const { counts } = await ledger()
      while ((await counts()).some(({ pending }) => pending > 0));
      process.kill(holder.pid, 'SIGSTOP')
      await standby.delivers()
      for (let i = 0; i < 20; i++) await follow(standby)
      // It wakes up, and its clock jumps once more.
      process.kill(holder.pid, 'SIGCONT')
      await holder.logged(({ msg }) => msg === 'another process delivers to Braze')
      await braze.until(() => people.every((userId) => braze.attribute(userId) === userId))
      t.equal(braze.stats.objects, people.length, 'nobody was written twice')
      t.equal(await stateOf(holder), 'standby')
    },
  )
}

/** For how many milliseconds the lease lasts, by the database's clock. */
async function leaseOf(url: string): Promise<number> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query(
    'SELECT expires_at - floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms FROM leases',
  )
  await client.end()
  return Number(rows[0].ms)
}
