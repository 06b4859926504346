import { fieldsOf, isObject } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'
import type { AttributeOptions, Place } from './attributes.ts'
import { readSaid, type Said } from './said.ts'

/** Braze's own limit. Source: braze.com/docs/api/endpoints/export/user_data/post_users_identifier */
export const MAX_EXPORTS = 50

/** 250 requests a minute, which Braze allows everybody. A Braze that says its limit is asked as fast as that allows. */
const GAP_MS = 240

/** A profile, as far as the channels are concerned. */
export interface Profile {
  /** Whose it is; null where it is nobody's whom the brand knows. */
  readonly externalId: string | null
  /** What it holds in the channel's attribute; null: nothing. */
  valueIn(channel: string): unknown
  /** The LINE user id that it has as an alias of the channel's label. */
  aliasIn(channel: string): string | undefined
  /** Whether that alias is the only name that it has: no external id, and no alias of somebody else's. */
  isNothingBut(channel: string, userId: string): boolean
}

/** What Braze knows of the places that it was asked for. */
export interface Profiles {
  /** The profile there; undefined where Braze names none. */
  at(place: Place): Profile | undefined
  /**
   * Whether Braze knows a profile there. Undefined where it can't be told: the answer has profiles that are at none of the
   * places, since an external id that was renamed leads to the profile under its new one. Asked for alone, it can be told.
   */
  knows(place: Place): boolean | undefined
}

export interface ReadOptions {
  readonly channels: AttributeOptions['channels']
  /** Milliseconds since 1970. */
  readonly now: number
  /** Makes what Braze said fit to be shown. */
  readonly words: (said: unknown) => string
}

/** What an answer to a `/users/export/ids` request for `places` means. */
export function readExport(
  answer: HttpAnswer,
  places: readonly Place[],
  { channels, now, words }: ReadOptions,
): Said<Profiles> {
  return readSaid(answer, {
    read: ({ users, invalid_user_ids: invalid }) =>
      Array.isArray(users) ? profilesOf(users, asList(invalid), places, channels) : undefined,
    permission: 'users.export.ids',
    gapMs: GAP_MS,
    now,
    words,
  })
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

type Channels = AttributeOptions['channels']

function profilesOf(
  users: readonly unknown[],
  invalid: readonly unknown[],
  places: readonly Place[],
  channels: Channels,
): Profiles {
  const keyOf = (place: Place) => keyOfPlace(place, channels)
  const asked = new Set(places.map(keyOf))
  const found = new Map<string, Profile>()
  const strangers: Profile[] = []
  for (const user of users.filter(isObject)) {
    const profile = profileOf(user, channels)
    const keys = keysOf(user)
    for (const key of keys) found.set(key, profile)
    if (!keys.some((key) => asked.has(key))) strangers.push(profile)
  }
  const [only = ''] = asked
  const [stranger] = strangers
  // Who comes when a single one is asked for is it, under whatever name.
  if (asked.size === 1 && stranger && !found.has(only)) found.set(only, stranger)
  const unknown = new Set(invalid.flatMap(keysOfInvalid))

  return {
    at: (place) => found.get(keyOf(place)),
    knows(place) {
      const key = keyOf(place)
      if (found.has(key)) return true
      const isSure = asked.size === 1 || strangers.length === 0 || unknown.has(key)
      return isSure ? false : undefined
    },
  }
}

function profileOf(user: Readonly<Record<string, unknown>>, channels: Channels): Profile {
  const held = fieldsOf(user.custom_attributes)
  const aliases = aliasesOf(user)
  const externalId = typeof user.external_id === 'string' ? user.external_id : null
  const aliasIn = (channel: string) =>
    aliases.find(({ label }) => label === channels.get(channel)?.aliasLabel)?.name
  return {
    externalId,
    aliasIn,
    isNothingBut: (channel, userId) =>
      externalId === null && aliases.length === 1 && aliasIn(channel) === userId,
    valueIn(channel) {
      const attribute = channels.get(channel)?.attribute ?? ''
      return Object.hasOwn(held, attribute) ? held[attribute] : null
    },
  }
}

const aliasesOf = (user: Readonly<Record<string, unknown>>) =>
  asList(user.user_aliases).flatMap((alias) => {
    const { alias_name: name, alias_label: label } = fieldsOf(alias)
    return typeof name === 'string' && typeof label === 'string' ? [{ name, label }] : []
  })

/** Where the profile of an answer is. */
const keysOf = (user: Readonly<Record<string, unknown>>): string[] => [
  ...(typeof user.external_id === 'string' ? [keyOfCustomer(user.external_id)] : []),
  ...aliasesOf(user).map(({ label, name }) => keyOfAlias(label, name)),
]

/** How unknown aliases are named, Braze does not say; a bare name tells nothing of its label. */
const keysOfInvalid = (id: unknown): string[] => {
  if (typeof id === 'string') return [keyOfCustomer(id)]
  const { alias_name: name, alias_label: label } = fieldsOf(id)
  return typeof name === 'string' && typeof label === 'string' ? [keyOfAlias(label, name)] : []
}

const keyOfPlace = ({ channel, address }: Place, channels: Channels): string =>
  'externalId' in address
    ? keyOfCustomer(address.externalId)
    : keyOfAlias(channels.get(channel)?.aliasLabel ?? '', address.userId)

const keyOfCustomer = (externalId: string) => `customer\0${externalId}`
const keyOfAlias = (label: string, name: string) => `alias\0${label}\0${name}`
