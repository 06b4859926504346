import type pg from 'pg'
import { endAlone } from './connections.ts'
import type { Sql } from './database.ts'

export interface NewsOptions {
  readonly sql: Sql
  /** A connection to listen on. */
  readonly connect: () => Promise<pg.Client>
  /** Told when another process has said that it committed something. */
  readonly onNews: () => void
  /** Calls `later` after so many milliseconds; returns how to prevent it. */
  readonly after: (ms: number, later: () => void) => () => void
}

/** A connection to listen on that has ended is replaced after this long; until then, as with a pooler, polling covers. */
const AGAIN_MS = 5_000

/**
 * Tells other processes that something was committed, and hears it from them. A matter of speed only: what is lost on the
 * way is found by whoever looks next.
 *
 * It is told apart from the transaction that it is about: PostgreSQL commits transactions that notify one after the other.
 */
export function createNews({ sql, connect, onNews, after }: NewsOptions) {
  const me = crypto.randomUUID()
  let client: pg.Client | undefined
  let isClosed = false
  let cancel = () => {}
  let telling: Promise<void> | undefined
  let hasMore = false

  async function listen(isAgain = false) {
    try {
      const mine = await connect()
      if (isClosed) return void mine.end().catch(() => {})
      client = mine
      client.on('notification', ({ payload }) => {
        if (payload !== me) onNews()
      })
      client.once('end', listenLater)
      const { rows } = await client.query(`SELECT ${CHANNEL} AS channel`)
      await client.query(`LISTEN ${rows[0].channel}`)
      // Something may have been said meanwhile.
      if (isAgain) onNews()
    } catch {
      if (client) client.end().catch(() => {})
      else listenLater()
    }
  }
  function listenLater() {
    client = undefined
    if (!isClosed) cancel = after(AGAIN_MS, () => void listen(true))
  }

  /** One at a time, and once more for all that was committed meanwhile. */
  async function tell() {
    do {
      hasMore = false
      await sql.query(`SELECT pg_notify(${CHANNEL}, @me)`, { me }).catch(() => {})
    } while (hasMore && !isClosed)
    telling = undefined
  }

  return {
    listen: () => listen(),
    tell() {
      hasMore = true
      telling ??= tell()
    },
    async close() {
      isClosed = true
      cancel()
      await telling
      if (client) await endAlone(client)
    },
  }
}

/** Names are of the database; ledgers in several schemas of it have names of their own. */
const CHANNEL = "'line_braze_' || md5(current_schema())"
