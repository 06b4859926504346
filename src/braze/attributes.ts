import type { Address } from '../contact/profile.ts'

/** How the contacts of one LINE channel are written to Braze. */
export interface ChannelAttribute {
  /** The custom attribute that holds the LINE user id; no other channel has it. */
  readonly attribute: string
  /** The label of the user alias by which Braze finds the profile of somebody whom the brand does not know. */
  readonly aliasLabel: string
}

/**
 * Which profiles a write may make. `true`: that of a reachable user whom Braze does not know; `always`: also that of a
 * customer whom it does not know; `false`: none.
 */
export type CreateProfiles = 'true' | 'always' | 'false'

export interface AttributeOptions {
  readonly channels: ReadonlyMap<string, ChannelAttribute>
  readonly createProfiles: CreateProfiles
}

/** A profile, as far as one channel is concerned: an alias has the label of that channel. */
export interface Place {
  readonly channel: string
  readonly address: Address
}

/** By what Braze is asked for it. */
export const idOf = ({ address }: Place): string =>
  'externalId' in address ? address.externalId : address.userId

/** What one profile should hold of one channel: a LINE user id, or nothing. */
export interface Write extends Place {
  readonly value: string | null
}

/** One object of the list `attributes` of a `/users/track` request. */
export type AttributeObject = Readonly<Record<string, unknown>>

/**
 * The attribute object that makes Braze agree with `write`. It has one identifier: Braze rejects an object with two.
 *
 * `null` removes an attribute. With an alias `_update_existing_only` is true unless stated otherwise, with an external id
 * it is false; clearing must never make a profile, and neither must a wrong external id, so it is always stated.
 * Sources: braze.com/docs/api/objects_filters/user_attributes_object, …/api/endpoints/user_data/post_user_track
 *
 * @throws Error for a channel that is not among those of the options
 */
export function attributeObject(
  { channel, address, value }: Write,
  { channels, createProfiles }: AttributeOptions,
): AttributeObject {
  const { attribute, aliasLabel } = channelOf(channels, channel)
  // The setting's name goes first: whatever it is called, it cannot replace what follows.
  if ('externalId' in address) {
    return {
      [attribute]: value,
      external_id: address.externalId,
      _update_existing_only: value === null || createProfiles !== 'always',
    }
  }
  return {
    [attribute]: value,
    user_alias: aliasOf(address.userId, aliasLabel),
    _update_existing_only: value === null || createProfiles === 'false',
  }
}

/** An alias as Braze's API has it. Source: braze.com/docs/api/objects_filters/user_alias_object */
export const aliasOf = (userId: string, aliasLabel: string) => ({
  alias_name: userId,
  alias_label: aliasLabel,
})

/** @throws Error for a channel that is not among them */
export function channelOf(channels: AttributeOptions['channels'], channel: string): ChannelAttribute {
  const found = channels.get(channel)
  if (found) return found
  throw new Error(`There is no channel ${channel} in the settings.`)
}

/**
 * Names profiles: an external id is one profile for all channels, and so is an alias for those with the same label. Neither
 * user ids nor external ids have control characters.
 */
export function createProfileNames(channels: AttributeOptions['channels']) {
  const labels = [...new Set(Array.from(channels.values(), ({ aliasLabel }) => aliasLabel))]
  const prefixes = new Map(
    Array.from(channels, ([channel, { aliasLabel }]) => {
      const place = labels.indexOf(aliasLabel)
      // Mostly there is one label, and the user id as it is costs nothing.
      return [channel, place === 0 ? '' : `${place}\n`]
    }),
  )
  return ({ channel, address }: Pick<Write, 'channel' | 'address'>): string =>
    'externalId' in address ? `\n${address.externalId}` : (prefixes.get(channel) || '') + address.userId
}
