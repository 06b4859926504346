import type pg from 'pg'
import { connectAlone, createPool, sharing } from './connections.ts'
import { createDatabase, type Database } from './database.ts'
import { asLedgerError, nameOf } from './errors.ts'
import { migrate, refuseEmpty } from './migrate.ts'
import { refuseOtherSchema } from './schemas.ts'
import { makeScratch, refusePooler } from './scratch.ts'

export interface OpenOptions {
  readonly url: string
  /** Whether a database without a ledger is refused instead of getting one. */
  readonly mustExist: boolean
  /** Whether temporary tables are opened instead, which end with it. */
  readonly isScratch: boolean
  /** How long a statement waits for a connection. */
  readonly waitMs: number
  /** For tests, instead of the database's clock. */
  readonly clock?: (() => number) | undefined
  /** Told what a person should mend before it does harm, in a sentence. */
  readonly onWarning?: ((sentence: string) => void) | undefined
}

/** A database that is busy, as when all servers start at once, is waited for: nobody waits for an answer of ours yet. */
const STARTING_PATIENCE_MS = 30_000

/**
 * Opens the database and brings it up to date.
 *
 * @throws LedgerError with a sentence for a person, without the password
 */
export async function openDatabase({ url, mustExist, isScratch, waitMs, clock, onWarning }: OpenOptions) {
  const name = nameOf(url)
  const alone = () => connectAlone({ url, waitMs })
  const first = sharing(await connectFirst(url, isScratch))
  const database = createDatabase({ connections: first, name, clock })
  try {
    await refuseOtherSchema(database, url, name)
    if (mustExist) await refuseEmpty(database, name)
    if (isScratch) await makeScratch(database, name)
    else await migrate(database, name)
    if (onWarning) await warn(database, onWarning)
  } catch (error) {
    await first.end()
    throw asLedgerError(error, name)
  }
  if (isScratch) return { database, name, alone, end: first.end }
  await first.end()
  const pool = createPool({ url, waitMs })
  return { database: createDatabase({ connections: pool, name, clock }), name, alone, end: pool.end }
}

/**
 * Brings the database up to date. Returns the names of the migrations that it lacked.
 *
 * @throws LedgerError with a sentence for a person, without the password
 */
export async function migratePostgres(url: string): Promise<string[]> {
  const name = nameOf(url)
  const connections = sharing(await connectFirst(url))
  try {
    const database = createDatabase({ connections, name })
    await refuseOtherSchema(database, url, name)
    return await migrate(database, name)
  } finally {
    await connections.end()
  }
}

async function connectFirst(url: string, isScratch = false) {
  const name = nameOf(url)
  let client: pg.Client | undefined
  try {
    client = await connectAlone({ url, waitMs: STARTING_PATIENCE_MS })
    if (isScratch) await refusePooler(client, name)
    return client
  } catch (error) {
    await client?.end().catch(() => {})
    throw asLedgerError(error, name)
  }
}

/** What is acknowledged must be on disk. */
async function warn(database: Database, onWarning: (sentence: string) => void) {
  const [row] = await database.query("SELECT current_setting('synchronous_commit') AS value")
  if (row?.value !== 'off') return
  onWarning(
    'The database has synchronous_commit = off: what LINE was told is stored can be lost when its machine crashes. Set it to on.',
  )
}
