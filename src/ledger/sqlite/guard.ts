import { closeSync, ftruncateSync, openSync, statSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { LedgerError } from '../ledger.ts'
import { frameBytesOf, type LogState, logReader } from './log.ts'
import { logChecker } from './whole.ts'

/**
 * Watches the three files of an open database: what was committed is stored only while it is in the log that lies at
 * its path, or in the database.
 *
 * A log that was removed is still open here. What it holds is brought into the database, which is then closed: later,
 * when others have begun a log of their own, SQLite would copy the old one over what they stored.
 */
export function createGuard(db: Database.Database, path: string) {
  // SQLite makes the other two files when something is first read.
  db.pragma('user_version')
  const logPath = `${path}-wal`
  const indexPath = `${path}-shm`
  const isDatabaseInPlace = watch(path)
  const isLogInPlace = watch(logPath)
  const isIndexInPlace = watch(indexPath)
  // The log alone: SQLite has locks on the other two, and to open and close those here would drop them.
  const log = openSync(logPath, 'r+')
  const read = logReader(db)
  const { isWhole, hasHeader } = logChecker(log, frameBytesOf(db))
  let lost: LedgerError | undefined

  function assertInPlace() {
    if (lost) throw lost
    if (!isDatabaseInPlace()) {
      throw new LedgerError(
        `The database ${path} was removed or replaced while it was in use; restart to use what is there now.`,
      )
    }
    if (!isLogInPlace() || !isIndexInPlace()) {
      throw giveUp(
        `The files ${logPath} and ${indexPath} were removed or replaced while they were in use, and nothing more is stored; restart, and leave them alone.`,
        rescue,
      )
    }
    // Within a transaction that writes SQLite does not tell of the log.
    if (!db.inTransaction && !isLogWhole()) {
      throw giveUp(
        `The log ${logPath} was cut off or overwritten while it was in use, what it held is lost, and nothing more is stored; restart, restore a backup if that fails, and run backfill.`,
        dropHoles,
      )
    }
  }

  /** Others may begin the log anew while it is looked at: it is damaged if it is not whole and nothing has moved. */
  function isLogWhole(): boolean {
    let last: LogState | undefined
    for (;;) {
      const state = read()
      if (isWhole(state)) return true
      if (last?.frames === state.frames && last.copied === state.copied) return false
      last = state
    }
  }

  /** Within a transaction nothing can be secured: it fails, and the next call comes here again. */
  function giveUp(sentence: string, secure: () => boolean): LedgerError {
    const error = new LedgerError(sentence)
    if (!db.inTransaction && secure()) {
      lost = error
      db.close()
    }
    return error
  }

  /** True when the database may be closed. */
  function rescue(): boolean {
    const theirs = statSync(logPath, { throwIfNoEntry: false })
    if (!isLogInPlace() && theirs && theirs.size > 0) {
      // Others were let in, so that all of ours is in the database. SQLite cannot copy what is not there.
      ftruncateSync(log)
      return true
    }
    if (!isLogWhole()) return dropHoles()
    const isIndexTheirs = !isIndexInPlace() && statSync(indexPath, { throwIfNoEntry: false }) !== undefined
    if (isIndexTheirs) return true
    db.pragma('wal_checkpoint(PASSIVE)')
    const { frames, copied } = read()
    // A reader of another process may be in the way; the next call tries again.
    return copied === frames
  }

  /** A log without its header is of no use to anybody, and SQLite would copy its holes over the database. */
  function dropHoles(): boolean {
    if (!hasHeader()) ftruncateSync(log)
    return true
  }

  return {
    assertInPlace,
    close() {
      db.close()
      closeSync(log)
    },
  }
}

/** Whether the file at the path is still the one that it is now. */
function watch(path: string): () => boolean {
  const { dev, ino } = statSync(path)
  return () => {
    const now = statSync(path, { throwIfNoEntry: false })
    return now?.dev === dev && now.ino === ino
  }
}
