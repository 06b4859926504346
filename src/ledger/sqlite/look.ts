import { constants, existsSync } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import Database from 'better-sqlite3'
import type { LedgerContents, LedgerFacts, LookAtFileSystem, Place } from '../facts.ts'
import { DELIVERY_LEASE, LEASE_LIMIT_MS, LedgerError } from '../ledger.ts'
import { REFUSALS } from '../records.ts'
import { asLedgerError } from './errors.ts'
import { refuseLoneLog } from './files.ts'
import { assertOurs, migrationFiles } from './migrate.ts'
import { IS_CLOSED } from './moving.ts'

/** @throws LedgerError where the folder cannot be looked at */
export async function lookAtPlace(relativePath: string, look: LookAtFileSystem): Promise<Place> {
  const path = resolve(relativePath)
  try {
    const folder = await nearestFolder(dirname(path))
    const { type, bavail, bsize } = await look(folder)
    return { folder, type, freeBytes: bavail * bsize }
  } catch (error) {
    throw asLedgerError(error, path)
  }
}

/**
 * Looks into the database at the path, and whether it and its folder may be written.
 *
 * @throws LedgerError with a sentence for a person
 */
export async function lookAtSqlite(relativePath: string): Promise<LedgerFacts> {
  const path = resolve(relativePath)
  const newest = migrationFiles().length
  const facts = { name: path, newest, server: null }
  try {
    // Asynchronously first: nobody waits for a file system that does not answer.
    const folder = await nearestFolder(dirname(path))
    await access(folder, constants.W_OK)
    refuseLoneLog(path)
    const file = await stat(path).catch(absentAs(null))
    if (file?.isDirectory())
      throw new LedgerError(`The database ${path} is a folder; set DATABASE_URL to a file.`)
    if (!file || file.size === 0) return { ...facts, version: 0, contents: null }
    await access(path, constants.R_OK | constants.W_OK)
    return { ...facts, ...read(path, newest) }
  } catch (error) {
    throw asLedgerError(error, path)
  }
}

function read(path: string, newest: number): Pick<LedgerFacts, 'version' | 'contents'> {
  // A log that somebody has left is for those who work with the database to bring in. Where there is none, only a
  // connection that may write takes the two files away again that it makes.
  const db = new Database(path, { readonly: existsSync(`${path}-wal`), fileMustExist: true })
  try {
    const version = db.pragma('user_version', { simple: true }) as number
    assertOurs(db, path, version)
    return { version, contents: version === newest ? contentsOf(db) : null }
  } finally {
    db.close()
  }
}

function contentsOf(db: Database.Database): LedgerContents {
  const now = Date.now()
  const accounts = db
    .prepare<[], { channel: string; destination: string }>('SELECT channel, destination FROM accounts')
    .all()
  const lease = db
    .prepare("SELECT 1 FROM leases WHERE name = ? AND holder <> '' AND expires_at > ? AND expires_at <= ?")
    .get(DELIVERY_LEASE, now, now + LEASE_LIMIT_MS)
  const isComplete = db.prepare('SELECT is_complete FROM identity').pluck().get() === 1
  const isClosed = db.prepare(`SELECT ${IS_CLOSED}`).pluck().get() === 1
  return {
    accounts: new Map(accounts.map(({ channel, destination }) => [channel, destination])),
    channels: db.prepare<[], string>('SELECT channel FROM counts').pluck().all(),
    isDelivered: lease !== undefined,
    refusal: !isComplete ? REFUSALS.unfinished : isClosed ? REFUSALS.moved : null,
  }
}

async function nearestFolder(folder: string): Promise<string> {
  const there = await stat(folder).catch(absentAs(null))
  if (there) return folder
  if (folder === dirname(folder)) throw new LedgerError(`There is no folder ${folder}.`)
  return nearestFolder(dirname(folder))
}

/** What is not there is an answer; anything else is not. */
const absentAs =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value
    throw error
  }
