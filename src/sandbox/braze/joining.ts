import type { Alias, Identifier } from './identifier.ts'
import type { Profile, Profiles } from './profiles.ts'
import type { Rules } from './rules.ts'

/** What becomes of profiles that are identified, renamed and merged. None of it ever fails: where Braze will not, nothing happens. */
export function createJoining(profiles: Profiles, rules: Rules, blame: (violation: string) => void) {
  const isMergeable = ({ externalId }: Profile) => externalId === null || !rules.neverMerged.has(externalId)

  /** The kept profile's own values and aliases win. [MERGE] */
  function join(source: Profile, kept: Profile) {
    if (!isMergeable(source) || !isMergeable(kept)) return
    const lacking = [...source.attributes].filter(([name]) => !kept.attributes.has(name))
    const aliases = rules.aliasesSurvive ? [...source.aliases] : []
    profiles.remove(source)
    profiles.write(kept, lacking)
    for (const alias of aliases) profiles.give(kept, alias)
  }

  return {
    isKnown: (identifier: Identifier) => profiles.find(identifier) !== undefined,
    /** `POST /users/identify` [IDENT] */
    identify(alias: Alias, customer: Identifier) {
      const source = profiles.find(alias)
      const kept = profiles.find(customer)
      if (source === undefined || source.externalId !== null) return
      if (kept === undefined) profiles.give(source, customer)
      else if (!kept.aliases.some(({ label }) => label === alias.label)) join(source, kept)
    },
    /** `POST /users/alias/new`; without a customer the alias makes a profile of its own. [ALIAS] */
    addAlias(alias: Alias, customer: Identifier | null) {
      if (profiles.find(alias) !== undefined) return
      if (customer === null) return void profiles.create(alias)
      const profile = profiles.find(customer)
      if (profile !== undefined) profiles.give(profile, alias)
    },
    /** `POST /users/alias/update`. That a name which is taken changes nothing is not documented. [RENAME] */
    renameAlias(before: Alias, after: Alias) {
      const profile = profiles.find(before)
      if (profile !== undefined && profiles.find(after) === undefined) profiles.rename(profile, before, after)
    },
    /** `POST /users/delete` [DELETE] */
    remove(identifier: Identifier) {
      const profile = profiles.find(identifier)
      if (profile === undefined) return
      if (identifier.label !== null && profile.externalId !== null)
        blame('a customer was deleted by an alias')
      profiles.remove(profile)
    },
    /** `POST /users/merge` [MERGE] */
    merge(merged: Identifier, kept: Identifier) {
      const [source, target] = [profiles.find(merged), profiles.find(kept)]
      if (source !== undefined && target !== undefined && source !== target) join(source, target)
    },
  }
}

export type Joining = ReturnType<typeof createJoining>
