import type { Ledger } from './ledger.ts'
import { openSqliteLedger, type SqliteLedgerOptions } from './sqlite/ledger.ts'
import { openDatabase } from './sqlite/open.ts'

export interface LedgerOptions extends Omit<SqliteLedgerOptions, 'path'> {
  /** `file:PATH` of an SQLite database. */
  readonly url: string
}

/**
 * Opens the ledger that `url` names and brings it up to date.
 *
 * @throws LedgerError with a sentence for a person
 */
export const openLedger = ({ url, ...options }: LedgerOptions): Promise<Ledger> =>
  openSqliteLedger({ path: sqlitePath(url), ...options })

/**
 * Brings the database that `url` names up to date. Returns the names of the migrations that it lacked.
 *
 * @throws LedgerError with a sentence for a person
 */
export async function migrateLedger(url: string): Promise<string[]> {
  const { db, migrated } = openDatabase(sqlitePath(url))
  db.close()
  return migrated
}

/** `file:./data/x.db` (relative to the working folder), `file:/srv/x.db` and `file:///srv/x.db`. */
export const sqlitePath = (url: string): string => url.slice('file:'.length).replace(/^\/\/(?=\/)/, '')
