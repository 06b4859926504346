import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { LedgerError } from '../ledger.ts'

const MIGRATIONS = fileURLToPath(new URL('../../../migrations/sqlite/', import.meta.url))

/** How long a statement itself waits for another process's transaction; the thread asks again, see worker.ts. */
const BUSY_TIMEOUT_MS = 2
/** Another process may be migrating while we start, and nobody waits for us yet. */
const STARTING_BUSY_TIMEOUT_MS = 30_000
/** Larger than SQLite's 1,000 pages, so that pages which are written often are copied to the database less often. */
const CHECKPOINT_PAGES = 16_000

export interface OpenDatabase {
  readonly db: Database.Database
  /** The migrations that were missing. */
  readonly migrated: string[]
  /**
   * @throws LedgerError when the file at the path is another one than was opened, or none: what is committed to a file
   * that was removed or replaced is on no disk
   */
  assertInPlace(): void
}

/**
 * Opens the database file, makes its folder and itself (readable by the owner only) when missing, and brings it
 * up to date. Several processes may do so at once.
 *
 * @throws LedgerError with a sentence for a person: unreadable, read-only, corrupt, or newer than this code
 */
export function openDatabase(relativePath: string): OpenDatabase {
  // Absolute, since SQLite has names of its own, such as :memory:, that are no files.
  const path = resolve(relativePath)
  let db: Database.Database | undefined
  try {
    createPrivately(path)
    db = new Database(path, { timeout: STARTING_BUSY_TIMEOUT_MS })
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    // What a statement of many rows might have to undo is kept in memory, and not in a file that nobody needs.
    db.pragma('temp_store = MEMORY')
    const migrated = migrate(db, path)
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
    return { db, migrated, assertInPlace: createGuard(path) }
  } catch (error) {
    db?.close()
    throw asLedgerError(error, path)
  }
}

/**
 * Opens a copy of the database at the path, or an empty one where there is none. The copy lies in the folder for
 * temporary files and has no name there any more, so that it is gone when this process is, however that ends.
 *
 * @throws LedgerError as `openDatabase` does
 */
export function openScratch(relativePath: string): OpenDatabase {
  const path = resolve(relativePath)
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-'))
  const copy = join(folder, 'scratch.db')
  try {
    if (existsSync(path)) copyDatabase(path, copy)
    const db = new Database(copy)
    // There is nothing to lose.
    db.pragma('journal_mode = MEMORY')
    db.pragma('synchronous = OFF')
    const migrated = migrate(db, path)
    return { db, migrated, assertInPlace() {} }
  } catch (error) {
    throw asLedgerError(error, path)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** As other processes may be writing it: the copy is of one moment. */
function copyDatabase(path: string, copy: string) {
  const db = new Database(path, { fileMustExist: true, timeout: STARTING_BUSY_TIMEOUT_MS })
  try {
    db.prepare('VACUUM INTO ?').run(copy)
  } finally {
    db.close()
  }
}

function createGuard(path: string) {
  const { dev, ino } = statSync(path)
  return () => {
    const now = statSync(path, { throwIfNoEntry: false })
    if (now?.dev === dev && now.ino === ino) return
    throw new LedgerError(
      `The database ${path} was removed or replaced while it was in use; restart to use what is there now.`,
    )
  }
}

function createPrivately(path: string) {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // SQLite gives its -wal and -shm files the mode of the database file.
  closeSync(openSync(path, 'a', 0o600))
}

/**
 * Applies the files of migrations/sqlite that `user_version` does not count yet, in one transaction that locks
 * other processes out from its first statement on. Also where nothing is missing it takes that lock: the proof
 * that the database can be written.
 */
function migrate(db: Database.Database, path: string): string[] {
  const files = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  return db
    .transaction(() => {
      const version = db.pragma('user_version', { simple: true }) as number
      if (version > files.length) {
        throw new LedgerError(
          `The database ${path} was written by a newer line-braze (schema ${version}, this one knows ${files.length}); run that version or a newer one.`,
        )
      }
      if (version === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get()) {
        throw new LedgerError(
          `The database ${path} belongs to another program; set DATABASE_URL to a file of its own.`,
        )
      }
      const missing = files.slice(version)
      for (const name of missing) db.exec(readFileSync(new URL(name, `file://${MIGRATIONS}`), 'utf8'))
      db.pragma(`user_version = ${files.length}`)
      return missing
    })
    .immediate()
}

const HINTS: Record<string, string> = {
  SQLITE_CORRUPT: 'is damaged; restore it from a backup, or move it away to start anew',
  SQLITE_NOTADB: 'is no SQLite database; set DATABASE_URL to another file, or move this one away',
  SQLITE_READONLY: 'is read-only; let this user write the file and its folder',
  SQLITE_CANTOPEN: 'cannot be opened; check that its folder exists and may be written',
  SQLITE_BUSY: 'is locked by another program; end that one, or try again',
  SQLITE_FULL: 'cannot grow: the disk is full; free some space',
  SQLITE_IOERR: 'cannot be read or written; check the disk',
  EACCES: 'cannot be written by this user; change the permissions of the file and its folder',
  EPERM: 'cannot be written by this user; change the permissions of the file and its folder',
  EROFS: 'is on a read-only file system; set DATABASE_URL to a place that can be written',
  EISDIR: 'is a folder; set DATABASE_URL to a file',
  ENOTDIR: 'cannot be made, since part of its path is a file; set DATABASE_URL to another place',
  EEXIST: 'cannot be made, since part of its path is a file; set DATABASE_URL to another place',
  ENOSPC: 'cannot be made: the disk is full; free some space',
}

/** One sentence that says what happened, to which file, and what to do; the cause is kept. */
export function asLedgerError(cause: unknown, path: string): LedgerError {
  if (cause instanceof LedgerError) return cause
  const { code = '', message } = cause as { code?: string; message: string }
  // Extended codes add to their family's name: SQLITE_READONLY_DBMOVED, SQLITE_IOERR_WRITE, …
  const known = Object.keys(HINTS).find((name) => code === name || code.startsWith(`${name}_`))
  const said = known ? HINTS[known] : 'cannot be used'
  return new LedgerError(
    `The database ${path} ${said} (${message.startsWith(code) ? message : `${code}: ${message}`}).`,
    { cause },
  )
}
