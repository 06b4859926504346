import { Pool } from 'undici'
import { type AttributeOptions, attributeObject, type Write } from './attributes.ts'
import type { Answer } from './interpret.ts'

export interface BrazeClientOptions extends AttributeOptions {
  /** The REST endpoint's URL; a path in it is kept. */
  readonly endpoint: string
  readonly apiKey: string
  /** Connections, each with one request at a time. */
  readonly concurrency: number
  /** For one request, until the last byte of its answer. */
  readonly timeoutMs: number
}

/** Braze's own limit. Source: braze.com/docs/api/endpoints/user_data/post_user_track */
export const MAX_ITEMS = 75

/** Far more than Braze ever says; what is longer is no answer of Braze's. */
const ANSWER_LIMIT_BYTES = 1_000_000

/** Posts attribute objects over connections that are kept alive. */
export function createBrazeClient({
  endpoint,
  apiKey,
  concurrency,
  timeoutMs,
  ...options
}: BrazeClientOptions) {
  const url = new URL(endpoint)
  const pool = new Pool(url.origin, {
    connections: concurrency,
    pipelining: 1,
    connect: { timeout: timeoutMs },
  })
  const path = `${url.pathname.replace(/\/$/, '')}/users/track`
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }

  return {
    timeoutMs,

    /**
     * Posts at most 75 writes of different users in one `/users/track` request. `interpret` reads the answer.
     *
     * @throws Error when no whole answer came in time: refused, reset, cut short, larger than 1 MB
     */
    async track(writes: readonly Write[]): Promise<Answer> {
      const body = JSON.stringify({ attributes: writes.map((write) => attributeObject(write, options)) })
      const signal = AbortSignal.timeout(timeoutMs)
      const answer = await pool.request({ method: 'POST', path, headers, body, signal })
      return { status: answer.statusCode, headers: answer.headers, body: await readText(answer.body) }
    },

    close: () => pool.destroy(),
  }
}

export type BrazeClient = ReturnType<typeof createBrazeClient>

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  // Leaving the loop by throwing ends the connection, so an endless answer is not read to its end.
  for await (const chunk of body) {
    size += chunk.length
    if (size > ANSWER_LIMIT_BYTES) throw new Error('the answer is larger than 1 MB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
