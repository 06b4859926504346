import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { LedgerError } from '../ledger.ts'

/** Makes the database file and its folder when they are missing, for their owner only. */
export function makePrivately(path: string) {
  makeFolder(dirname(path))
  const there = statSync(path, { throwIfNoEntry: false })
  if (there?.isDirectory())
    throw new LedgerError(`The database ${path} is a folder; set DATABASE_URL to a file.`)
  // One that is there is not opened: to close it again would drop the locks that this process may have on it.
  if (there) accessSync(path, constants.R_OK | constants.W_OK)
  // SQLite gives its -wal and -shm files the mode of the database file.
  else closeSync(openSync(path, 'a', 0o600))
}

/** One folder after the other: in some places, such as /proc, Node's own `recursive` never returns. */
function makeFolder(folder: string) {
  if (existsSync(folder)) return
  if (!existsSync(dirname(folder))) makeFolder(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * Refuses a log without a database. SQLite would delete it, and with it what was stored last.
 *
 * @throws LedgerError
 */
export function refuseLoneLog(path: string) {
  // The log first: where another process is making both, the database is there before it.
  const log = sizeOf(`${path}-wal`)
  if (log === 0 || sizeOf(path) > 0) return
  throw new LedgerError(
    `The database ${path} was removed or is empty, but its log ${path}-wal is there, with what was stored last; put the database back beside it, or restore both from a backup, or move the log away to begin with an empty database.`,
  )
}

/** @throws LedgerError when there is no database yet */
export function refuseMissing(path: string) {
  refuseLoneLog(path)
  if (sizeOf(path) > 0) return
  throw new LedgerError(
    `There is no database at ${path}; set DATABASE_URL to the one that the server uses, or run serve or backfill first.`,
  )
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0
