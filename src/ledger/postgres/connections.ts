import { createConnection, type Socket } from 'node:net'
import pg from 'pg'
import { type Connections, types } from './database.ts'

export interface ConnectionOptions {
  readonly url: string
  /** How long a statement waits for a connection. */
  readonly waitMs: number
}

/** At most, of one process: commits under way, questions, and what people ask. */
const MOST_CONNECTIONS = 10
const IDLE_MS = 60_000
/** Statements are planned once for each connection: what was planned for an empty table must not last. */
const LIFE_SECONDS = 60
/** So that a peer that has vanished without a word is noticed at all. */
const KEEP_ALIVE_MS = 10_000

/** How long a server may take to answer a goodbye. */
const GOODBYE_MS = 1_000
/** A statement that has no patience of its own: nobody waits for ever for a server that has vanished. */
const QUERY_TIMEOUT_MS = 30_000

const settings = (url: string, waitMs: number) => ({
  connectionString: url,
  connectionTimeoutMillis: waitMs,
  query_timeout: QUERY_TIMEOUT_MS,
  application_name: 'line-braze',
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  types,
})

/**
 * Connections of which each is used by one at a time. Where one of them was lost the others are of no use either, though
 * some of them may not know: nobody is to find out about each of them by waiting for it. One that is late was lost unless
 * another one has been answered meanwhile.
 */
export function createPool({ url, waitMs }: ConnectionOptions): Connections & { end(): Promise<void> } {
  const next = () => ({
    pool: newPool({ url, waitMs }),
    waiting: new Set<() => void>(),
    answeredAt: Number.NEGATIVE_INFINITY,
  })
  let current = next()

  function replace() {
    const { pool, waiting } = current
    current = next()
    for (const leave of waiting) leave()
    waiting.clear()
    pool.end().catch(() => {})
  }

  /** Null where the pool is replaced before it has one. */
  const ask = ({ pool, waiting }: typeof current) =>
    new Promise<pg.PoolClient | null>((resolve, reject) => {
      const leave = () => resolve(null)
      waiting.add(leave)
      pool.connect().then(
        (client) => {
          if (waiting.delete(leave)) resolve(client)
          else client.release(true)
        },
        (error) => {
          waiting.delete(leave)
          reject(error)
        },
      )
    })

  /** Whoever waits for a pool that is replaced waits for the next one: a pool that ends serves nobody any more. */
  async function take(): Promise<{ client: pg.PoolClient; mine: typeof current }> {
    const until = performance.now() + waitMs
    for (;;) {
      const mine = current
      const client = await ask(mine)
      if (client) return { client, mine }
      if (performance.now() >= until) throw new Error('timeout: no connection was free')
    }
  }

  return {
    async connect() {
      const { client, mine } = await take()
      const takenAt = performance.now()
      return {
        client,
        release(end) {
          if (end === 'answered') mine.answeredAt = performance.now()
          else giveUp(client)
          client.release(end !== 'answered')
          const isSilent = end === 'late' && mine.answeredAt < takenAt
          if ((end === 'lost' || isSilent) && mine === current) replace()
        },
      }
    },
    end: () => current.pool.end(),
  }
}

/** What the protocol calls the request to cancel. */
const CANCEL = 80_877_102
const CANCEL_PATIENCE_MS = 5_000

/**
 * Asks the server to give up, too, what nobody waits for any more: it would wait for its locks on, with a connection of
 * those that the server has. Whether it does is its affair, and nobody's answer waits for it.
 */
function giveUp(client: pg.PoolClient) {
  const { host, port, processID, secretKey } = client as pg.PoolClient & Session
  const request = Buffer.alloc(16)
  for (const [i, word] of [request.length, CANCEL, processID ?? 0, secretKey ?? 0].entries())
    request.writeInt32BE(word, 4 * i)
  const socket = createConnection(
    host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
  )
  socket.unref()
  socket.on('error', () => {})
  socket.setTimeout(CANCEL_PATIENCE_MS, () => socket.destroy())
  socket.end(request)
}

/** What pg knows of a connection, beside its types. */
interface Session {
  readonly host: string
  readonly port: number
  readonly processID: number | null
  readonly secretKey: number | null
}

function newPool({ url, waitMs }: ConnectionOptions): pg.Pool {
  const pool = new pg.Pool({
    ...settings(url, waitMs),
    max: MOST_CONNECTIONS,
    idleTimeoutMillis: IDLE_MS,
    maxLifetimeSeconds: LIFE_SECONDS,
    // One that says goodbye to a server that has vanished must not keep us alive.
    allowExitOnIdle: true,
  })
  // An idle one that was cut is replaced when the next one is needed.
  pool.on('error', () => {})
  // Of one that is in use, each query says so; without a listener it would be uncaught.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** One connection for itself. */
export async function connectAlone({ url, waitMs }: ConnectionOptions): Promise<pg.Client> {
  const client = new pg.Client(settings(url, waitMs))
  // Whoever uses it notices: each query rejects.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Says goodbye; a server that does not answer it is left without. */
export async function endAlone(client: pg.Client) {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
  const timer = setTimeout(() => stream.destroy(), GOODBYE_MS)
  await client.end().catch(() => {})
  clearTimeout(timer)
}

/** The connection, for one at a time. When it is gone there is no other: what it knew is gone, too. */
export function sharing(client: pg.Client): Connections & { end(): Promise<void> } {
  let last: Promise<void> = Promise.resolve()
  return {
    async connect() {
      const before = last
      const { promise, resolve } = Promise.withResolvers<void>()
      last = promise
      await before
      return { client, release: () => resolve() }
    },
    async end() {
      await last
      await endAlone(client)
    },
  }
}
