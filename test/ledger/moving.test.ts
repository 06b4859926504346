import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openPostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/ledger.ts'
import { startPostgres } from '../harness/postgres.ts'
import type { Subject } from './contract.ts'
import { movingContract } from './moving-contract.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

const sqlite = async (): Promise<Subject> => {
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-'))
  return {
    open: (clock, options) => openSqliteLedger({ path: join(folder, 'ledger.db'), clock, ...options }),
    remove: async () => rmSync(folder, { recursive: true }),
  }
}
const postgres = async (): Promise<Subject> => {
  const url = await server.createSchema()
  return {
    open: (clock, options) => openPostgresLedger({ url, clock, ...options }),
    remove: () => server.dropSchema(url),
  }
}

movingContract('SQLite to PostgreSQL', sqlite, postgres)
movingContract('PostgreSQL to SQLite', postgres, sqlite)
movingContract('SQLite to SQLite', sqlite, sqlite)
movingContract('PostgreSQL to PostgreSQL', postgres, postgres)
