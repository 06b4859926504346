import { fieldsOf, headerOf, outcomeOf, parseJson } from '../wire/answer.ts'
import { type HttpAnswer, type HttpClient, type HttpRequest, NoAnswer } from '../wire/client.ts'
import { foreignWords, type Hidden } from '../wire/foreign-words.ts'
import { type Attempt, type RetryOptions, retry } from '../wire/retry.ts'

/** LINE's API refused a request, or gave no answer that makes sense often enough. The message is for a person. */
export class LineError extends Error {
  override name = 'LineError'
  /** Undefined where no whole answer came. */
  readonly status: number | undefined

  constructor(message: string, status?: number, cause?: unknown) {
    super(message, { cause })
    this.status = status
  }
}

/** LINE was asked, and does not do it for this person or this token: nothing is wrong with what serves, or with LINE. */
export class LineRefusal extends LineError {
  override name = 'LineRefusal'
}

/** What a pino logger offers. */
export interface LineLog {
  debug(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** `retries`: where a call does not say it. */
export interface CallerOptions extends Pick<RetryOptions, 'random' | 'sleep' | 'retries'> {
  readonly http: HttpClient
  readonly log: LineLog
}

export interface Call<T> extends HttpRequest {
  /** What the JSON of a success says; undefined where it is no answer of LINE's. */
  readonly read: (body: unknown, answer: HttpAnswer) => T | undefined
  /** What another answer says, where that is an answer, too; undefined where it is an error. */
  readonly readRefusal?: (body: unknown, refusal: Refusal) => T | undefined
  /** How often it is tried again. */
  readonly retries?: number
  readonly signal?: AbortSignal | undefined
  /** What of the request nobody else may see, beside the token in its headers: an answer may repeat it. */
  readonly secrets?: readonly string[]
  /** Whose ids the request names, also in its path. */
  readonly ids?: readonly string[]
}

/** An answer that is no success. */
export interface Refusal extends Pick<HttpAnswer, 'status'> {
  /** Whether the same was asked before, and no answer came that could be used. */
  readonly isRepeated: boolean
  /** What LINE says, fit to be shown. */
  readonly shown: (said: string) => string
}

/**
 * Calls LINE's API. What may be better the next time is tried again, after a pause that doubles: 429, 5xx, no whole
 * answer in time, and a success that is none, as a proxy's page. Other 4xx never are.
 * Source: developers.line.biz/en/docs/messaging-api/retrying-api-request
 */
export function createCaller({ http, log, random, sleep, retries }: CallerOptions) {
  const onPause = (reason: string, forMs: number) => log.warn({ reason, forMs }, 'LINE is asked again')

  async function attempt<T>(call: Call<T>, isRepeated: boolean): Promise<Attempt<T>> {
    const { read, readRefusal, signal, secrets = [], ids = [] } = call
    const hidden = { secrets: [tokenOf(call), ...secrets], ids }
    const name = foreignWords(`${call.method} ${call.path.split('?')[0]}`, { ids })
    let answer: HttpAnswer
    try {
      answer = await http.send(call, signal)
    } catch (cause) {
      if (!(cause instanceof NoAnswer)) throw cause
      const why = foreignWords(cause.message, hidden)
      return {
        error: new LineError(`LINE cannot be reached (${name}): ${why}`, undefined, cause),
        mayPass: true,
      }
    }
    const { status, headers } = answer
    const requestId = foreignWords(headerOf(headers, 'x-line-request-id') ?? 'none', hidden)
    log.debug({ request: name, status, requestId }, 'LINE has answered')

    const body = parseJson(answer.body)
    const outcome = outcomeOf(status)
    const shown = (said: string) => foreignWords(said, hidden)
    const value =
      outcome === 'success' ? read(body, answer) : readRefusal?.(body, { status, isRepeated, shown })
    if (value !== undefined) return { value }
    const said = outcome === 'success' ? undefined : wordsOf(body, hidden)
    const detail = outcome === 'success' ? ' with something else than was asked for' : said ? `: ${said}` : ''
    const error = new LineError(
      `LINE answers ${status} to ${name}${detail} (x-line-request-id: ${requestId})`,
      status,
    )
    return { error, mayPass: outcome !== 'refused' }
  }

  /**
   * @throws LineError
   * @throws the reason of `signal` once that aborts
   */
  return <T>(call: Call<T>): Promise<T> => {
    let tries = 0
    return retry(() => attempt(call, tries++ > 0), {
      signal: call.signal,
      retries: call.retries ?? retries,
      onPause,
      random,
      sleep,
    })
  }
}

export type Caller = ReturnType<typeof createCaller>

const tokenOf = ({ headers }: HttpRequest) => headers.authorization?.replace(/^Bearer /, '')

/** `message` of the Messaging API; `error` and `error_description` of the token endpoint. */
function wordsOf(body: unknown, hidden: Hidden): string | undefined {
  const { message, error, error_description: description } = fieldsOf(body)
  const words = [message, error, description].filter((word) => typeof word === 'string')
  return words.length > 0 ? foreignWords(words.join(': '), hidden) : undefined
}
