import { fieldsOf, outcomeOf, parseJson } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'
import { AT_FAULT, MENDING } from './interpret.ts'
import { exhaustedForMs, retryAfterMs } from './pace.ts'

/** What an answer means for a request that Braze takes or does not take as a whole. Every `reason` is for people. */
export type Said<T> =
  /** Nothing more may be asked for `restMs`. */
  | { readonly kind: 'done'; readonly value: T; readonly restMs: number }
  /** Too many requests; `forMs` only where Braze said for how long. */
  | { readonly kind: 'wait'; readonly forMs: number | undefined; readonly reason: string }
  /** It may be better the next time. */
  | { readonly kind: 'retry'; readonly reason: string }
  /** Braze's own word that something in the request is bad, and not what. */
  | { readonly kind: 'refused'; readonly reason: string; readonly restMs: number }
  /** The key may not do this, whatever else it may. */
  | { readonly kind: 'forbidden'; readonly reason: string }
  /** A person has to mend something first. */
  | { readonly kind: 'pause'; readonly reason: string }

export interface SaidOptions<T> {
  /** What a body of success says; undefined where it is none. */
  readonly read: (body: Readonly<Record<string, unknown>>) => T | undefined
  /** Without it Braze answers 403. */
  readonly permission: string
  /** Between two requests, where Braze does not say its limit. */
  readonly gapMs: number
  /** Milliseconds since 1970. */
  readonly now: number
  /** Makes what Braze said fit to be shown. */
  readonly words: (said: unknown) => string
}

export function readSaid<T>({ status, headers, body }: HttpAnswer, options: SaidOptions<T>): Said<T> {
  const { read, permission, gapMs, now, words } = options
  if (status === 403) return { kind: 'forbidden', reason: forbids(permission) }
  const mending = MENDING[status]
  if (mending) return { kind: 'pause', reason: mending }
  const outcome = outcomeOf(status)
  if (outcome === 'limited')
    return { kind: 'wait', forMs: retryAfterMs(headers, now), reason: 'Braze asks to wait (429)' }
  const said = fieldsOf(parseJson(body))
  const saysLimit = headers['x-ratelimit-limit'] !== undefined
  const restMs = exhaustedForMs(headers, now) ?? (saysLimit ? 0 : gapMs)
  if (outcome === 'success') {
    const value = read(said)
    if (value === undefined)
      return { kind: 'retry', reason: `Braze answers ${status} without what was asked for` }
    return { kind: 'done', value, restMs }
  }
  if (outcome === 'failed') return { kind: 'retry', reason: `Braze answers ${status}` }
  const why = typeof said.message === 'string' ? words(said.message) : ''
  // As in interpret.ts: without Braze's own words it may be a proxy that answers; a smaller request may pass it.
  const isAtFault = status === 413 || (AT_FAULT.has(status) && why !== '')
  const reason = `Braze answers ${status}${why ? `: ${why}` : ' without saying why'}`
  return isAtFault ? { kind: 'refused', reason, restMs } : { kind: 'retry', reason }
}

const forbids = (permission: string) =>
  `Braze answers 403: the key needs the permission ${permission}, which cannot be added to a key: create another one with it`
