import pg from 'pg'
import t, { type Test } from 'tap'
import { DELIVERY_LEASE } from '../../src/ledger/ledger.ts'
import { openLedger } from '../../src/ledger/open.ts'
import { startPostgres } from '../harness/postgres.ts'
import type { Env } from '../harness/process.ts'
import { lastLine, SECRET, stage } from '../harness/stage.ts'

const server = await startPostgres()
t.teardown(server.stop)

interface Line {
  readonly name: string
  readonly status: string
  readonly message: string
}

async function setUp(t: Test) {
  const databaseUrl = await server.createSchema()
  const parts = await stage(t, { databaseUrl })
  const { line, env } = await parts.lineApi({ channelSecret: SECRET })
  line.setWebhook('https://your.host/webhook')
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  t.teardown(async () => {
    await client.end()
    await server.dropSchema(databaseUrl)
  })
  return {
    databaseUrl,
    line,
    query: (text: string) => client.query(text),
    /** What is said of the database. */
    async examine(more: Env = {}) {
      const { stdout, stderr, code } = await parts.command(['doctor', '--json'], { ...env, ...more }).ended
      const { checks } = lastLine(stdout) as { checks: Line[] }
      t.notMatch(stdout + stderr, new URL(databaseUrl).password || SECRET, 'no password is printed')
      const named = (name: string) => checks.find((check) => check.name === name)
      return { code, checks, named }
    },
  }
}

/** The same server with something of the URL changed. */
function changed(url: string, change: (url: URL) => void): Env {
  const other = new URL(url)
  change(other)
  return { DATABASE_URL: other.href }
}

t.test('PostgreSQL: without a ledger, and with one that somebody serves', async (t) => {
  const { databaseUrl, examine, line, query } = await setUp(t)
  const before = await examine()
  t.match(before.named('database'), { status: 'warning', message: /has no ledger yet/ })
  const { rows } = await query(
    'SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace',
  )
  t.strictSame(rows, [], 'nothing is made')

  const ledger = await openLedger({ url: databaseUrl })
  t.teardown(ledger.close)
  await ledger.claimAccount('default', line.destination, true)
  await ledger.holdLease(DELIVERY_LEASE, 'somebody', 60_000, { endedMs: 0, lostMs: 0 })
  const { code, named } = await examine()
  t.equal(code, 0)
  t.match(named('database'), { status: 'ok', message: /newest schema, \d+, PostgreSQL \d+\.\d+/ })
  t.match(named('line.account'), { status: 'ok' })
  t.match(named('server.lease'), { status: 'ok', message: /^Another process/ })
  t.equal(named('database.disk'), undefined)
})

t.test('PostgreSQL: what is committed may be lost', { skip: server.isPooled }, async (t) => {
  const { databaseUrl, examine } = await setUp(t)
  await (await openLedger({ url: databaseUrl })).close()
  const off = changed(databaseUrl, (url) => {
    url.searchParams.set('options', `${url.searchParams.get('options')} -c synchronous_commit=off`)
  })
  t.match((await examine(off)).named('database.durable'), {
    status: 'warning',
    message: /has synchronous_commit( and fsync)? off/,
  })
})

t.test('PostgreSQL: older, newer, half of a copy, of another program', async (t) => {
  const { databaseUrl, examine, query } = await setUp(t)
  await query('CREATE TABLE contacts (id integer)')
  t.match((await examine()).named('database'), { status: 'wrong', message: /tables of another program/ })
  await query('DROP TABLE contacts')
  await (await openLedger({ url: databaseUrl })).close()
  await query('UPDATE identity SET is_complete = false')
  t.match((await examine()).named('database'), { status: 'wrong', message: /copy that is not finished/ })
  await query('UPDATE line_braze SET version = 1')
  t.match((await examine()).named('database'), { status: 'warning', message: /schema 1 of \d+/ })
  await query('UPDATE line_braze SET version = 99')
  t.match((await examine()).named('database'), { status: 'wrong', message: /newer line-braze/ })
})

t.test(
  'PostgreSQL: away, no such database, a wrong password, read-only, without rights',
  { skip: server.isPooled },
  async (t) => {
    const { databaseUrl, examine, query } = await setUp(t)
    await (await openLedger({ url: databaseUrl })).close()
    const wrong = async (message: RegExp, change: (url: URL) => void) => {
      const { code, named } = await examine(changed(databaseUrl, change))
      t.equal(code, 1)
      t.match(named('database'), { status: 'wrong', message })
      t.match(named('line.account'), { status: 'not checked' })
      t.match(named('braze'), { status: 'ok' }, 'the rest is checked')
    }
    await wrong(/cannot be reached/, (url) => {
      url.port = '9'
    })
    await wrong(/does not exist/, (url) => {
      url.pathname = '/none'
    })
    await wrong(/is read-only, as a standby is/, (url) => {
      url.searchParams.set(
        'options',
        `${url.searchParams.get('options')} -c default_transaction_read_only=on`,
      )
    })
    const { rows } = await query('SELECT current_schema() AS schema')
    const [{ schema }] = rows
    await query(`CREATE ROLE ${schema}_reader LOGIN PASSWORD 'reader-password'`)
    t.teardown(async () => {
      await query(`DROP OWNED BY ${schema}_reader`)
      await query(`DROP ROLE ${schema}_reader`)
    })
    await query(`GRANT USAGE ON SCHEMA ${schema} TO ${schema}_reader`)
    await query(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${schema}_reader`)
    const asReader = (password: string) =>
      changed(databaseUrl, (url) => {
        url.username = `${schema}_reader`
        url.password = password
      })
    t.match((await examine(asReader('reader-password'))).named('database.rights'), {
      status: 'wrong',
      message: /may not change the ledger's tables/,
    })
    t.match((await examine(asReader('another'))).named('database'), {
      status: 'wrong',
      message: /refuses the user or the password/,
    })
    await query(`GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO ${schema}_reader`)
    t.match((await examine(asReader('reader-password'))).named('database.rights'), {
      status: 'warning',
      message: /may not make tables/,
    })
  },
)
