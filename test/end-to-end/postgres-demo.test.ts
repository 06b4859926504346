import { readdirSync } from 'node:fs'
import pg from 'pg'
import t from 'tap'
import { startPostgres } from '../harness/postgres.ts'
import { runCli } from '../harness/process.ts'
import { lastLine } from '../harness/stage.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.stop())

t.test('the demo plays on PostgreSQL, in a schema of its own that is gone afterwards', async (t) => {
  const url = await postgres.createSchema()
  const tmp = t.testdir()
  const args = ['demo', '--people', '300', '--json', '--database-url', url]
  const { code, stdout, stderr } = await runCli(args, { env: { TMPDIR: tmp } })
  t.equal(code, 0, stderr)
  t.match(lastLine(stdout), { status: 'agree', differ: 0 })
  t.strictSame(readdirSync(tmp), [])
  const client = new pg.Client(url)
  await client.connect()
  const { rows } =
    await client.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'line\\_braze\\_demo\\_%'
    UNION ALL SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace`)
  await client.end()
  t.strictSame(rows, [])
})

t.test('another database than PostgreSQL is a usage error', async (t) => {
  for (const url of ['file:./data/line-braze.db', 'mysql://user:secret@127.0.0.1/x']) {
    const { code, stderr } = await runCli(['demo', '--database-url', url])
    t.equal(code, 2)
    t.match(stderr, /The URL of --database-url must be one such as postgres:/)
    t.notMatch(stderr, 'secret')
  }
})

t.test('a PostgreSQL that cannot be reached is a sentence, and nothing is left behind', async (t) => {
  const tmp = t.testdir()
  const args = ['demo', '--database-url', 'postgres://someone:secret@127.0.0.1:1/nowhere']
  const { code, stderr } = await runCli(args, { env: { TMPDIR: tmp } })
  t.equal(code, 1)
  t.match(stderr, /The database 127\.0\.0\.1:1\/nowhere cannot be reached/)
  t.notMatch(stderr, /secret/)
  t.strictSame(readdirSync(tmp), [])
})
