import { LedgerError, TOO_SLOW } from '../ledger.ts'
import type { Database } from './database.ts'

export interface FewOptions {
  /** So many transactions are under way at the same moment. */
  readonly most: number
  /** How long one waits for its turn, in milliseconds. */
  readonly waitMs: number
}

/**
 * The database, for transactions that wait for each other anyway: here nobody's waiting costs a connection, which webhooks
 * and the lease may need. First come, first served.
 */
export function fewAtOnce(database: Database, { most, waitMs }: FewOptions): Database {
  const waiting = new Set<() => void>()
  let underWay = 0

  async function turn() {
    if (underWay < most) {
      underWay += 1
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    waiting.add(resolve)
    const timer = setTimeout(() => {
      waiting.delete(resolve)
      reject(new LedgerError(TOO_SLOW))
    }, waitMs)
    await promise.finally(() => clearTimeout(timer))
  }
  /** The turn goes to whoever has waited longest. */
  function pass() {
    const [next] = waiting
    if (!next) {
      underWay -= 1
      return
    }
    waiting.delete(next)
    next()
  }

  return {
    ...database,
    async transaction(work) {
      await turn()
      try {
        return await database.transaction(work)
      } finally {
        pass()
      }
    },
  }
}
