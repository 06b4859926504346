import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { asLedgerError } from './errors.ts'
import { refuseLoneLog } from './files.ts'
import { migrate } from './migrate.ts'
import { type OpenDatabase, STARTING_BUSY_TIMEOUT_MS } from './open.ts'

/**
 * Opens a copy of the database at the path, or an empty one where there is none. The copy lies in the folder for
 * temporary files and has no name there any more, so that it is gone when this process is, however that ends.
 *
 * @throws LedgerError as `openDatabase` does
 */
export async function openScratch(relativePath: string): Promise<OpenDatabase> {
  const path = resolve(relativePath)
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-'))
  const copy = join(folder, 'scratch.db')
  try {
    refuseLoneLog(path)
    closeSync(openSync(copy, 'wx', 0o600))
    if (existsSync(path)) await copyDatabase(path, copy)
    const db = new Database(copy)
    // There is nothing to lose.
    db.pragma('journal_mode = MEMORY')
    db.pragma('synchronous = OFF')
    const migrated = migrate(db, path)
    return { db, migrated, assertInPlace() {}, shortenLog() {}, close: () => db.close() }
  } catch (error) {
    throw asLedgerError(error, path)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/**
 * The copy is of one moment, also while other processes write. In one step: with several, SQLite begins anew whenever
 * somebody has written in between, and a VACUUM takes twice as long, in which the log grows.
 */
async function copyDatabase(path: string, copy: string) {
  const db = new Database(path, { fileMustExist: true, timeout: STARTING_BUSY_TIMEOUT_MS })
  try {
    await db.backup(copy, { progress: () => Number.POSITIVE_INFINITY })
  } finally {
    db.close()
  }
}
