import type { Sql } from './database.ts'
import { apply, newest, refuseNewer, versionOf } from './migrate.ts'

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
