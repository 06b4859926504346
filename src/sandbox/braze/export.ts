import { type Reply, refusal } from '../answers.ts'
import { type Random, shuffled } from '../random.ts'
import { isObject, readAlias, readExternalId } from './identifier.ts'
import type { Profile, Profiles } from './profiles.ts'
import type { InvalidIdsStyle } from './rules.ts'

/** Most identifiers of one request. */
const maxIdentifiers = 50

/** Answers a parsed body of `POST /users/export/ids` that asks for external ids, aliases or both. Users come in an order of their own. [EXPORT] */
export function judgeExport(
  body: unknown,
  { profiles, style, random }: { profiles: Profiles; style: InvalidIdsStyle; random: Random },
): Reply {
  if (!isObject(body)) return refusal(400, 'The request body must be a JSON object')
  const { external_ids: ids = [], user_aliases: aliases = [], fields_to_export: fields } = body
  if (!Array.isArray(ids) || !Array.isArray(aliases) || ids.length + aliases.length === 0)
    return refusal(400, "'external_ids' or 'user_aliases' must be a non-empty array")
  if (ids.length + aliases.length > maxIdentifiers)
    return refusal(400, `At most ${maxIdentifiers} users may be exported with one request`)
  if (!Array.isArray(fields) || fields.length === 0)
    return refusal(400, "'fields_to_export' must be a non-empty array")
  const users = new Map<Profile, object>()
  const unknown: unknown[] = []
  for (const [index, sent] of [...ids, ...aliases].entries()) {
    const identifier = index < ids.length ? readExternalId(sent) : readAlias(sent)
    if (typeof identifier === 'string') return refusal(400, identifier)
    const profile = profiles.find(identifier)
    if (profile !== undefined) users.set(profile, exported(profile, fields))
    else unknown.push(style === 'strings' ? identifier.name : sent)
  }
  const invalid = style === 'absent' ? {} : { invalid_user_ids: unknown }
  const shown = shuffled(random, [...users.values()])
  return { status: 200, body: { message: 'success', users: shown, ...invalid } }
}

/** A user as Braze exports it: only the fields that were asked for, and none that is empty. */
function exported({ externalId, aliases, attributes }: Profile, fields: unknown[]): object {
  const user = {
    ...(externalId !== null && { external_id: externalId }),
    ...(aliases.length > 0 && {
      user_aliases: aliases.map(({ name, label }) => ({ alias_name: name, alias_label: label })),
    }),
    ...(attributes.size > 0 && { custom_attributes: Object.fromEntries(attributes) }),
  }
  return Object.fromEntries(Object.entries(user).filter(([name]) => fields.includes(name)))
}
