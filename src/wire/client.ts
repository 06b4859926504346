import { Pool } from 'undici'

export interface HttpClientOptions {
  /** A path in it is kept. */
  readonly baseUrl: string
  /** For one request, until the last byte of its answer. */
  readonly timeoutMs: number
  /** Connections, each with one request at a time; as many as needed where it is not said. */
  readonly connections?: number
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  /** Below the base URL, with its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** A longer answer is none. Default 1 MB, far more than LINE or Braze say when they are not asked for profiles. */
  readonly answerLimitBytes?: number
}

/** An answer that was read to its last byte. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** No whole answer came: refused, reset, cut short, too late or too large. The message says which. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
}

const ANSWER_LIMIT_BYTES = 1_000_000

/** Makes requests that end: in time, also where the body of an answer hangs, and before an answer fills the memory. */
export function createHttpClient({ baseUrl, timeoutMs, connections }: HttpClientOptions) {
  const { origin, pathname } = new URL(baseUrl)
  const prefix = pathname.replace(/\/$/, '')
  const pool = new Pool(origin, {
    connections: connections ?? null,
    pipelining: 1,
    connect: { timeout: timeoutMs },
  })

  return {
    timeoutMs,

    /** @throws NoAnswer; the reason of `signal` once that aborts */
    async send(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
      const { method, path, headers, body, answerLimitBytes = ANSWER_LIMIT_BYTES } = request
      const timeout = AbortSignal.timeout(timeoutMs)
      try {
        const answer = await pool.request({
          method,
          path: prefix + path,
          headers,
          body: body ?? null,
          signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        })
        return {
          status: answer.statusCode,
          headers: answer.headers,
          body: await readText(answer.body, answerLimitBytes),
        }
      } catch (cause) {
        signal?.throwIfAborted()
        throw new NoAnswer(describe(cause as Error, timeoutMs), { cause })
      }
    },

    close: () => pool.destroy(),
  }
}

export type HttpClient = ReturnType<typeof createHttpClient>

async function readText(body: AsyncIterable<Buffer>, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  // Leaving the loop by throwing ends the connection, so an endless answer is not read to its end.
  for await (const chunk of body) {
    size += chunk.length
    if (size > limitBytes) throw new Error(`the answer is larger than ${limitBytes / 1e6} MB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function describe(error: Error, timeoutMs: number): string {
  if (error.name === 'TimeoutError') return `no whole answer within ${timeoutMs} ms`
  const code = (error as { code?: string }).code
  return [code, error.message].filter(Boolean).join(': ') || error.name
}
