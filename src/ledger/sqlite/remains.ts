import { closeSync, fsyncSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import type BetterSqlite3 from 'better-sqlite3'
import { remainsOn } from './pages.ts'
import type { transactions } from './stored.ts'

/** Read in one go: nothing else is done meanwhile. */
const BYTES_AT_ONCE = 16_777_216
/** Of a longer name half is enough to know it by: the other half may have been written over. */
const WHOLE_BYTES = 16
/** What is shorter is in too many places by chance. */
const LEAST_BYTES = 8

export interface Found {
  /** Numbers of pages with something of the names. */
  readonly pages: readonly number[]
  /** Where to go on; null at the end. */
  readonly after: number | null
}

/**
 * What is left of deleted rows in the file of one open database. SQLite clears what a row has taken only with
 * `secure_delete`, and even then not the copies that were left behind where a page was split; and until the log begins anew
 * it has the pages as they were. So whatever no row has is looked through, and wiped where something was found.
 *
 * The file is written to below SQLite, in parts of pages that nobody reads, while nobody else may write and the log is empty; and
 * every process reads its pages anew afterwards, since one of them has changed.
 */
export function createRemains(database: BetterSqlite3.Database, atomic: ReturnType<typeof transactions>) {
  const isFile = database.pragma('journal_mode', { simple: true }) === 'wal'
  const pageBytes = database.pragma('page_size', { simple: true }) as number
  const ownPages = database.prepare<[], number>("SELECT pageno FROM dbstat WHERE name = 'forgotten'").pluck()
  const probe = database.prepare('UPDATE probes SET probed = probed + 1')
  const nothing = Buffer.alloc(pageBytes)
  let opened: number | undefined
  /** Never closed before the database is: that would drop the locks that SQLite has on the file. */
  const file = () => {
    opened ??= openSync(database.name, 'r+')
    return opened
  }

  /** The log as a whole in the database, and empty. False where somebody still reads it. */
  function emptyLog(): boolean {
    database.pragma('wal_checkpoint(TRUNCATE)')
    return isLogEmpty()
  }
  const isLogEmpty = () => statSync(`${database.name}-wal`, { throwIfNoEntry: false })?.size === 0

  /** Null: somebody has begun to write. */
  const wipe = atomic((pages: readonly number[]): number | null => {
    if (!isLogEmpty()) return null
    const read = (page: number) => {
      const bytes = Buffer.alloc(pageBytes)
      readSync(file(), bytes, 0, pageBytes, (page - 1) * pageBytes)
      return bytes
    }
    let wiped = 0
    for (const page of pages) {
      const ranges = remainsOn(page, read(page), read)
      // These bytes and no others: of what rows have nothing is in doubt, should the power fail meanwhile.
      for (const [from, to] of ranges) writeSync(file(), nothing, 0, to - from, (page - 1) * pageBytes + from)
      if (ranges.length > 0) wiped += 1
    }
    fsyncSync(file())
    probe.run()
    return wiped
  })

  return {
    /** Some of the pages with something of the names, after so many bytes; null: somebody reads the log. */
    findRemains(_now: number, names: readonly string[], after: number): Found | null {
      if (!isFile) return { pages: [], after: null }
      if (after === 0 && !emptyLog()) return null
      const bytes = Buffer.allocUnsafe(BYTES_AT_ONCE)
      const length = readSync(file(), bytes, 0, BYTES_AT_ONCE, after)
      const part = bytes.subarray(0, length)
      const found = new Set<number>()
      for (const needle of names.flatMap(needlesOf))
        for (let at = part.indexOf(needle); at >= 0; at = part.indexOf(needle, at + 1))
          found.add(Math.floor((after + at) / pageBytes) + 1)
      return { pages: [...found], after: length < BYTES_AT_ONCE ? null : after + length }
    },
    /** Wipes what no row has on these pages. Returns on how many there was something; null: it has to be done again. */
    wipeRemains(_now: number, pages: readonly number[] | 'own'): number | null {
      if (!isFile) return 0
      if (!emptyLog()) return null
      const wiped = wipe(pages === 'own' ? ownPages.all() : pages)
      // Also from memory: what this process has read of these pages would be written back one day.
      database.pragma('shrink_memory')
      return wiped !== null && emptyLog() ? wiped : null
    },
    closeFile() {
      if (opened !== undefined) closeSync(opened)
    },
  }
}

function needlesOf(name: string): Buffer[] {
  const bytes = Buffer.from(name)
  if (bytes.length < LEAST_BYTES) return []
  return bytes.length <= WHOLE_BYTES
    ? [bytes]
    : [bytes.subarray(0, WHOLE_BYTES), bytes.subarray(-WHOLE_BYTES)]
}
