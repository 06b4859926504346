import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type Database from 'better-sqlite3'
import { LedgerError } from '../ledger.ts'

const MIGRATIONS = fileURLToPath(new URL('../../../migrations/sqlite/', import.meta.url))

/**
 * Applies the files of migrations/sqlite that `user_version` does not count yet, in one transaction that locks
 * other processes out from its first statement on. Also where nothing is missing it takes that lock: the proof
 * that the database can be written.
 */
export function migrate(db: Database.Database, path: string): string[] {
  const files = migrationFiles()
  return db
    .transaction(() => {
      const version = db.pragma('user_version', { simple: true }) as number
      assertOurs(db, path, version)
      const missing = files.slice(version)
      for (const name of missing) db.exec(readFileSync(new URL(name, `file://${MIGRATIONS}`), 'utf8'))
      db.pragma(`user_version = ${files.length}`)
      return missing
    })
    .immediate()
}

/** In their order. */
export const migrationFiles = (): string[] =>
  readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort()

/** @throws LedgerError where a newer line-braze or another program has made it */
export function assertOurs(db: Database.Database, path: string, version: number) {
  const newest = migrationFiles().length
  if (version > newest) {
    throw new LedgerError(
      `The database ${path} was written by a newer line-braze (schema ${version}, this one knows ${newest}); run that version or a newer one.`,
    )
  }
  if (version === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get()) {
    throw new LedgerError(
      `The database ${path} belongs to another program; set DATABASE_URL to a file of its own.`,
    )
  }
}
