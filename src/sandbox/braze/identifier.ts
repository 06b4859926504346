/** Whom a request is about, in one of the ways to say so. [OBJ] */
export interface Identifier {
  /** The same for the same identifier, and for no other. */
  key: string
  /** Of an alias. Null: `name` is an external id. */
  label: string | null
  name: string
}

/** Aliases are unique per (label, name), case-sensitive. [ALIAS] */
export interface Alias extends Identifier {
  label: string
}

/** In bytes. [TRACK] */
const maxExternalId = 987

export const aliasOf = (label: string, name: string): Alias => ({ key: `${label}\0${name}`, label, name })

// No label is empty.
export const customerOf = (externalId: string): Identifier => ({
  key: `\0${externalId}`,
  label: null,
  name: externalId,
})

/** Whom a `user_alias` is about, or what is wrong with it, in Braze's manner: free text. */
export function readAlias(alias: unknown): Alias | string {
  if (!isObject(alias) || !isText(alias.alias_name) || !isText(alias.alias_label)) {
    return "'user_alias' must have a non-empty 'alias_name' and 'alias_label'"
  }
  return aliasOf(alias.alias_label, alias.alias_name)
}

/** Whom an `external_id` is about, or what is wrong with it. */
export function readExternalId(externalId: unknown): Identifier | string {
  if (!isText(externalId)) return "'external_id' must be a non-empty string"
  if (Buffer.byteLength(externalId) > maxExternalId)
    return `'external_id' may have at most ${maxExternalId} bytes`
  return customerOf(externalId)
}

/** Whom an object with either of the two is about. Of the identifiers that Braze knows it reads no others. */
export function readIdentifier({ external_id, user_alias }: Record<string, unknown>): Identifier | string {
  if (external_id === undefined) return readAlias(user_alias)
  if (user_alias !== undefined) return "Only one of 'external_id' and 'user_alias' may be given"
  return readExternalId(external_id)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
