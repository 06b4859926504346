import type Database from 'better-sqlite3'

const FRAME_HEADER_BYTES = 24
/** Larger than SQLite's 1,000 pages, so that pages which are written often are copied to the database less often. */
export const CHECKPOINT_PAGES = 16_000
const WARNING_BYTES = 268_435_456
const MIB = 1_048_576

/** What a page takes in the log. */
export const frameBytesOf = (db: Database.Database): number =>
  FRAME_HEADER_BYTES + (db.pragma('page_size', { simple: true }) as number)

/** How many pages (frames) the write-ahead log has, and how many of them are in the database as well. */
export interface LogState {
  readonly frames: number
  readonly copied: number
}

/** Reads the state of the log from the memory that all processes share; it takes a microsecond and changes nothing. */
export function logReader(db: Database.Database): () => LogState {
  const statement = db
    .prepare<[], [busy: number, frames: number, copied: number]>('PRAGMA wal_checkpoint(NOOP)')
    .raw()
  return () => {
    const [, frames = 0, copied = 0] = statement.get() ?? []
    return { frames, copied }
  }
}

export interface LogKeeperOptions {
  readonly path: string
  readonly warn: (sentence: string) => void
  readonly checkpointPages?: number
  readonly warningBytes?: number
}

/**
 * Keeps the log short: copies it into the database when it has grown, after which the next transaction begins it
 * anew. A reader, in whatever process, keeps the log from beginning anew for as long as it reads.
 *
 * @returns what is to be called between transactions
 */
export function createLogKeeper(db: Database.Database, options: LogKeeperOptions): () => void {
  const { path, warn, checkpointPages = CHECKPOINT_PAGES, warningBytes = WARNING_BYTES } = options
  const read = logReader(db)
  const frameBytes = frameBytesOf(db)
  let next = checkpointPages
  let warned = false

  /** PASSIVE waits for nobody; RESTART lets nobody write between the copying and the beginning anew. */
  function copy(mode: 'PASSIVE' | 'RESTART'): string | undefined {
    try {
      db.pragma(`wal_checkpoint(${mode})`)
      return undefined
    } catch (error) {
      return `cannot be copied into the database (${(error as Error).message}); check the disk`
    }
  }

  return () => {
    const { frames, copied } = read()
    if (frames < checkpointPages) {
      next = checkpointPages
      warned = false
      return
    }
    if (copied === frames || frames < next) return
    // Looking through a long log takes a while: not after each transaction while a reader is in the way.
    next = frames + Math.ceil(checkpointPages / 16)
    const failure = copy(frames < 2 * checkpointPages ? 'PASSIVE' : 'RESTART')
    const isLong = frames * frameBytes > warningBytes && read().frames >= frames
    if (warned || !(failure || isLong)) return
    warned = true
    const reason =
      failure ??
      'keeps growing, since something reads the database without an end; end that (a shell with an open transaction, a backup that hangs) before the disk is full'
    warn(`The log ${path}-wal has ${Math.round((frames * frameBytes) / MIB)} MiB and ${reason}.`)
  }
}
