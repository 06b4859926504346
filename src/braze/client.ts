import { createHttpClient, type HttpRequest } from '../wire/client.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import {
  type AttributeOptions,
  aliasOf,
  attributeObject,
  channelOf,
  createProfileNames,
  type Place,
  type Write,
} from './attributes.ts'

export interface BrazeClientOptions extends AttributeOptions {
  /** The REST endpoint's URL. */
  readonly endpoint: string
  readonly apiKey: string
  /** Connections, each with one request at a time. */
  readonly concurrency: number
  /** For one request, until the last byte of its answer. */
  readonly timeoutMs: number
  readonly createHttp?: typeof createHttpClient | undefined
}

/** Braze's own limit. Source: braze.com/docs/api/endpoints/user_data/post_user_track */
export const MAX_ITEMS = 75

/** Braze exports all custom attributes of a profile, not one: some hundreds of kilobytes for each. */
const EXPORT_LIMIT_BYTES = 32_000_000

/** The alias of a LINE user. */
export interface Alias {
  readonly channel: string
  readonly userId: string
}

/** Posts to Braze over connections that are kept alive. Every request throws `NoAnswer`, of src/wire. */
export function createBrazeClient({
  endpoint,
  apiKey,
  concurrency,
  timeoutMs,
  createHttp = createHttpClient,
  ...options
}: BrazeClientOptions) {
  const client = createHttp({ baseUrl: endpoint, timeoutMs, connections: concurrency })
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const post = (path: string, body: object, more?: Partial<HttpRequest>, signal?: AbortSignal) =>
    client.send({ method: 'POST', path, headers, body: JSON.stringify(body), ...more }, signal)

  const nameOf = ({ channel, userId }: Alias) =>
    aliasOf(userId, channelOf(options.channels, channel).aliasLabel)
  const profileOf = createProfileNames(options.channels)

  return {
    timeoutMs,
    channels: options.channels,
    /** Whether several channels write to the same profiles. */
    isShared: options.channels.size > 1,
    /** Whether the channel is among those of the settings: nothing of others can be written. */
    knows: (channel: string) => options.channels.has(channel),
    /** Names the profile that a write is to: the same name, the same profile. */
    profileOf,

    /** Makes what Braze says of a request with these ids fit to be stored and shown: without them, and without the key. */
    hide: (ids: readonly string[]) => (said: unknown) => foreignWords(said, { ids, secrets: [apiKey] }),

    /** Posts at most 75 writes of different profiles in one `/users/track` request. `interpret` reads the answer. */
    track: (writes: readonly Write[]) =>
      post('/users/track', { attributes: writes.map((write) => attributeObject(write, options)) }),

    /**
     * Asks for at most 50 profiles by their addresses. `readExport` reads the answer.
     * Source: braze.com/docs/api/endpoints/export/user_data/post_users_identifier
     */
    exportProfiles: (places: readonly Place[], signal?: AbortSignal) =>
      post(
        '/users/export/ids',
        {
          ...namesOf(places, nameOf),
          fields_to_export: ['external_id', 'user_aliases', 'custom_attributes'],
        },
        { answerLimitBytes: EXPORT_LIMIT_BYTES },
        signal,
      ),

    /**
     * Hands at most 50 alias profiles over to customers, who take what they lack of them; it cannot be undone. `readIdentify`
     * reads the answer. Source: braze.com/docs/api/endpoints/user_data/post_user_identify
     */
    identify: (pairs: readonly (Alias & { readonly externalId: string })[]) =>
      post('/users/identify', {
        aliases_to_identify: pairs.map(({ externalId, ...alias }) => ({
          external_id: externalId,
          user_alias: nameOf(alias),
        })),
      }),

    /**
     * Gives at most 50 aliases other names, so that theirs are nobody's. `readRename` reads the answer.
     * Source: braze.com/docs/api/endpoints/user_data/post_users_alias_update
     */
    renameAliases: (renames: readonly (Alias & { readonly newName: string })[]) =>
      post('/users/alias/update', {
        alias_updates: renames.map(({ newName, ...alias }) => {
          const { alias_label, alias_name } = nameOf(alias)
          return { alias_label, old_alias_name: alias_name, new_alias_name: newName }
        }),
      }),

    /**
     * Deletes the profiles of at most 50 aliases, with all that they hold, whoever they are. `readDelete` reads the answer.
     * Source: braze.com/docs/api/endpoints/user_data/post_user_delete
     */
    deleteAliases: (aliases: readonly Alias[]) =>
      post('/users/delete', { user_aliases: aliases.map(nameOf) }),

    close: client.close,
  }
}

export type BrazeClient = ReturnType<typeof createBrazeClient>

/** The two lists by which Braze is asked for profiles; an empty one is left out. */
function namesOf(places: readonly Place[], nameOf: (alias: Alias) => object) {
  const externalIds = places.flatMap(({ address }) => ('externalId' in address ? [address.externalId] : []))
  const aliases = places.flatMap(({ channel, address }) =>
    'userId' in address ? [nameOf({ channel, userId: address.userId })] : [],
  )
  return {
    ...(externalIds.length > 0 && { external_ids: externalIds }),
    ...(aliases.length > 0 && { user_aliases: aliases }),
  }
}
