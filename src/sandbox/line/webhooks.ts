import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import { hex, type Random } from '../random.ts'
import { asRedelivery, createEvents, type LineEvent } from './events.ts'
import { signLine, toLineJson } from './json.ts'

export interface LineSandboxOptions {
  /** The whole webhook URL. */
  url: string
  /** The channel secret. */
  secret: string
  /** The bot's user id. Default: a random one. */
  destination?: string
  random?: Random
  /** Connections, and requests in flight. Default 16. */
  concurrency?: number
  /** How long LINE waits for an answer. Default 2000. [ERR] */
  timeoutMs?: number
}

interface Stop {
  signal?: AbortSignal | undefined
}

export type LineSandbox = ReturnType<typeof createLineSandbox>

const firstRetryMs = 10
const maxRetryMs = 500

/** A LINE that posts signed webhooks to one URL over kept-alive connections. */
export function createLineSandbox(options: LineSandboxOptions) {
  const { url, secret, random = Math.random, concurrency = 16, timeoutMs = 2000 } = options
  const { origin, pathname, search } = new URL(url)
  const destination = options.destination ?? `U${hex(random, 32)}`
  const pool = new Pool(origin, {
    connections: concurrency,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  })
  const closing = new AbortController()

  /**
   * Posts events once. A `signature` is sent in place of the right one; null sends none. Status 0: there was no whole answer in time, and
   * `body` says why. Rejects only when `signal` aborts or the sandbox is closed.
   */
  async function post(
    events: readonly unknown[],
    { signature, signal }: Stop & { signature?: string | null } = {},
  ) {
    const body = toLineJson({ destination, events })
    const signed = signature === undefined ? signLine(body, secret) : signature
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'LineBotWebhook/2.0',
      ...(signed !== null && { 'x-line-signature': signed }),
    }
    try {
      const request = { path: pathname + search, method: 'POST' as const, headers, body }
      const answer = await pool.request(signal ? { ...request, signal } : request)
      return { status: answer.statusCode, body: await answer.body.text() }
    } catch (error) {
      signal?.throwIfAborted()
      closing.signal.throwIfAborted()
      return { status: 0, body: error instanceof Error ? error.message : String(error) }
    }
  }

  /**
   * Posts events until they are answered 2xx, as LINE does with redelivery on: later attempts say so in `isRedelivery` and differ in nothing
   * else. [RECV] Resolves to the number of attempts; rejects as `post` does.
   */
  async function deliver(events: readonly LineEvent[], { signal }: Stop = {}): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      const { status } = await post(attempt === 1 ? events : events.map(asRedelivery), { signal })
      if (status >= 200 && status < 300) return attempt
      const retryMs = Math.min(maxRetryMs, firstRetryMs * 2 ** (attempt - 1))
      const stop = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal
      await wait(retryMs, undefined, { signal: stop }).catch(() => stop.throwIfAborted())
    }
  }

  /** Delivers every body, `concurrency` of them at a time; so they also arrive in another order than they are given. */
  async function play(bodies: Iterable<readonly LineEvent[]>): Promise<void> {
    const queue = bodies[Symbol.iterator]()
    async function work() {
      for (let next = queue.next(); !next.done; next = queue.next()) await deliver(next.value)
    }
    await Promise.all(Array.from({ length: concurrency }, work))
  }

  /** Cuts the connections; what is still being delivered is rejected. */
  async function close(): Promise<void> {
    if (closing.signal.aborted) return
    closing.abort(new Error('The LINE sandbox was closed'))
    await pool.destroy()
  }

  return { destination, events: createEvents(random), post, deliver, play, close }
}
