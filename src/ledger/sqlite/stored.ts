import type BetterSqlite3 from 'better-sqlite3'
import type { Ledger } from '../ledger.ts'

/**
 * The ledger's methods as they are in the database's thread: each is over when it returns, and is told first at which
 * moment it was called, since the clock is on the other side.
 */
export type Stored = {
  readonly [M in keyof Ledger]: (
    now: number,
    ...args: Parameters<Ledger[M]>
  ) => Awaited<ReturnType<Ledger[M]>>
}

/**
 * Makes functions of what is one transaction. IMMEDIATE: it waits for its turn at the start, and can't fail on a lock
 * halfway.
 */
export const transactions =
  (database: BetterSqlite3.Database) =>
  <A extends unknown[], R>(work: (...args: A) => R): ((...args: A) => R) =>
    database.transaction(work).immediate
