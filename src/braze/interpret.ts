import { retryAfterMs } from './pace.ts'

/** What came back for one request; `body` is undefined when there was none that could be read. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string | undefined
}

/** What an answer means for the batch that was sent. Every `reason` is for people. */
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

const MENDING: Readonly<Record<number, string>> = {
  401: 'Braze answers 401: check BRAZE_API_KEY, and that BRAZE_REST_ENDPOINT is the instance the key belongs to',
  403: 'Braze answers 403: the key needs the permission users.track and must allow this address, and the plan must include the API',
  404: 'Braze answers 404: check BRAZE_REST_ENDPOINT',
}

/** Statuses that say that the request itself is at fault. */
const AT_FAULT = new Set([400, 413, 422])

/**
 * What Braze's answer to a `/users/track` request with `items` objects means. Unknown means retry.
 * Sources: braze.com/docs/api/endpoints/user_data/post_user_track and …/api/errors
 *
 * @param now milliseconds since 1970
 */
export function interpret({ status, headers, body }: Answer, items: number, now: number): Meaning {
  const mending = MENDING[status]
  if (mending) return { kind: 'pause', reason: mending }
  if (status === 429) {
    return { kind: 'wait', forMs: retryAfterMs(headers, now), reason: 'Braze asks to wait (429)' }
  }
  const said = parse(body)
  if (status >= 200 && status < 300) return accepted(status, said, items)
  if (AT_FAULT.has(status)) return refused(status, said, items)
  return { kind: 'retry', reason: `Braze answers ${status}` }
}

function accepted(status: number, said: Said | undefined, items: number): Meaning {
  const taken = said?.message === 'success' || (status === 202 && said?.message === 'queued')
  if (!said || !taken)
    return { kind: 'retry', reason: `Braze answers ${status} without its message of success` }
  const { byIndex, others } = sortErrors(said, items)
  // Braze counts what it processed, and so tells a warning from an item that was left out.
  if (others.length > 0 && said.processed !== items - byIndex.size) {
    return { kind: 'split', reason: others.join('; ') }
  }
  return { kind: 'accepted', rejected: byIndex }
}

function refused(status: number, said: Said | undefined, items: number): Meaning {
  const { byIndex, others } = sortErrors(said, items)
  if (byIndex.size > 0) return { kind: 'refused', rejected: byIndex }
  const reasons = said?.message === undefined ? others : [words(said.message), ...others]
  if (reasons.length > 0) return { kind: 'split', reason: `Braze answers ${status}: ${reasons.join('; ')}` }
  // Only Braze's own words are proof that a contact is at fault: a proxy answers so, too. A smaller body may pass it.
  const reason = `Braze answers ${status} without saying why`
  return status === 413 && items > 1 ? { kind: 'split', reason } : { kind: 'retry', reason }
}

interface Said {
  readonly message: unknown
  readonly processed: unknown
  readonly errors: readonly unknown[]
}

function parse(body: string | undefined): Said | undefined {
  if (body === undefined) return undefined
  try {
    const { message, attributes_processed: processed, errors = [] } = JSON.parse(body)
    return { message, processed, errors: Array.isArray(errors) ? errors : [errors] }
  } catch {
    return undefined
  }
}

/** Errors that name an item by its place, and the words of those that do not. Their `type` is free text. */
function sortErrors(said: Said | undefined, items: number) {
  const byIndex = new Map<number, string>()
  const others: string[] = []
  for (const error of said?.errors ?? []) {
    const { index, type, input_array: list } = Object(error) as Record<string, unknown>
    const isPlace = Number.isInteger(index) && (index as number) >= 0 && (index as number) < items
    if (isPlace && (list === undefined || list === 'attributes'))
      byIndex.set(index as number, words(type ?? error))
    else others.push(words(type ?? error))
  }
  return { byIndex, others }
}

/** Braze's words, short enough to keep. */
const words = (said: unknown) => (typeof said === 'string' ? said : JSON.stringify(said)).slice(0, 300)
