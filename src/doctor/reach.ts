import { fieldsOf, parseJson } from '../wire/answer.ts'
import { type HttpAnswer, type HttpClient, type HttpRequest, NoAnswer } from '../wire/client.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import { type ClockReading, readClock } from './clock.ts'

/** What came of one request, which is not tried again. */
export interface Reached {
  /** Why no answer came, fit to be shown, where none did. */
  readonly answer: HttpAnswer | string
  readonly clock: ClockReading | undefined
}

export interface Asking {
  readonly http: Pick<HttpClient, 'send'>
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** @throws the reason of `signal` once that aborts */
export async function reach(
  whose: string,
  request: HttpRequest,
  { http, signal, clock }: Asking,
): Promise<Reached> {
  const sentAt = clock()
  try {
    const answer = await http.send(request, signal)
    return { answer, clock: readClock(whose, answer.headers, sentAt, clock()) }
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    return { answer: foreignWords(error.message), clock: undefined }
  }
}

/** The words of an API's own answer; undefined where something else has answered, as a proxy. */
export function messageOf({ body }: HttpAnswer): string | undefined {
  const { message } = fieldsOf(parseJson(body))
  return typeof message === 'string' && message !== '' ? message : undefined
}
