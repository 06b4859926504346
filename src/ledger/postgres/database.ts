import pg from 'pg'
import { LedgerError, TOO_SLOW } from '../ledger.ts'
import { drizzle } from './drizzle.ts'
import {
  asLedgerError,
  isCut,
  isLate,
  isLost,
  isReadOnly,
  isUnprepared,
  isWorthRetrying,
  rootOf,
} from './errors.ts'
import { statement, type Values } from './statement.ts'

/** Something that statements can be sent to, one after the other. */
export interface Sql {
  /**
   * @param patienceMs it is given up after so long, which begins before it has a connection; 0: never. By default after
   *   `PATIENCE_MS`.
   */
  query<R extends object = Record<string, unknown>>(
    text: string,
    values?: Values,
    patienceMs?: number,
  ): Promise<R[]>
}

/** A server that has vanished without a word is given up after this long, and so is a statement that waits for a lock. */
const PATIENCE_MS = 30_000

export interface Transaction extends Sql {
  readonly drizzle: ReturnType<typeof drizzleOf>
  /** The database's moment. */
  now(): Promise<number>
}

/** A database as the ledger sees it; whatever it rejects with is a `LedgerError`. */
export interface Database extends Sql {
  /** READ COMMITTED. The work may be done again, from its beginning, after a conflict with another transaction. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** From now on nobody waits for an answer for longer than `ms`, neither who is waiting already. */
  hasten(ms: number): void
}

/** Where connections come from: a pool, or one that is kept. */
export interface Connections {
  connect(): Promise<Connection>
}
export interface Connection {
  readonly client: pg.ClientBase
  /** Gives it back, or ends it: then the server is asked, too, to give up what it does for it. */
  release(end: End): void
}

/**
 * How a connection was left: `answered`, and can be used again; `late`: it has not answered in time, as where a lock or a pooler
 * keeps it; or `lost`, and so are most likely all others that were made before.
 */
export type End = 'answered' | 'late' | 'lost'

export interface DatabaseOptions {
  readonly connections: Connections
  /** For errors: which database it is, without a password. */
  readonly name: string
  /** For tests, instead of the database's clock. */
  readonly clock?: (() => number) | undefined
  /** After so long in which nothing is said in a transaction the server ends it. Default 5,000. */
  readonly silenceMs?: number
}

/** Who is suspended in the middle of a transaction keeps what it has locked, as the lease, from all others until then. */
const SILENCE_MS = 5_000

/** Conflicts that are no fault of anybody: the transaction is tried again so often. */
const MOST_TRIES = 6
/** It waits for nobody but for a pooler that has too few connections: who has waited for so long gives up its place. */
const BEGIN_PATIENCE_MS = 5_000
/** In less than this nobody can be expected to answer: it is not asked. */
const LEAST_PATIENCE_MS = 10
/** The longest that a timer can be. */
const FOR_EVER_MS = 2 ** 31 - 1

export function createDatabase(options: DatabaseOptions): Database {
  const { connections, name, clock, silenceMs = SILENCE_MS } = options
  /** Clients that are in use, each by one piece of work. */
  const inUse = new Set<{ readonly client: pg.ClientBase }>()
  let mostMs = FOR_EVER_MS

  async function using<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    const { client, release } = await connections.connect()
    const use = { client }
    let end: End = 'answered'
    inUse.add(use)
    try {
      return await work(client)
    } catch (error) {
      if (isLost(error)) end = isLate(error) ? 'late' : 'lost'
      throw error
    } finally {
      inUse.delete(use)
      release(end)
    }
  }

  /** @param isUndone whether nothing can have been done where the connection was cut, or doing it again changes nothing */
  async function withRetries<T>(
    work: (client: pg.ClientBase) => Promise<T>,
    isUndone: () => boolean,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await using(work)
      } catch (error) {
        if (tries < MOST_TRIES && (isWorthRetrying(error) || isUnprepared(error))) continue
        // Most often it was idle, and was cut long ago, or the primary is another one by now.
        const isWorthOneMore = isReadOnly(error) || (isCut(error) && isUndone())
        if (tries === 1 && isWorthOneMore && mostMs === FOR_EVER_MS) continue
        throw asLedgerError(error, name)
      }
    }
  }

  /** Planned once for each connection: most of them take longer to plan than to do. */
  let isPrepared = true

  const atMost = (patienceMs: number) => Math.min(patienceMs || FOR_EVER_MS, mostMs)

  const on = (client: pg.ClientBase): Sql => ({
    async query(text, values, patienceMs = PATIENCE_MS) {
      const { id, ...query } = statement(text, values, clock?.())
      const isNamed = isPrepared && query.values.length > 0
      try {
        const config = { ...query, query_timeout: atMost(patienceMs), ...(isNamed && { name: id }) }
        return (await client.query(config)).rows
      } catch (error) {
        // A pooler hands out another connection each time, and does not know what was prepared on which.
        if (isNamed && isUnprepared(error)) isPrepared = false
        throw error
      }
    },
  })

  async function atomic<T>(
    client: pg.ClientBase,
    work: (transaction: Transaction) => Promise<T>,
    onBegun: () => void,
  ): Promise<T> {
    const say = (text: string, patienceMs = PATIENCE_MS) =>
      client.query({ text, query_timeout: atMost(patienceMs) } as pg.QueryConfig)
    await say(
      `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = ${silenceMs}`,
      BEGIN_PATIENCE_MS,
    )
    onBegun()
    try {
      const sql = on(client)
      const now = async () => (await sql.query<{ now: number }>('SELECT @now AS now'))[0]?.now as number
      const done = await work({ ...sql, now, drizzle: drizzleOf(client) })
      await say('COMMIT')
      return done
    } catch (met) {
      const error = rootOf(met)
      if (!isLost(error)) await say('ROLLBACK')
      throw error
    }
  }

  return {
    // Each statement by itself is one of those that can be repeated, as the ledger's interface says of them.
    async query(text, values, patienceMs = PATIENCE_MS) {
      const until = performance.now() + (patienceMs || FOR_EVER_MS)
      const leftMs = () => Math.max(LEAST_PATIENCE_MS, until - performance.now())
      if (patienceMs !== 0 && patienceMs < LEAST_PATIENCE_MS) throw new LedgerError(TOO_SLOW)
      return withRetries(
        (client) => on(client).query(text, values, leftMs()),
        () => true,
      ) as never
    },
    transaction(work) {
      let hasBegun = false
      const onBegun = () => {
        hasBegun = true
      }
      return withRetries(
        (client) => atomic(client, work, onBegun),
        () => !hasBegun,
      )
    },
    hasten(ms) {
      mostMs = ms
      const before = [...inUse]
      // A client that is at work ends by cutting its connection.
      const end = () => {
        for (const use of before) if (inUse.has(use)) (use.client as pg.Client).end().catch(() => {})
      }
      setTimeout(end, ms).unref()
    },
  }
}

const drizzleOf = (client: pg.ClientBase) => drizzle({ client: client as pg.Client })

/** What all connections of the ledger have in common. Numbers of 64 bits are moments and counts, which fit. */
export const types = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}
