/** How contacts are written to Braze; from the settings. */
export interface AttributeOptions {
  /** The custom attribute that holds the LINE user id. */
  readonly attribute: string
  /** The label of the user alias by which Braze finds the profile. */
  readonly aliasLabel: string
  /** Whether a reachable user whom Braze does not know gets a profile. */
  readonly createProfiles: boolean
}

/** One user, and whether Braze should hold the LINE id (true) or lose it (false). */
export interface Write {
  readonly userId: string
  readonly reachable: boolean
}

/** One object of the list `attributes` of a `/users/track` request. */
export type AttributeObject = Readonly<Record<string, unknown>>

/**
 * The attribute object that makes Braze agree with `write`.
 *
 * `null` removes an attribute. With an alias `_update_existing_only` is true unless stated otherwise, and clearing
 * must never make a profile, so it is always stated.
 * Source: braze.com/docs/api/objects_filters/user_attributes_object
 */
export function attributeObject({ userId, reachable }: Write, options: AttributeOptions): AttributeObject {
  return {
    // The setting's name goes first: whatever it is called, it cannot replace what follows.
    [options.attribute]: reachable ? userId : null,
    user_alias: { alias_name: userId, alias_label: options.aliasLabel },
    _update_existing_only: reachable ? !options.createProfiles : true,
  }
}
