import { fieldsOf, outcomeOf, parseJson } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import { exhaustedForMs, retryAfterMs } from './pace.ts'

/** Braze's own limit. Source: braze.com/docs/api/endpoints/export/user_data/post_users_identifier */
export const MAX_EXPORTS = 50

/** What an answer to a `/users/export/ids` request means. Every `reason` is for people. */
export type ExportMeaning =
  /**
   * The attribute of each user whose alias Braze knows; undefined where the profile has none. After an answer with which
   * the limit is used up nothing may be asked for `restMs`; `isLimited`: whether Braze said what its limit is.
   */
  | {
      readonly kind: 'profiles'
      readonly values: ReadonlyMap<string, unknown>
      readonly restMs: number
      readonly isLimited: boolean
    }
  /** It may be better the next time; `forMs` only where Braze said how long to wait. */
  | { readonly kind: 'retry'; readonly forMs?: number | undefined; readonly reason: string }
  /** A person has to mend something first. */
  | { readonly kind: 'refused'; readonly reason: string }

const MENDING: Readonly<Record<number, string>> = {
  401: 'check BRAZE_API_KEY, and that BRAZE_REST_ENDPOINT is the instance the key belongs to',
  403: 'the key needs the permission users.export.ids, which cannot be added to a key: create another one for verify',
  404: 'check BRAZE_REST_ENDPOINT',
}

/**
 * @param now milliseconds since 1970
 * @param words makes what Braze said fit to be shown
 */
export function readExport(
  { status, headers, body }: HttpAnswer,
  { attribute, aliasLabel }: { attribute: string; aliasLabel: string },
  now: number,
  words: (said: unknown) => string = foreignWords,
): ExportMeaning {
  const outcome = outcomeOf(status)
  if (outcome === 'limited')
    return { kind: 'retry', forMs: retryAfterMs(headers, now), reason: 'Braze asks to wait (429)' }
  if (outcome === 'failed') return { kind: 'retry', reason: `Braze answers ${status}` }
  const { message, users } = fieldsOf(parseJson(body))
  if (outcome === 'refused') {
    const why = typeof message === 'string' && words(message)
    return {
      kind: 'refused',
      reason: `Braze answers ${status}: ${MENDING[status] ?? (why || 'without saying why')}`,
    }
  }
  if (!Array.isArray(users)) {
    return { kind: 'retry', reason: `Braze answers ${status} without a list of users` }
  }
  const values = new Map<string, unknown>()
  for (const user of users) {
    const { user_aliases: aliases, custom_attributes: attributes } = fieldsOf(user)
    const held = fieldsOf(attributes)
    const value = Object.hasOwn(held, attribute) ? held[attribute] : undefined
    for (const alias of Array.isArray(aliases) ? aliases : []) {
      const { alias_name: name, alias_label: label } = fieldsOf(alias)
      if (label === aliasLabel && typeof name === 'string') values.set(name, value)
    }
  }
  const isLimited = headers['x-ratelimit-limit'] !== undefined
  return { kind: 'profiles', values, restMs: exhaustedForMs(headers, now) ?? 0, isLimited }
}
