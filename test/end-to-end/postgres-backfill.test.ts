import pg from 'pg'
import t from 'tap'
import { longUsers } from '../harness/people.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startProxy } from '../harness/proxy.ts'
import { lastLine, stage } from '../harness/stage.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.stop())

const FOLLOWERS = 1_200
const PAGE = 20

t.test(
  'a backfill whose connection was cut writes no page more, and another one goes on at once',
  async (t) => {
    const databaseUrl = await postgres.createSchema()
    const { braze, lineApi, start, ledger } = await stage(t, { settleMs: 300, databaseUrl })
    const proxy = await startProxy(t, databaseUrl)
    const people = longUsers(FOLLOWERS)
    const { line, env } = await lineApi({ followers: people, pageSize: PAGE, latencyMs: 5 })
    // It takes longer to open than some pages take.
    const all = await ledger()
    const cutOff = start(['backfill', '--json'], { ...env, DATABASE_URL: proxy.url })
    await line.until(() => line.stats.pages >= 10)
    t.equal(await all.lock('runs'), null, 'one at a time')

    // The process goes on, and may not notice before it writes.
    proxy.cut()
    let release = await all.lock('runs')
    while (!release) release = await all.lock('runs')
    const pages = await pagesOf(databaseUrl)
    const { code, stderr } = await cutOff.ended
    t.equal(code, 1)
    t.match(stderr, /held the lock "runs" has ended|has cut the connection/)
    t.equal(await pagesOf(databaseUrl), pages, 'nothing after somebody else had the lock')
    t.ok(pages > 0 && pages < FOLLOWERS / PAGE, `${pages} pages`)
    await release()

    const next = await start(['backfill', '--json'], env).ended
    t.equal(next.code, 0, next.stderr)
    t.match(next.stderr, /Going on with the last run/)
    t.match(lastLine(next.stdout), { listed: FOLLOWERS })
    await braze.whenApplied()
    t.ok(people.every((userId) => braze.attribute(userId) === userId))
  },
)

async function pagesOf(url: string): Promise<number> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query('SELECT pages FROM runs ORDER BY id DESC LIMIT 1')
  await client.end()
  return Number(rows[0]?.pages ?? 0)
}
