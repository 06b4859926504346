import { realpathSync } from 'node:fs'
import Database from 'better-sqlite3'

/**
 * Locks that end with the process that holds them, also by kill -9: each is the operating system's lock on an empty file
 * beside the database. No clock takes part, so that nobody has to wait after a crash.
 */
export function createLocks(path: string) {
  const held = new Map<string, { readonly owner: string | undefined; readonly file: Database.Database }>()
  return {
    /** False while somebody else has it, in this process or another; an `owner` that is named may take it again. */
    lock(name: string, owner?: string): boolean {
      const before = held.get(name)
      if (before) return owner !== undefined && before.owner === owner
      // By its real name: a link to the database is the same database.
      const file = new Database(`${realpathSync(path)}-${name}.lock`, { timeout: 0 })
      try {
        file.exec('BEGIN EXCLUSIVE')
        held.set(name, { owner, file })
        return true
      } catch (error) {
        file.close()
        if ((error as { code?: string }).code === 'SQLITE_BUSY') return false
        throw error
      }
    },
    unlock(name: string, owner?: string) {
      const lock = held.get(name)
      if (lock?.owner !== owner) return
      lock?.file.close()
      held.delete(name)
    },
    close() {
      for (const { file } of held.values()) file.close()
      held.clear()
    },
  }
}

export type Locks = ReturnType<typeof createLocks>
