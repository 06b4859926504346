import { type Identifier, isObject, readIdentifier } from './identifier.ts'

/** One element of `attributes` as it was sent. [OBJ] */
export type AttributeObject = Record<string, unknown>

/** What a valid attribute object asks Braze to do. */
export interface Write {
  target: Identifier
  /** Whether an unknown profile is created. [OBJ] `_update_existing_only` */
  creates: boolean
  /** Whether `_update_existing_only` was sent. */
  explicit: boolean
  /** Names and values; null removes. */
  attributes: [name: string, value: unknown][]
}

const maxText = 255
const ownNames = ['_update_existing_only', 'user_alias', 'external_id']

/** Reads one attribute object, or says in Braze's manner (free text) what is wrong with it. [OBJ] */
export function readWrite(raw: unknown): Write | string {
  if (!isObject(raw)) return 'Each attributes object must be an object'
  const target = readIdentifier(raw)
  if (typeof target === 'string') return target
  const only = raw._update_existing_only
  if (only !== undefined && typeof only !== 'boolean') return "'_update_existing_only' must be a boolean"
  const attributes = Object.entries(raw).filter(([name]) => !ownNames.includes(name))
  for (const [name, value] of attributes) {
    if (name.length > maxText) return 'The name of an attribute is too long'
    if (typeof value === 'string' && value.length > maxText) return 'The value of an attribute is too long'
  }
  // Unless stated otherwise an unknown alias makes no profile, and an unknown external id does.
  const creates = only === undefined ? target.label === null : !only
  return { target, creates, explicit: only !== undefined, attributes }
}
