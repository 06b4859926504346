import { createHolders } from './holders.ts'
import { type Alias, customerOf, type Identifier } from './identifier.ts'

/** Somebody in Braze. Looked at from outside, written to by `createProfiles` alone. */
export interface Profile {
  externalId: string | null
  /** At most one per label. [ALIAS] */
  aliases: readonly Alias[]
  attributes: ReadonlyMap<string, unknown>
}

/** As `createProfiles` sees it. */
interface Own extends Profile {
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
  /** Who was asked for and is not there: the same object as the profile that may come. */
  const expected = new Map<string, Own>()
  const holders = createHolders<Own>()
  let size = 0

  function expect(identifier: Identifier): Own {
    const one = expected.get(identifier.key)
    if (one !== undefined) return one
    const nobody: Own = { externalId: null, aliases: [], attributes: new Map(), tolerated: null }
    expected.set(identifier.key, nobody)
    return nobody
  }

  function give(profile: Own, identifier: Identifier) {
    known.set(identifier.key, profile)
    expected.delete(identifier.key)
    if (identifier.label === null) profile.externalId = identifier.name
    else profile.aliases.push(identifier as Alias)
  }

  function create(identifier: Identifier): Own {
    const profile = expect(identifier)
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
    const all = holders.of(name, value)
    return all.length > 1 && all.filter(({ tolerated }) => !tolerated?.has(name)).length > 1
  }

  /** What a client has Braze do. */
  function write(profile: Own, attributes: Iterable<[name: string, value: unknown]>) {
    for (const [name, value] of attributes) {
      const wasTolerated = profile.tolerated?.delete(name) === true
      const isNew = set(profile, name, value) || wasTolerated
      if (isNew && isShared(name, value)) blame(`two profiles held the same value of ${name}`)
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
    find: ({ key }: Identifier): Profile | undefined => known.get(key),
    /** The same object for every identifier of a profile; of nobody yet, the one that they will be. */
    identityOf: (identifier: Identifier): object => known.get(identifier.key) ?? expect(identifier),
    /** The profiles that hold a text. */
    holders: (name: string, value: string): readonly Profile[] => holders.of(name, value),
    /** Applies an attribute object. */
    apply(target: Identifier, attributes: Iterable<[name: string, value: unknown]>, creates: boolean) {
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
      const { aliases } = profile as Own
      aliases.splice(
        aliases.findIndex(({ key }) => key === before.key),
        1,
      )
      known.delete(before.key)
      give(profile as Own, after)
    },
    create: (identifier: Identifier): Profile => create(identifier),
    write: (profile: Profile, attributes: Iterable<[name: string, value: unknown]>) =>
      write(profile as Own, attributes),
    /** A person takes a value away. */
    unset: (profile: Profile, name: string) => set(profile as Own, name, null),
    remove: (profile: Profile) => remove(profile as Own),
  }
}
