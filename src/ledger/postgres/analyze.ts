import type { Sql } from './database.ts'

/**
 * Lets the database count what is in tables that have grown by much, as it does by itself a minute later. Plans that were made
 * for next to nothing, and are kept for as long as their connection, are made anew by that, on every connection. A matter
 * of speed only.
 */
export async function analyze(sql: Sql, tables: readonly string[]) {
  for (const table of tables) await sql.query(`ANALYZE ${table}`, {}, 0).catch(() => {})
}
