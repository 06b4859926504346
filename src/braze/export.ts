import { fieldsOf, outcomeOf, parseJson } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'
import type { Attempt } from '../wire/retry.ts'
import { MENDING } from './interpret.ts'
import { exhaustedForMs, retryAfterMs } from './pace.ts'

/** Braze's own limit. Source: braze.com/docs/api/endpoints/export/user_data/post_users_identifier */
export const MAX_EXPORTS = 50

/** 250 requests a minute, which Braze allows everybody. A Braze that says its limit is asked as fast as that allows. */
const GAP_MS = 240

export interface Profiles {
  /** The attribute of each user whose alias Braze knows; undefined where the profile has none. */
  readonly values: ReadonlyMap<string, unknown>
  /** So long nothing more may be asked for. */
  readonly restMs: number
}

const NO_EXPORT =
  'Braze answers 403: the key needs the permission users.export.ids, which cannot be added to a key: create another one for verify'

/**
 * What an answer to a `/users/export/ids` request means.
 *
 * @param now milliseconds since 1970
 * @param words makes what Braze said fit to be shown
 */
export function readExport(
  { status, headers, body }: HttpAnswer,
  { attribute, aliasLabel }: { attribute: string; aliasLabel: string },
  now: number,
  words: (said: unknown) => string,
): Attempt<Profiles> {
  const no = (reason: string, mayPass: boolean) => ({ error: new Error(reason), mayPass })
  const outcome = outcomeOf(status)
  if (outcome === 'limited')
    return { ...no('Braze asks to wait (429)', true), forMs: retryAfterMs(headers, now) }
  if (outcome === 'failed') return no(`Braze answers ${status}`, true)
  const { message, users } = fieldsOf(parseJson(body))
  if (outcome === 'refused') {
    const why = (typeof message === 'string' && words(message)) || 'without saying why'
    const mending = status === 403 ? NO_EXPORT : MENDING[status]
    return no(mending ?? `Braze answers ${status}: ${why}`, false)
  }
  if (!Array.isArray(users)) return no(`Braze answers ${status} without a list of users`, true)
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
  const saysLimit = headers['x-ratelimit-limit'] !== undefined
  return { value: { values, restMs: exhaustedForMs(headers, now) ?? (saysLimit ? 0 : GAP_MS) } }
}
