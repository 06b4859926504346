import type pg from 'pg'
import { LedgerError } from '../ledger.ts'
import { endAlone } from './connections.ts'
import type { Sql } from './database.ts'
import { asLedgerError } from './errors.ts'
import { LOCKS } from './migrate.ts'

/** Nobody may be between the check that a run's lock is held and the end of that transaction: the second of two keys. */
const KEY = "hashtext('lock ' || current_schema() || ' ' || $1)"
const UNDER_WAY = `hashtext('runs ' || current_schema())`

/** A server that does not answer notices by itself that the connection has ended. */
const ROLLBACK = { text: 'ROLLBACK', query_timeout: 1_000 } as pg.QueryConfig

/** Nobody else waits for this transaction, and it may be there for hours. The second of these is known from PostgreSQL 17 on. */
const UNTIMED = `
  SELECT set_config(name, '0', true) FROM pg_settings
  WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')`

interface Held {
  readonly client: pg.Client
  readonly pid: number
  isLost: boolean
}

/**
 * Locks that end with the connection that holds them, as it does when its process ends. Each is an advisory lock of a transaction
 * that does nothing else, on a connection of its own: through a pooler, too, nobody else gets that connection.
 */
export function createLocks(connect: () => Promise<pg.Client>, name: string) {
  const held = new Map<string, Held>()

  async function lock(key: string): Promise<(() => Promise<void>) | null> {
    if (held.has(key)) return null
    const client = await connect().catch((error) => {
      throw asLedgerError(error, name)
    })
    try {
      await client.query('BEGIN')
      await client.query(UNTIMED)
      const { rows } = await client.query(
        `SELECT pg_try_advisory_xact_lock(${LOCKS}, ${KEY}) AS held, pg_backend_pid() AS pid`,
        [key],
      )
      if (!rows[0].held || held.has(key)) {
        await client.end()
        return null
      }
      // What a former holder still has under way ends first, and after that it gets no further.
      await client.query('SAVEPOINT before')
      await client.query(`SELECT pg_advisory_xact_lock(${LOCKS}, ${UNDER_WAY})`)
      await client.query('ROLLBACK TO SAVEPOINT before')
      const mine: Held = { client, pid: rows[0].pid, isLost: false }
      held.set(key, mine)
      client.on('error', () => {
        mine.isLost = true
      })
      client.on('end', () => {
        mine.isLost = true
      })
      return async () => {
        held.delete(key)
        await client.query(ROLLBACK).catch(() => {})
        await endAlone(client)
      }
    } catch (error) {
      await client.end().catch(() => {})
      throw asLedgerError(error, name)
    }
  }

  return {
    lock,
    /**
     * In a transaction that writes in the name of a run: rejects where a lock of this process has ended, by its own
     * connection's end or as the database sees it, and keeps the next holder waiting until the transaction is over.
     */
    async assertHeld(transaction: Sql) {
      for (const [key, { pid, isLost }] of held) {
        await transaction.query(`SELECT pg_advisory_xact_lock_shared(${LOCKS}, ${UNDER_WAY})`)
        const found = isLost ? [] : await transaction.query(IS_HELD, { pid, key })
        if (found.length > 0) continue
        throw new LedgerError(
          `The connection to the database ${name} that held the lock "${key}" has ended, and somebody else may have it now; nothing more is stored by this run. Start it again.`,
        )
      }
    },
    async close() {
      const all = [...held.values()]
      held.clear()
      await Promise.all(all.map(({ client }) => endAlone(client)))
    },
  }
}

/** Locks of a rehearsal, which nobody else takes part in. */
export function createOwnLocks(): ReturnType<typeof createLocks> {
  const held = new Set<string>()
  return {
    async lock(key) {
      if (held.has(key)) return null
      held.add(key)
      return async () => void held.delete(key)
    },
    async assertHeld() {},
    async close() {},
  }
}

const IS_HELD = `
  SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = @pid AND classid = ${LOCKS}
    AND objid::bigint = (hashtext('lock ' || current_schema() || ' ' || @key)::bigint & 4294967295)
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
