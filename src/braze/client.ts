import { createHttpClient, type HttpRequest } from '../wire/client.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import {
  type AttributeOptions,
  aliasOf,
  attributeObject,
  createProfileNames,
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
}

/** Braze's own limit. Source: braze.com/docs/api/endpoints/user_data/post_user_track */
export const MAX_ITEMS = 75

/** Braze exports all custom attributes of a profile, not one: some hundreds of kilobytes for each. */
const EXPORT_LIMIT_BYTES = 32_000_000

/** Posts to Braze over connections that are kept alive. `track` and `exportUsers` throw `NoAnswer`, of src/wire. */
export function createBrazeClient({
  endpoint,
  apiKey,
  concurrency,
  timeoutMs,
  ...options
}: BrazeClientOptions) {
  const client = createHttpClient({ baseUrl: endpoint, timeoutMs, connections: concurrency })
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const post = (path: string, body: object, more?: Partial<HttpRequest>, signal?: AbortSignal) =>
    client.send({ method: 'POST', path, headers, body: JSON.stringify(body), ...more }, signal)

  const profileOf = createProfileNames(options.channels)

  return {
    timeoutMs,
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
     * Asks for the profiles of at most 50 users by their aliases. `readExport` reads the answer.
     * Source: braze.com/docs/api/endpoints/export/user_data/post_users_identifier
     */
    exportUsers: (userIds: readonly string[], aliasLabel: string, signal?: AbortSignal) =>
      post(
        '/users/export/ids',
        {
          user_aliases: userIds.map((userId) => aliasOf(userId, aliasLabel)),
          fields_to_export: ['user_aliases', 'custom_attributes'],
        },
        { answerLimitBytes: EXPORT_LIMIT_BYTES },
        signal,
      ),

    close: client.close,
  }
}

export type BrazeClient = ReturnType<typeof createBrazeClient>
