import { fieldsOf, isObject, outcomeOf, parseJson } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import { retryAfterMs } from './pace.ts'

/** What an answer means for the batch that was sent. Every `reason` is for people, and at most 300 characters. */
export type Meaning =
  /** Braze took all but the items named in `rejected` (by their place in the request). */
  | { readonly kind: 'accepted'; readonly rejected: ReadonlyMap<number, string> }
  /** Braze took nothing: the named items are bad, the others are to be sent again. */
  | { readonly kind: 'refused'; readonly rejected: ReadonlyMap<number, string> }
  /** Something in the batch is bad, and it is not said what. */
  | { readonly kind: 'split'; readonly reason: string }
  /** Too many requests; `forMs` only where Braze said for how long. */
  | { readonly kind: 'wait'; readonly forMs: number | undefined; readonly reason: string }
  /** A person has to mend something first. */
  | { readonly kind: 'pause'; readonly reason: string }
  /** It is not certain that Braze took it; sending again is harmless. */
  | { readonly kind: 'retry'; readonly reason: string }

/** What a person has to mend where Braze answers so. */
export const MENDING: Readonly<Record<number, string>> = {
  401: 'Braze answers 401: check BRAZE_API_KEY, and that BRAZE_REST_ENDPOINT is the instance the key belongs to',
  403: 'Braze answers 403: the key needs the permission users.track and must allow this address, and the plan must include the API',
  404: 'Braze answers 404: check BRAZE_REST_ENDPOINT',
}

const REASON_LIMIT = 300
/** Braze may name thousands: no more of them than these are looked at for a reason, which has no room for so many. */
const ERRORS_IN_REASON = 100

/** Statuses that say that the request itself is at fault. */
export const AT_FAULT: ReadonlySet<number> = new Set([400, 413, 422])

/**
 * What Braze's answer to a `/users/track` request with `items` objects means. Unknown means retry.
 * Sources: braze.com/docs/api/endpoints/user_data/post_user_track and …/api/errors
 *
 * @param now milliseconds since 1970
 * @param words makes what Braze said fit to be stored and shown; nothing of it is kept that did not go through it
 */
export function interpret(
  { status, headers, body }: HttpAnswer,
  items: number,
  now: number,
  words: Words = foreignWords,
): Meaning {
  const mending = MENDING[status]
  if (mending) return { kind: 'pause', reason: mending }
  const outcome = outcomeOf(status)
  if (outcome === 'limited') {
    return { kind: 'wait', forMs: retryAfterMs(headers, now), reason: 'Braze asks to wait (429)' }
  }
  const said = parse(body)
  if (outcome === 'success') return accepted(status, said, items, words)
  if (AT_FAULT.has(status)) return refused(status, said, items, words)
  return { kind: 'retry', reason: `Braze answers ${status}` }
}

type Words = (said: unknown) => string

function accepted(status: number, said: Said | undefined, items: number, words: Words): Meaning {
  const taken = said?.message === 'success' || (status === 202 && said?.message === 'queued')
  if (!said || !taken)
    return { kind: 'retry', reason: `Braze answers ${status} without its message of success` }
  const { byIndex, others } = sortErrors(said, items)
  // Braze counts what it processed, and so tells a warning from an item that was left out.
  if (others.length > 0 && said.processed !== items - byIndex.size) {
    return { kind: 'split', reason: reasonOf('', others, words) }
  }
  return { kind: 'accepted', rejected: inWords(byIndex, words) }
}

function refused(status: number, said: Said | undefined, items: number, words: Words): Meaning {
  const { byIndex, others } = sortErrors(said, items)
  if (byIndex.size > 0) return { kind: 'refused', rejected: inWords(byIndex, words) }
  const reasons = said?.message === undefined ? others : [said.message, ...others]
  if (reasons.length > 0) {
    return { kind: 'split', reason: reasonOf(`Braze answers ${status}: `, reasons, words) }
  }
  // Only Braze's own words are proof that a contact is at fault: a proxy answers so, too. A smaller body may pass it.
  const reason = `Braze answers ${status} without saying why`
  return status === 413 && items > 1 ? { kind: 'split', reason } : { kind: 'retry', reason }
}

interface Said {
  readonly message: unknown
  readonly processed: unknown
  readonly errors: readonly unknown[]
}

function parse(body: string): Said | undefined {
  const said = parseJson(body)
  if (!isObject(said)) return undefined
  const { message, attributes_processed: processed, errors = [] } = said
  return { message, processed, errors: Array.isArray(errors) ? errors : [errors] }
}

/** Errors that name an item by its place, and those that do not. Their `type` is free text. */
function sortErrors(said: Said | undefined, items: number) {
  const byIndex = new Map<number, unknown>()
  const others: unknown[] = []
  for (const error of said?.errors ?? []) {
    const { index, type, input_array: list } = fieldsOf(error)
    const isPlace = Number.isInteger(index) && (index as number) >= 0 && (index as number) < items
    if (isPlace && (list === undefined || list === 'attributes')) byIndex.set(index as number, type ?? error)
    else others.push(type ?? error)
  }
  return { byIndex, others }
}

const inWords = (byIndex: ReadonlyMap<number, unknown>, words: Words) =>
  new Map(Array.from(byIndex, ([index, said]) => [index, words(said)]))

function reasonOf(opening: string, errors: readonly unknown[], words: Words): string {
  const texts = errors
    .slice(0, ERRORS_IN_REASON)
    .map((error) => (typeof error === 'string' ? error : JSON.stringify(error)))
  return (opening + words(texts.join('; '))).slice(0, REASON_LIMIT).toWellFormed()
}
