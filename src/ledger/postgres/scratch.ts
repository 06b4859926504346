import type pg from 'pg'
import { LedgerError } from '../ledger.ts'
import type { Sql } from './database.ts'
import { apply, newest, refuseNewer, versionOf } from './migrate.ts'

/**
 * Rejects where the connection may be somebody else's at the next transaction, as a pooler's is: a rehearsal would be told
 * to what is real, and a server's webhooks to tables that end with the rehearsal. Whoever stands in between gives itself
 * away, since the process that it named when it was connected to is not the one that answers.
 *
 * @param name of the database, for errors
 */
export async function refusePooler(client: pg.Client, name: string) {
  const { processID } = client as pg.Client & { readonly processID: number | null }
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
  if (rows[0].pid === processID) return
  throw new LedgerError(
    `A dry run needs a connection to the database ${name} for itself, and there is a pooler in between; set DATABASE_URL to the database itself for it.`,
  )
}

/**
 * Hides the tables of the current schema behind temporary ones with the same rows, as they are at one moment. Only this
 * connection sees them, and they end with it. Nobody has to wait meanwhile: no lock is taken but those of reading.
 *
 * @param name of the database, for errors
 */
export async function makeScratch(sql: Sql, name: string) {
  await sql.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  const version = await versionOf(sql)
  refuseNewer(version, name)
  const [row] = await sql.query<{ schema: string }>('SELECT quote_ident(current_schema()) AS schema')
  const schema = row?.schema ?? 'public'
  // Whatever is not found there is nowhere: nothing can reach the tables that are hidden.
  await sql.query('SET search_path = pg_temp')
  await apply(sql, 0, version)
  if (version > 0) await copyRows(sql, schema)
  await apply(sql, version, newest())
  await sql.query('COMMIT')
}

async function copyRows(sql: Sql, schema: string) {
  const tables = await sql.query<{ name: string }>(
    `SELECT quote_ident(c.relname) AS name FROM pg_class AS c WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'`,
  )
  for (const { name } of tables) {
    await sql.query(`DELETE FROM ${name}`)
    await sql.query(`INSERT INTO ${name} SELECT * FROM ${schema}.${name}`, {}, 0)
    await sql.query(`ANALYZE ${name}`)
  }
  await sql.query("SELECT setval('run_ids', (SELECT coalesce(max(id), 0) + 1 FROM runs))")
}
