/** Migrations of a database that is there already: by many at once, and ones that fail. */
import { readdirSync } from 'node:fs'
import pg from 'pg'
import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { migrateLedger, openLedger } from '../../src/ledger/open.ts'
import { createPool } from '../../src/ledger/postgres/connections.ts'
import { createDatabase } from '../../src/ledger/postgres/database.ts'
import { apply } from '../../src/ledger/postgres/migrate.ts'
import { key } from '../harness/people.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

const FILES = readdirSync(`${import.meta.dirname}/../../migrations/postgres`).sort()
const NEWEST = FILES.length

async function query(url: string, text: string) {
  const client = new pg.Client(url)
  await client.connect()
  return (await client.query(text).finally(() => client.end())).rows
}
const versionIn = async (url: string) => (await query(url, 'SELECT version FROM line_braze'))[0].version

/** The URL of a ledger as the release before the newest migration left it, with somebody in it. */
async function olderLedger() {
  const url = await server.createSchema()
  const pool = createPool({ url, waitMs: PATIENCE_MS })
  const database = createDatabase({ connections: pool, name: 'x' })
  await database.transaction((transaction) => apply(transaction, 0, NEWEST - 1))
  await pool.end()
  await query(
    url,
    `INSERT INTO contacts (channel, user_id, friend_at, messaged_at, gone_at, revision, accepted, changed_at, due_at, term, was)
    VALUES ('default', 'before', 5, 0, 0, 1, 1, 1, 1, 0, 0)`,
  )
  await query(url, `INSERT INTO counts VALUES ('default', 0, 1, 0, 0, 0, 0, 0, 0)`)
  return url
}

t.test('processes that start at once bring an older database up to date together', async (t) => {
  const url = await olderLedger()
  t.equal(await versionIn(url), NEWEST - 1)
  const ledgers = await Promise.all(
    Array.from({ length: 10 }, () => openLedger({ busyTimeoutMs: PATIENCE_MS, url })),
  )
  t.equal(await versionIn(url), NEWEST)
  await Promise.all(ledgers.map((ledger, i) => ledger.record([friend(key(`u${i}`), 5)])))
  t.match(await ledgers[0]?.counts(), [{ friend: 11 }], 'with who was there before')
  await Promise.all(ledgers.map((ledger) => ledger.close()))
})

t.test('of many who migrate an older database at once one does', async (t) => {
  const url = await olderLedger()
  const lacked = await Promise.all(Array.from({ length: 10 }, () => migrateLedger(url)))
  t.strictSame(
    lacked.filter((names) => names.length > 0),
    [FILES.slice(-1)],
  )
})

t.test('a migration that fails in the middle leaves the old version whole, and says why', async (t) => {
  const url = await olderLedger()
  const tables = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1`
  const before = await query(url, tables)
  // Its files are done by then: the last statement of all is refused.
  await query(url, `ALTER TABLE line_braze ADD CONSTRAINT stays CHECK (version < ${NEWEST})`)
  const refusal = { name: 'LedgerError', message: /^The database \S+ cannot be used \(23514: .*"stays"\)\.$/ }
  await t.rejects(migrateLedger(url), refusal)
  await t.rejects(openLedger({ url, busyTimeoutMs: PATIENCE_MS }), refusal)
  t.equal(await versionIn(url), NEWEST - 1)
  t.strictSame(await query(url, tables), before)
  t.strictSame(await query(url, 'SELECT user_id FROM contacts'), [{ user_id: 'before' }])
  await query(url, 'ALTER TABLE line_braze DROP CONSTRAINT stays')
  t.strictSame(await migrateLedger(url), FILES.slice(-1), 'and is done once that is mended')
})
