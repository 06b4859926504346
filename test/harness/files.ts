import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Test } from 'tap'

/** A folder that is gone with the test; what uses it has to be closed by a teardown that is set later. */
export function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'line-braze-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Whom a process that is killed at this moment leaves in the database: its log has not been closed. */
export function leftBy(t: Test, path: string, table = 'contacts'): Set<string> {
  const copy = join(folder(t), 'left.db')
  copyFileSync(path, copy)
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`)
  const db = new Database(copy)
  try {
    t.equal(db.pragma('integrity_check', { simple: true }), 'ok', 'the database is sound')
    return new Set(db.prepare<[], string>(`SELECT user_id FROM ${table}`).pluck().all())
  } finally {
    db.close()
  }
}
