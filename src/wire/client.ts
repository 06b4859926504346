import { type Dispatcher, errors, Pool } from 'undici'

export interface HttpClientOptions {
  /** A path in it is kept. */
  readonly baseUrl: string
  /** For one request, until the last byte of its answer. */
  readonly timeoutMs: number
  /** Connections, each with one request at a time; as many as needed where it is not said. */
  readonly connections?: number
  /** Milliseconds, by two clocks: the monotonic one stands still while a machine is suspended, and the other one can be set. */
  readonly monotonic?: () => number
  readonly clock?: () => number
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

class TooLarge extends Error {}

/** With these undici refuses to send what it was given, or a library of ours breaks its own rules. */
const OUR_MISTAKES: ReadonlySet<unknown> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_INVALID_RETURN_VALUE',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'ERR_ASSERTION',
])

/**
 * Makes requests that end: in time, also where the body of an answer hangs, and before an answer fills the memory. None leaves
 * later than `timeoutMs` after it was asked for.
 */
export function createHttpClient({ baseUrl, timeoutMs, connections, ...clocks }: HttpClientOptions) {
  const { origin, pathname } = new URL(baseUrl)
  const prefix = pathname.replace(/\/$/, '')
  const pool = new Pool(origin, {
    connections: connections ?? null,
    pipelining: 1,
    connect: { timeout: timeoutMs },
  }).compose(neverLate(timeoutMs, clocks))

  return {
    timeoutMs,

    /** @throws NoAnswer; the reason of `signal` once that aborts; a mistake of ours as what it is */
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
        if (!isOfTheWire(cause)) throw cause
        throw new NoAnswer(describe(cause, timeoutMs), { cause })
      }
    },

    close: () => pool.destroy(),
  }
}

export type HttpClient = ReturnType<typeof createHttpClient>

/**
 * Looks at the clocks when a request is about to be written: it may have waited for its connection, and after a pause of the
 * machine or the process a connection that is ready comes before the timer that would have ended the request.
 */
const neverLate =
  (
    timeoutMs: number,
    { monotonic = () => performance.now(), clock = Date.now }: Pick<HttpClientOptions, 'monotonic' | 'clock'>,
  ): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) => {
    const [askedAt, askedAtByClock] = [monotonic(), clock()]
    const onRequestStart = handler.onRequestStart?.bind(handler)
    handler.onRequestStart = (controller, context) => {
      const isLate = monotonic() - askedAt > timeoutMs || clock() - askedAtByClock > timeoutMs
      if (isLate) controller.abort(new DOMException('It is too late to send it.', 'TimeoutError'))
      else onRequestStart?.(controller, context)
    }
    return dispatch(options, handler)
  }

async function readText(body: AsyncIterable<Buffer>, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  // Leaving the loop by throwing ends the connection, so an endless answer is not read to its end.
  for await (const chunk of body) {
    size += chunk.length
    if (size > limitBytes) throw new TooLarge(`the answer is larger than ${limitBytes / 1e6} MB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/**
 * Whether the network, TLS, HTTP or the time is to blame. Those errors have a code (but for what is not HTTP); a
 * mistake in our code has none, or is a TypeError or RangeError, and would be retried for ever if it passed for a server
 * that cannot be reached.
 */
function isOfTheWire(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return false
  if (error instanceof TooLarge || error instanceof errors.HTTPParserError) return true
  if (error.name === 'TimeoutError') return true
  const { code } = error as NodeJS.ErrnoException
  return typeof code === 'string' && !OUR_MISTAKES.has(code)
}

function describe(error: Error, timeoutMs: number): string {
  if (error.name === 'TimeoutError') return `no whole answer within ${timeoutMs} ms`
  const code = (error as { code?: string }).code
  return [code, error.message].filter(Boolean).join(': ') || error.name
}
