import { LedgerError } from '../ledger.ts'
import { REFUSALS } from '../records.ts'

const HINTS: Record<string, string> = {
  SQLITE_CORRUPT: 'is damaged; restore it from a backup, or move it away to start anew',
  SQLITE_NOTADB: 'is no SQLite database; set DATABASE_URL to another file, or move this one away',
  SQLITE_READONLY: 'is read-only; let this user write the file and its folder',
  SQLITE_CANTOPEN: 'cannot be opened; check that its folder exists and may be written',
  SQLITE_BUSY: 'is locked by another program; end that one, or try again',
  SQLITE_FULL: 'cannot grow: the disk is full; free some space',
  SQLITE_IOERR_SHORT_READ:
    'cannot be read, since its log (-wal) was removed or cut off; end every process that uses it, then start again',
  SQLITE_IOERR: 'cannot be read or written; check the disk',
  EACCES: 'cannot be written by this user; change the permissions of the file and its folder',
  EPERM: 'cannot be written by this user; change the permissions of the file and its folder',
  EROFS: 'is on a read-only file system; set DATABASE_URL to a place that can be written',
  EISDIR: 'is a folder; set DATABASE_URL to a file',
  ENOENT: 'cannot be made there; set DATABASE_URL to a place where files can be made',
  ENOTDIR: 'cannot be made, since part of its path is a file; set DATABASE_URL to another place',
  EEXIST: 'cannot be made, since part of its path is a file; set DATABASE_URL to another place',
  ENOSPC: 'cannot be made: the disk is full; free some space',
}

/** One sentence that says what happened, to which file, and what to do; the cause is kept. */
export function asLedgerError(cause: unknown, path: string): LedgerError {
  if (cause instanceof LedgerError) return cause
  // No other trigger refuses anything: see moving.ts.
  if ((cause as { code?: string }).code === 'SQLITE_CONSTRAINT_TRIGGER')
    return new LedgerError(REFUSALS.moved, { cause })
  const { code = '', message } = cause as { code?: string; message: string }
  // Extended codes add to their family's name: SQLITE_READONLY_DBMOVED, SQLITE_IOERR_WRITE, …
  const known = Object.keys(HINTS).find((name) => code === name || code.startsWith(`${name}_`))
  const said = known ? HINTS[known] : 'cannot be used'
  return new LedgerError(
    `The database ${path} ${said} (${message.startsWith(code) ? message : `${code}: ${message}`}).`,
    { cause },
  )
}
