import { headerOf } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'

/** LINE opened in June 2011: a clock that says less is not set, and a timestamp that does is none in milliseconds. */
export const LINE_EPOCH = Date.UTC(2011, 5, 1)
/** Another century: no clock that anybody set, and a timestamp in microseconds is far beyond it. */
const ANOTHER_CENTURY = Date.UTC(2100, 0)

/** Whether LINE can have meant this moment, in milliseconds since 1970. */
export const isMoment = (at: unknown): at is number =>
  typeof at === 'number' && at >= LINE_EPOCH && at < ANOTHER_CENTURY

/** LINE's clock when it answered; undefined where it does not say, or no such moment. */
export function dateOf(headers: HttpAnswer['headers']): number | undefined {
  const date = Date.parse(String(headerOf(headers, 'date')))
  return isMoment(date) ? date : undefined
}
