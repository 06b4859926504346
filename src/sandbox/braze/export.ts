import { identify, isObject } from './object.ts'

/** A body of `POST /users/export/ids`, read: whom it asks for and which fields. */
export interface ExportRequest {
  asked: Asked[]
  fields: unknown[]
}

/** One identifier as it was sent. */
export interface Asked {
  /** See profileKey; of no use for a braze_id, by which no profile is kept. */
  profile: string
  kind: 'external_id' | 'user_alias' | 'braze_id'
  /** The identifier's own text. */
  userId: string
  /** The identifier as `invalid_user_ids` names it: an alias is an object. */
  sent: unknown
}

/** How `invalid_user_ids` names aliases, or whether it is there at all: Braze does not say. */
export type InvalidIdsStyle = 'objects' | 'strings' | 'absent'

/** A profile that is there, with its key. */
export interface ExportedProfile {
  profile: string
  brazeId: string
  attributes: ReadonlyMap<string, unknown>
}

/** Most identifiers, of all kinds together, of one request. */
const maxIdentifiers = 50
const lists = { external_ids: 'external_id', user_aliases: 'user_alias', braze_id: 'braze_id' } as const

/** Reads a parsed body, or says what is wrong with it. */
export function readExport(body: unknown): ExportRequest | string {
  if (!isObject(body)) return 'The request body must be a JSON object'
  const asked: Asked[] = []
  for (const [name, kind] of Object.entries(lists)) {
    const list = name === 'braze_id' ? [body[name]].filter((id) => id !== undefined) : (body[name] ?? [])
    if (!Array.isArray(list)) return `'${name}' must be an array`
    for (const sent of list) {
      const identity = identify({ [kind]: sent })
      if (typeof identity === 'string') return identity
      asked.push({ profile: identity.profile, kind, userId: identity.userId, sent })
    }
  }
  if (asked.length === 0) return "'external_ids', 'user_aliases' or 'braze_id' is required"
  if (asked.length > maxIdentifiers) return `At most ${maxIdentifiers} users may be exported with one request`
  const { fields_to_export: fields } = body
  if (!Array.isArray(fields) || fields.length === 0) return "'fields_to_export' must be a non-empty array"
  return { asked, fields }
}

/** A user as Braze exports it: only the fields that were asked for, and none that is empty. */
export function exportedUser({ profile, brazeId, attributes }: ExportedProfile, fields: unknown[]) {
  const [kind, ...names] = profile.split('\0')
  const [alias_label, alias_name] = names
  const user: Record<string, unknown> = {
    ...(kind === 'external_id' && { external_id: names.join('\0') }),
    ...(kind === 'user_alias' && { user_aliases: [{ alias_name, alias_label }] }),
    ...(attributes.size > 0 && { custom_attributes: Object.fromEntries(attributes) }),
    braze_id: brazeId,
  }
  return Object.fromEntries(Object.entries(user).filter(([name]) => fields.includes(name)))
}

/** The part of an answer that names who is unknown. */
export function invalidIds(
  unknown: readonly Asked[],
  style: InvalidIdsStyle,
): { invalid_user_ids?: unknown[] } {
  if (style === 'absent') return {}
  return { invalid_user_ids: unknown.map(({ sent, userId }) => (style === 'strings' ? userId : sent)) }
}
