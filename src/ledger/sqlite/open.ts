import { resolve } from 'node:path'
import Database from 'better-sqlite3'
import { asLedgerError } from './errors.ts'
import { makePrivately, refuseLoneLog } from './files.ts'
import { createGuard } from './guard.ts'
import { CHECKPOINT_PAGES, createLogKeeper, frameBytesOf } from './log.ts'
import { migrate } from './migrate.ts'

/** How long a statement itself waits for another process's transaction; the thread asks again, see calls.ts. */
const BUSY_TIMEOUT_MS = 2
/** Another process may be migrating while we start, and nobody waits for us yet. */
export const STARTING_BUSY_TIMEOUT_MS = 30_000

export interface OpenDatabase {
  readonly db: Database.Database
  /** The migrations that were missing. */
  readonly migrated: string[]
  /**
   * To be called before and after everything that is done with the database: what is committed to a file that was
   * removed or replaced is on no disk. Between transactions it also looks whether the log is whole; inside of one it
   * cannot.
   *
   * @throws LedgerError when the database, its `-wal` or its `-shm` is not the one that was opened
   */
  assertInPlace(): void
  /** To be called now and then between transactions, when the files are in place: brings the log into the database. */
  shortenLog(): void
  close(): void
}

/**
 * Opens the database file, makes its folder and itself (readable by the owner only) when missing, and brings it
 * up to date. Several processes may do so at once.
 *
 * @param warn told what a person should mend, in a sentence
 * @param isLook whether it is up to date already and only read. Then nothing is written to it: who wants to know how it
 *   stands is told so, also on a full disk and while another program locks it
 * @throws LedgerError with a sentence for a person: unreadable, read-only, corrupt, or newer than this code
 */
export function openDatabase(
  relativePath: string,
  warn: (sentence: string) => void = () => {},
  isLook = false,
): OpenDatabase {
  // Absolute, since SQLite has names of its own, such as :memory:, that are no files.
  const path = resolve(relativePath)
  let db: Database.Database | undefined
  try {
    refuseLoneLog(path)
    makePrivately(path)
    db = new Database(path, { timeout: STARTING_BUSY_TIMEOUT_MS })
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    // Not SQLite's own checkpoints: they would copy a damaged log over the database before anybody had looked.
    db.pragma('wal_autocheckpoint = 0')
    // What a statement of many rows might have to undo is kept in memory, and not in a file that nobody needs.
    db.pragma('temp_store = MEMORY')
    db.pragma(`journal_size_limit = ${CHECKPOINT_PAGES * frameBytesOf(db)}`)
    const { assertInPlace, close } = createGuard(db, path)
    assertInPlace()
    const migrated = isLook ? [] : migrate(db, path)
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
    return { db, migrated, assertInPlace, shortenLog: createLogKeeper(db, { path, warn }), close }
  } catch (error) {
    db?.close()
    throw asLedgerError(error, path)
  }
}
