import type { LedgerFacts, LookAtFileSystem, Place } from './facts.ts'
import { type Ledger, LedgerError } from './ledger.ts'
import type { PostgresLedgerOptions } from './postgres/ledger.ts'
import { refuseMissing } from './sqlite/files.ts'
import { openSqliteLedger, type SqliteLedgerOptions } from './sqlite/ledger.ts'
import { lookAtPlace, lookAtSqlite } from './sqlite/look.ts'
import { openDatabase } from './sqlite/open.ts'

export interface LedgerOptions extends Omit<SqliteLedgerOptions & PostgresLedgerOptions, 'path'> {
  /** `file:PATH` of an SQLite database, or `postgres://…` */
  readonly url: string
  /** Whether a database that is missing or empty is refused instead of made. Default false. */
  readonly mustExist?: boolean
  /** Whether a copy is made into it: half of one is opened, too. Default false. */
  readonly isCopyTarget?: boolean
  /** Whether it is copied: one that moved out is opened, too. Default false. */
  readonly isCopySource?: boolean
  /** Whether it is only read: it is neither made nor brought up to date, and a copy stays one. Default false. */
  readonly isLook?: boolean
}

/**
 * Opens the ledger that `url` names and brings it up to date.
 *
 * @throws LedgerError with a sentence for a person
 */
export async function openLedger({
  isCopyTarget = false,
  isCopySource = false,
  isLook = false,
  ...options
}: LedgerOptions): Promise<Ledger> {
  if (isLook) await assertReady(options.url)
  const ledger = await open({ ...options, isLook, mustExist: options.mustExist || isLook })
  try {
    if (!isCopyTarget && !isCopySource && !isLook) await ledger.moveIn()
    return ledger
  } catch (error) {
    await ledger.close()
    throw error
  }
}

async function open({
  url,
  mustExist = false,
  isLook = false,
  ...options
}: Omit<LedgerOptions, 'isCopyTarget' | 'isCopySource'>) {
  if (isPostgres(url))
    return (await import('./postgres/ledger.ts')).openPostgresLedger({ url, mustExist, ...options })
  const path = sqlitePath(url)
  if (mustExist) refuseMissing(path)
  return openSqliteLedger({ path, isLook, ...options })
}

const LOOK_WAIT_MS = 30_000

/**
 * What is opened to be read only must be as this code leaves it. One that is not there is refused elsewhere.
 *
 * @throws LedgerError with a sentence for a person
 */
export async function assertReady(url: string) {
  const { name, version, newest, contents } = await lookAtLedger(url, LOOK_WAIT_MS)
  if (version > 0 && version < newest)
    throw new LedgerError(
      `The database ${name} is of an older line-braze (schema ${version}, this one needs ${newest}); start the server of this version, or run line-braze migrate.`,
    )
  if (contents?.refusal) throw new LedgerError(contents.refusal)
}

/**
 * Brings the database that `url` names up to date. Returns the names of the migrations that it lacked.
 *
 * @throws LedgerError with a sentence for a person
 */
export async function migrateLedger(url: string): Promise<string[]> {
  if (isPostgres(url)) return (await import('./postgres/open.ts')).migratePostgres(url)
  const { migrated, close } = openDatabase(sqlitePath(url))
  close()
  return migrated
}

/**
 * Makes a place for an empty ledger in the PostgreSQL database that `url` names; it is gone again with `remove`.
 *
 * @throws LedgerError with a sentence for a person
 */
export const makeTemporarySchema = async (url: string) =>
  (await import('./postgres/schemas.ts')).makeTemporarySchema(url)

/**
 * Looks into the database that `url` names.
 *
 * @param waitMs how long to wait for a connection, where the database is elsewhere
 * @throws LedgerError with a sentence for a person
 */
export async function lookAtLedger(url: string, waitMs: number): Promise<LedgerFacts> {
  if (isPostgres(url)) return (await import('./postgres/look.ts')).lookAtPostgres(url, waitMs)
  return lookAtSqlite(sqlitePath(url))
}

/** Where the file of the database is that `url` names; null where it is elsewhere. @throws LedgerError */
export const lookAtLedgerPlace = async (url: string, look: LookAtFileSystem): Promise<Place | null> =>
  isPostgres(url) ? null : lookAtPlace(sqlitePath(url), look)

/** What serves it is loaded by those alone who use it. */
const isPostgres = (url: string) => /^postgres(ql)?:/.test(url)

/** `file:./data/x.db` (relative to the working folder), `file:/srv/x.db` and `file:///srv/x.db`. */
export const sqlitePath = (url: string): string => url.slice('file:'.length).replace(/^\/\/(?=\/)/, '')

/** The files of the database that `url` names, whether they are there or not; of a database elsewhere there are none here. */
export const databaseFiles = (url: string): string[] =>
  isPostgres(url) ? [] : ['', '-wal', '-shm'].map((suffix) => sqlitePath(url) + suffix)
