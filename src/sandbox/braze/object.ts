/** One element of `attributes` as it was sent. [OBJ] */
export type AttributeObject = Record<string, unknown>

/** What a valid attribute object asks Braze to do. */
export interface Write {
  /** Key of the profile, see profileKey. */
  profile: string
  /** The alias name. */
  userId: string
  /** Whether an unknown profile is created. [OBJ] `_update_existing_only` */
  creates: boolean
  /** Whether `_update_existing_only` was sent. */
  explicit: boolean
  /** Names and values; null removes. */
  attributes: [name: string, value: unknown][]
}

const maxText = 255
const ownNames = ['_update_existing_only', 'user_alias']

/** Aliases are unique per (label, name), case-sensitive. [ALIAS] */
export const profileKey = (label: string, name: string): string => `${label}\0${name}`

/**
 * Reads one attribute object, or says in Braze's manner (free text) what is wrong with it. Of the identifiers that Braze knows it reads
 * aliases only. [OBJ]
 */
export function readWrite(raw: unknown): Write | string {
  if (!isObject(raw)) return 'Each attributes object must be an object'
  const identity = readAlias(raw.user_alias)
  if (typeof identity === 'string') return identity
  const only = raw._update_existing_only
  if (only !== undefined && typeof only !== 'boolean') return "'_update_existing_only' must be a boolean"
  const attributes = Object.entries(raw).filter(([name]) => !ownNames.includes(name))
  for (const [name, value] of attributes) {
    if (name.length > maxText) return 'The name of an attribute is too long'
    if (typeof value === 'string' && value.length > maxText) return 'The value of an attribute is too long'
  }
  // With an alias, `_update_existing_only` is true unless stated otherwise.
  return { ...identity, creates: only === false, explicit: only !== undefined, attributes }
}

/** Whom a `user_alias` is about, or what is wrong with it. */
export function readAlias(alias: unknown): Pick<Write, 'profile' | 'userId'> | string {
  if (!isObject(alias) || !isText(alias.alias_name) || !isText(alias.alias_label)) {
    return "'user_alias' must have a non-empty 'alias_name' and 'alias_label'"
  }
  return { profile: profileKey(alias.alias_label, alias.alias_name), userId: alias.alias_name }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
