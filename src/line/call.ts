import { setTimeout as sleepFor } from 'node:timers/promises'
import { type HttpAnswer, type HttpClient, type HttpRequest, NoAnswer } from '../wire/client.ts'
import { foreignWords } from '../wire/foreign-words.ts'

/** LINE's API refused a request, or gave no answer that makes sense often enough. The message is for a person. */
export class LineError extends Error {
  override name = 'LineError'
  /** Undefined where no whole answer came. */
  readonly status: number | undefined
  /** LINE's own words, where it said any, fit to be shown. */
  readonly said: string | undefined

  constructor(message: string, { status, said, cause }: ErrorDetails) {
    super(message, { cause })
    this.status = status
    this.said = said
  }
}

interface ErrorDetails {
  readonly status?: number | undefined
  readonly said?: string | undefined
  readonly cause?: unknown
}

/** What a pino logger offers. */
export interface LineLog {
  debug(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface CallerOptions {
  readonly http: HttpClient
  readonly log: LineLog
  /** 0 to 1, for the jitter that keeps many callers apart. */
  readonly random?: () => number
  /** Rejects when `signal` aborts. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>
}

export interface Call<T> extends HttpRequest {
  /** What the JSON of a success says; undefined where it is no answer of LINE's. */
  readonly read: (body: unknown, answer: HttpAnswer) => T | undefined
  /** How often it is tried again. */
  readonly retries?: number
  readonly signal?: AbortSignal | undefined
  /** What of the request nobody else may see, beside the token in its headers: an answer may repeat it. */
  readonly secrets?: readonly string[]
}

/** So often, over some 15 seconds; a run that gives up then goes on from its cursor later. */
const RETRIES = 5
const FIRST_RETRY_MS = 500

/**
 * Calls LINE's API. What may be better the next time is tried again, after a pause that doubles: 429, 5xx, no whole
 * answer in time, and a success that is none, as a proxy's page. Other 4xx never are.
 * Source: developers.line.biz/en/docs/messaging-api/retrying-api-request
 */
export function createCaller({ http, log, random = Math.random, sleep = defaultSleep }: CallerOptions) {
  /**
   * @throws LineError
   * @throws the reason of `signal` once that aborts
   */
  return async function call<T>(request: Call<T>): Promise<T> {
    const { retries = RETRIES, signal } = request
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await attemptCall(request)
      if ('value' in outcome) return outcome.value
      if (!outcome.mayPass) throw outcome.error
      if (attempt >= retries) {
        if (attempt > 0) outcome.error.message += `; tried ${attempt + 1} times`
        throw outcome.error
      }
      const forMs = Math.round(FIRST_RETRY_MS * 2 ** attempt * (0.5 + random() / 2))
      log.warn({ reason: outcome.error.message, forMs }, 'LINE is asked again')
      await sleep(forMs, signal)
      signal?.throwIfAborted()
    }
  }

  async function attemptCall<T>(
    call: Call<T>,
  ): Promise<{ value: T } | { error: LineError; mayPass: boolean }> {
    const { read, signal, secrets = [] } = call
    const name = `${call.method} ${call.path.split('?')[0]}`
    const hidden = { secrets: [tokenOf(call), ...secrets] }
    let answer: HttpAnswer
    try {
      answer = await http.send(call, signal)
    } catch (cause) {
      if (!(cause instanceof NoAnswer)) throw cause
      const why = foreignWords(cause.message, hidden)
      return { error: new LineError(`LINE cannot be reached (${name}): ${why}`, { cause }), mayPass: true }
    }
    const { status, headers } = answer
    const requestId = foreignWords(headers['x-line-request-id'] ?? 'none', hidden)
    log.debug({ request: name, status, requestId }, 'LINE has answered')

    const body = parse(answer.body)
    const isSuccess = status >= 200 && status < 300
    const value = isSuccess ? read(body, answer) : undefined
    if (value !== undefined) return { value }
    const words = isSuccess ? undefined : wordsOf(body)
    const said = words === undefined ? undefined : foreignWords(words, hidden)
    const detail = isSuccess ? ' with something else than was asked for' : said ? `: ${said}` : ''
    const error = new LineError(
      `LINE answers ${status} to ${name}${detail} (x-line-request-id: ${requestId})`,
      { status, said },
    )
    return { error, mayPass: isSuccess || status === 429 || status >= 500 }
  }
}

export type Caller = ReturnType<typeof createCaller>

const defaultSleep = (ms: number, signal: AbortSignal | undefined) =>
  sleepFor(ms, undefined, signal && { signal }).catch(() => signal?.throwIfAborted())

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const tokenOf = ({ headers }: HttpRequest) => headers.authorization?.replace(/^Bearer /, '')

/** `message` of the Messaging API; `error` and `error_description` of the token endpoint. */
function wordsOf(body: unknown): string | undefined {
  const { message, error, error_description: description } = Object(body) as Record<string, unknown>
  const words = [message, error, description].filter((word) => typeof word === 'string')
  return words.length > 0 ? words.join(': ') : undefined
}
