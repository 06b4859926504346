import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LedgerError } from '../ledger.ts'
import type { Database, Sql } from './database.ts'
import { isLocked } from './errors.ts'

const MIGRATIONS = fileURLToPath(new URL('../../../migrations/postgres/', import.meta.url))
/** The first of two keys of every advisory lock of ours: "line" in ASCII. */
export const LOCKS = 0x6c696e65

const files = () =>
  readdirSync(MIGRATIONS)
    .filter((file) => file.endsWith('.sql'))
    .sort()

/** Who waits for a table that somebody reads keeps all others waiting who come later: no longer than a webhook can wait. */
const LOCK_WAIT_MS = 500
/** In between the others get on. */
const PAUSE_MS = 1_000
const MOST_TRIES = 20

/**
 * Applies the files of migrations/postgres that the schema lacks, in one transaction. Processes that start at once wait for
 * each other: the lock ends with the transaction, and so with the connection.
 *
 * @returns the names of those that it lacked
 * @throws LedgerError where somebody keeps a table for half a minute, too
 */
export async function migrate(database: Database, name: string): Promise<string[]> {
  for (let tries = 1; ; tries++) {
    try {
      return await migrateOnce(database, name)
    } catch (error) {
      if (tries === MOST_TRIES || !isLocked((error as LedgerError).cause)) throw error
      await setTimeout(PAUSE_MS)
    }
  }
}

function migrateOnce(database: Database, name: string): Promise<string[]> {
  return database.transaction(async (transaction) => {
    const [lock] = await transaction.query(
      `SELECT pg_advisory_xact_lock(${LOCKS}, hashtext('migrate ' || current_schema())), current_schema() AS schema`,
      {},
      0,
    )
    if (lock?.schema === null) {
      throw new LedgerError(
        `The database ${name} has no schema of its search_path; create it, or set DATABASE_URL to another one.`,
      )
    }
    const version = await versionOf(transaction)
    refuseNewer(version, name)
    if (version === 0) await refuseForeign(transaction, name)
    await transaction.query(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`)
    return apply(transaction, version, files().length)
  })
}

/** Files from `from` on, up to `to`, in the current schema. */
export async function apply(sql: Sql, from: number, to: number): Promise<string[]> {
  const missing = files().slice(from, to)
  for (const file of missing) await sql.query(readFileSync(MIGRATIONS + file, 'utf8'), {}, 0)
  if (from === 0) await sql.query('CREATE TABLE IF NOT EXISTS line_braze (version integer NOT NULL)')
  if (from === 0) await sql.query('INSERT INTO line_braze (version) VALUES (0)')
  if (missing.length > 0) await sql.query(`UPDATE line_braze SET version = ${from + missing.length}`)
  return missing
}

/** How many of the files the current schema has had. */
export async function versionOf(sql: Sql): Promise<number> {
  const [found] = await sql.query<{ found: boolean }>(
    "SELECT to_regclass(quote_ident(current_schema()) || '.line_braze') IS NOT NULL AS found",
  )
  if (!found?.found) return 0
  const [row] = await sql.query<{ version: number }>('SELECT max(version) AS version FROM line_braze')
  return row?.version ?? 0
}

export const newest = () => files().length

export function refuseNewer(version: number, name: string) {
  if (version <= newest()) return
  throw new LedgerError(
    `The database ${name} was written by a newer line-braze (schema ${version}, this one knows ${newest()}); run that version or a newer one.`,
  )
}

/** @throws LedgerError where there is no ledger in the current schema */
export async function refuseEmpty(sql: Sql, name: string) {
  if ((await versionOf(sql)) > 0) return
  throw new LedgerError(
    `There is no ledger in the database ${name}; set DATABASE_URL to the one that the server uses, or run serve or backfill first.`,
  )
}

/** @throws LedgerError where the current schema, in which there is no ledger, has tables of the same names */
export async function refuseForeign(sql: Sql, name: string) {
  const [row] = await sql.query<{ found: boolean }>(
    "SELECT to_regclass(quote_ident(current_schema()) || '.contacts') IS NOT NULL AS found",
  )
  if (!row?.found) return
  throw new LedgerError(
    `The database ${name} has tables of another program; set DATABASE_URL to a database or a schema (?options=-c%20search_path=NAME) of its own.`,
  )
}
