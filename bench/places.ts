/** Where the ledger of a benchmark is kept, and what it takes there, asked without knowing its tables. */
import { mkdirSync, rmSync, statSync } from 'node:fs'
import pg from 'pg'
import { databaseFiles, makeTemporarySchema } from '../src/ledger/open.ts'
import { startPostgres } from './processes/postgres.ts'
import { databaseIn } from './processes/program.ts'
import { writtenBytes } from './processes/usage.ts'

/** A place for one ledger at a time. */
export interface Place {
  readonly url: string
  /** What the ledger takes on disk, with the indexes and without the log; it must be closed. */
  bytes(): Promise<number>
  /** Written so far: by SQLite to its log and from there into the database, by PostgreSQL to its log (WAL). */
  written(): Promise<number>
  /** What the database does in the background now and then. */
  vacuum?(): Promise<void>
  remove(): Promise<void>
}

/** A database system, in which places are made one after the other. */
export interface Places {
  makePlace(name: string): Promise<Place>
  stop(): Promise<void>
}

export const PLACES = { SQLite: sqlitePlaces, PostgreSQL: postgresPlaces }

async function sqlitePlaces(folder: string): Promise<Places> {
  return {
    async makePlace(name) {
      const own = `${folder}/${name}`
      mkdirSync(own)
      const url = databaseIn(own)
      return {
        url,
        bytes: async () => statSync(databaseFiles(url)[0] as string).size,
        // The thread of the database is one of ours.
        written: async () => writtenBytes(process.pid),
        remove: async () => rmSync(own, { recursive: true }),
      }
    },
    stop: async () => {},
  }
}

async function postgresPlaces(): Promise<Places> {
  const server = await startPostgres()
  return {
    async makePlace() {
      const { url, remove } = await makeTemporarySchema(server.url)
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      const number = async (text: string) =>
        Number((await client.query({ text, rowMode: 'array' })).rows[0]?.[0])
      return {
        url,
        bytes: () => number(TABLES_BYTES),
        written: () => number(`SELECT pg_current_wal_insert_lsn() - '0/0'`),
        async vacuum() {
          await client.query('VACUUM ANALYZE')
          await client.query('CHECKPOINT')
        },
        async remove() {
          await client.end()
          await remove()
        },
      }
    },
    stop: server.stop,
  }
}

const TABLES_BYTES = `
  SELECT sum(pg_total_relation_size(oid)) FROM pg_class
  WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`
