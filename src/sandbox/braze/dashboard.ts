import { aliasOf, customerOf, type Identifier } from './identifier.ts'
import type { Profile, Profiles } from './profiles.ts'

/** The label of aliases and the attribute that are meant where nothing else is said: both `line_id`. */
export interface Place {
  label?: string
  attribute?: string
}

/** `tolerate`: that a client gives another profile one of these values is no violation. */
interface Planting {
  tolerate?: boolean
}

const line = 'line_id'

/** What people see and do in Braze's dashboard. Profiles go by their alias name, or as customers by their external id. */
export function createDashboard(profiles: Profiles) {
  const byAlias = (userId: string, { label = line }: Place = {}) => aliasOf(label, userId)
  const attributeOf = (identifier: Identifier, { attribute = line }: Place = {}) =>
    profiles.find(identifier)?.attributes.get(attribute)

  function unset(identifier: Identifier, { attribute = line }: Place = {}) {
    const profile = profiles.find(identifier)
    if (profile !== undefined) profiles.unset(profile, attribute)
  }

  function remove(identifier: Identifier) {
    const profile = profiles.find(identifier)
    if (profile !== undefined) profiles.remove(profile)
  }

  return {
    /** The value in the profile that has the alias; undefined where there is none. */
    attribute: (userId: string, place: Place = {}): unknown => attributeOf(byAlias(userId, place), place),
    /** Whether a profile has the alias: one of its own, or a customer's. */
    hasProfile: (userId: string, place: Place = {}): boolean =>
      profiles.find(byAlias(userId, place)) !== undefined,
    /** A profile that was there before. */
    createProfile: (
      userId: string,
      attributes: Record<string, unknown> = {},
      { tolerate = false, ...place }: Place & Planting = {},
    ) => profiles.plant(byAlias(userId, place), attributes, tolerate),
    /** The value goes, the profile stays. */
    removeAttribute: (userId: string, place: Place = {}) => unset(byAlias(userId, place), place),
    removeProfile: (userId: string, place: Place = {}) => remove(byAlias(userId, place)),
    /** Who has the external id, with the names of their aliases by label; undefined where nobody has. */
    customer(externalId: string) {
      const profile = profiles.find(customerOf(externalId))
      return profile && shown(profile)
    },
    /** A customer who was there before, with aliases by label. */
    createCustomer(
      externalId: string,
      attributes: Record<string, unknown> = {},
      { tolerate = false, aliases = {} }: Planting & { aliases?: Record<string, string> } = {},
    ) {
      const customer = customerOf(externalId)
      profiles.plant(customer, attributes, tolerate)
      for (const [label, name] of Object.entries(aliases))
        profiles.give(profiles.find(customer) as Profile, aliasOf(label, name))
    },
    /** The value in a customer's profile; undefined where there is none. */
    customerAttribute: (externalId: string, place: Pick<Place, 'attribute'> = {}): unknown =>
      attributeOf(customerOf(externalId), place),
    removeCustomerAttribute: (externalId: string, place: Pick<Place, 'attribute'> = {}) =>
      unset(customerOf(externalId), place),
    removeCustomer: (externalId: string) => remove(customerOf(externalId)),
    /** Every profile that holds the value, as `customer` shows them; more than one gets each message as often. */
    holders: (value: string, { attribute = line }: Pick<Place, 'attribute'> = {}) =>
      profiles.holders(attribute, value).map(shown),
  }
}

const shown = ({ externalId, aliases, attributes }: Profile) => ({
  externalId,
  aliases: Object.fromEntries(aliases.map(({ label, name }) => [label, name])) as Record<string, string>,
  attributes: Object.fromEntries(attributes) as Record<string, unknown>,
})
