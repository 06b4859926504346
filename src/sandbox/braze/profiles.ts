import { createHolders } from './holders.ts'
import { type Alias, customerOf, type Identifier } from './identifier.ts'
import type { Write } from './object.ts'

/** How the violation begins that this project is about. */
export const HELD_TWICE = 'two profiles held the same value of'

/** Somebody in Braze. Looked at from outside, written to by `createProfiles` alone. */
export interface Profile {
  externalId: string | null
  /** At most one per label. [ALIAS] */
  aliases: readonly Alias[]
  attributes: ReadonlyMap<string, unknown>
}

/** As `createProfiles` sees it. */
interface Own extends Profile {
  /** Of one of its identifiers, so that no other profile has it. */
  key: string
  aliases: Alias[]
  attributes: Map<string, unknown>
  /** Attributes that a test has given a value which another profile may be given, too. */
  tolerated: Set<string> | null
}

export type Profiles = ReturnType<typeof createProfiles>

/**
 * Who is in Braze, by each of their identifiers. A profile that is given a value which another one holds breaks the rule that this project
 * is about: whoever has two gets every message twice. What tests plant is not blamed, but what clients add to it is.
 */
export function createProfiles(blame: (violation: string) => void) {
  const known = new Map<string, Own>()
  const holders = createHolders<Own>()
  let size = 0

  function give(profile: Own, identifier: Identifier) {
    known.set(identifier.key, profile)
    if (identifier.label === null) profile.externalId = identifier.name
    // Not pushed: that would make room for many.
    else profile.aliases = [...profile.aliases, identifier as Alias]
  }

  function create(identifier: Identifier): Own {
    const profile = {
      key: identifier.key,
      externalId: null,
      aliases: [],
      attributes: new Map(),
      tolerated: null,
    }
    give(profile, identifier)
    size++
    return profile
  }

  /** Says whether it is another value. */
  function set(profile: Own, name: string, value: unknown): boolean {
    const before = profile.attributes.get(name)
    // null removes an attribute. [OBJ]
    if (value === null) profile.attributes.delete(name)
    else profile.attributes.set(name, value)
    if (before === value) return false
    holders.remove(profile, name, before)
    holders.add(profile, name, value)
    return true
  }

  function isShared(name: string, value: unknown): boolean {
    if (!holders.isShared(name, value)) return false
    return holders.of(name, value as string).filter(({ tolerated }) => !tolerated?.has(name)).length > 1
  }

  /** What a client has Braze do. */
  function write(profile: Own, attributes: Iterable<[name: string, value: unknown]>) {
    for (const [name, value] of attributes) {
      const wasTolerated = profile.tolerated?.delete(name) === true
      const isNew = set(profile, name, value) || wasTolerated
      if (isNew && isShared(name, value)) blame(`${HELD_TWICE} ${name}`)
    }
  }

  function remove(profile: Own) {
    for (const { key } of profile.aliases) known.delete(key)
    if (profile.externalId !== null) known.delete(customerOf(profile.externalId).key)
    for (const [name, value] of profile.attributes) holders.remove(profile, name, value)
    size--
  }

  return {
    /** How many there are. */
    size: () => size,
    /** Everybody, each once. */
    all: (): Iterable<Profile> => new Set(known.values()),
    find: ({ key }: Identifier): Profile | undefined => known.get(key),
    /** The same for all identifiers of a profile; also what a profile will have that is created by this one. */
    keyOf: ({ key }: Identifier): string => known.get(key)?.key ?? key,
    /** The profiles that hold a text. */
    holders: (name: string, value: string): readonly Profile[] => holders.of(name, value),
    /** Applies an attribute object. */
    apply({ target, attributes, creates }: Write) {
      const profile = known.get(target.key) ?? (creates ? create(target) : undefined)
      if (profile !== undefined) write(profile, attributes)
    },
    /** A profile that was there before, or more of one. */
    plant(target: Identifier, attributes: Record<string, unknown>, tolerate: boolean) {
      const profile = known.get(target.key) ?? create(target)
      for (const [name, value] of Object.entries(attributes)) {
        set(profile, name, value)
      }
      if (tolerate) profile.tolerated = new Set([...(profile.tolerated ?? []), ...Object.keys(attributes)])
    },
    /** Another identifier of a profile; nothing happens where it belongs to anybody, or the profile has another of its kind. */
    give(profile: Profile, identifier: Identifier) {
      const isTaken =
        known.has(identifier.key) ||
        (identifier.label === null
          ? profile.externalId !== null
          : profile.aliases.some(({ label }) => label === identifier.label))
      if (!isTaken) give(profile as Own, identifier)
    },
    /** An alias in place of another one. */
    rename(profile: Profile, before: Alias, after: Alias) {
      const own = profile as Own
      own.aliases = own.aliases.filter(({ key }) => key !== before.key)
      if (own.key === before.key) own.key = after.key
      known.delete(before.key)
      give(own, after)
    },
    create: (identifier: Identifier): Profile => create(identifier),
    write: (profile: Profile, attributes: Iterable<[name: string, value: unknown]>) =>
      write(profile as Own, attributes),
    /** A person takes a value away. */
    unset: (profile: Profile, name: string) => set(profile as Own, name, null),
    remove: (profile: Profile) => remove(profile as Own),
  }
}
