/** One element of `attributes` as it was sent. [OBJ] */
export type AttributeObject = Record<string, unknown>

/** What a valid attribute object asks Braze to do. */
export interface Write {
  /** Key of the profile, see profileKey. */
  profile: string
  /** The identifier's own text: an alias name, an external_id… */
  userId: string
  /** Whether an unknown profile is created. [OBJ] `_update_existing_only` */
  creates: boolean
  /** Whether `_update_existing_only` was sent. */
  explicit: boolean
  /** Names and values; null removes. */
  attributes: [name: string, value: unknown][]
}

interface Identity {
  kind: string
  profile: string
  userId: string
}

const identifiers = ['external_id', 'user_alias', 'braze_id', 'email', 'phone']
const maxText = 255
const maxExternalIdBytes = 987

/** Aliases are unique per (label, name), case-sensitive. [ALIAS] */
export function profileKey(label: string, name: string): string {
  return `user_alias\0${label}\0${name}`
}

/** Reads one attribute object, or says in Braze's manner (free text) what is wrong with it. [OBJ] */
export function readWrite(raw: unknown): Write | string {
  if (!isObject(raw)) return 'Each attributes object must be an object'
  const identity = identify(raw)
  if (typeof identity === 'string') return identity
  const only = raw._update_existing_only
  if (only !== undefined && typeof only !== 'boolean') return "'_update_existing_only' must be a boolean"
  const attributes = readAttributes(raw, identity.kind)
  if (typeof attributes === 'string') return attributes
  const updatesOnly = only ?? identity.kind === 'user_alias'
  return {
    profile: identity.profile,
    userId: identity.userId,
    creates: !updatesOnly && identity.kind !== 'braze_id',
    explicit: only !== undefined,
    attributes,
  }
}

/** Whom an object is about, or what is wrong with its identifier. Also serves events and purchases. */
export function identify(object: Record<string, unknown>): Identity | string {
  const kind = identifiers.find((name) => object[name] !== undefined && object[name] !== null)
  if (kind === undefined) return "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required"
  const value = object[kind]
  if (kind === 'user_alias') return identifyAlias(value)
  if (!isText(value)) return `'${kind}' must be a non-empty string`
  if (kind === 'external_id' && Buffer.byteLength(value) > maxExternalIdBytes)
    return "'external_id' is too long"
  return { kind, profile: `${kind}\0${value}`, userId: value }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function identifyAlias(alias: unknown): Identity | string {
  if (!isObject(alias) || !isText(alias.alias_name) || !isText(alias.alias_label)) {
    return "'user_alias' must have a non-empty 'alias_name' and 'alias_label'"
  }
  const { alias_label: label, alias_name: name } = alias
  return { kind: 'user_alias', profile: profileKey(label, name), userId: name }
}

function readAttributes(object: AttributeObject, identifier: string): Write['attributes'] | string {
  const attributes: Write['attributes'] = []
  for (const name of Object.keys(object)) {
    if (name === '_update_existing_only' || name === identifier) continue
    const value = object[name]
    if (name.length > maxText) return 'The name of an attribute is too long'
    if (typeof value === 'string' && value.length > maxText) return 'The value of an attribute is too long'
    attributes.push([name, value])
  }
  return attributes
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
