import { type Reply, refusal } from '../answers.ts'
import { type Random, shuffled } from '../random.ts'
import { isObject, readAlias } from './object.ts'
import type { Profiles } from './profiles.ts'
import type { InvalidIdsStyle } from './rules.ts'

/** Most identifiers of one request. */
const maxIdentifiers = 50

/** Answers a parsed body of `POST /users/export/ids` that asks for aliases. Users come in an order of their own. */
export function judgeExport(
  body: unknown,
  { profiles, style, random }: { profiles: Profiles; style: InvalidIdsStyle; random: Random },
): Reply {
  if (!isObject(body)) return refusal(400, 'The request body must be a JSON object')
  const { user_aliases: aliases, fields_to_export: fields } = body
  if (!Array.isArray(aliases) || aliases.length === 0)
    return refusal(400, "'user_aliases' must be a non-empty array")
  if (aliases.length > maxIdentifiers)
    return refusal(400, `At most ${maxIdentifiers} users may be exported with one request`)
  if (!Array.isArray(fields) || fields.length === 0)
    return refusal(400, "'fields_to_export' must be a non-empty array")
  const users = new Map<string, object>()
  const unknown: unknown[] = []
  for (const alias of aliases) {
    const identity = readAlias(alias)
    if (typeof identity === 'string') return refusal(400, identity)
    const attributes = profiles.all.get(identity.profile)
    if (attributes !== undefined) users.set(identity.profile, exported(alias, attributes, fields))
    else unknown.push(style === 'strings' ? identity.userId : alias)
  }
  const invalid = style === 'absent' ? {} : { invalid_user_ids: unknown }
  const shown = shuffled(random, [...users.values()])
  return { status: 200, body: { message: 'success', users: shown, ...invalid } }
}

/** A user as Braze exports it: only the fields that were asked for, and none that is empty. */
function exported(alias: unknown, attributes: ReadonlyMap<string, unknown>, fields: unknown[]): object {
  const user = {
    user_aliases: [alias],
    ...(attributes.size > 0 && { custom_attributes: Object.fromEntries(attributes) }),
  }
  return Object.fromEntries(Object.entries(user).filter(([name]) => fields.includes(name)))
}
