import { createHttpClient, type HttpAnswer } from '../wire/client.ts'
import { type AttributeOptions, attributeObject, type Write } from './attributes.ts'

export interface BrazeClientOptions extends AttributeOptions {
  /** The REST endpoint's URL; a path in it is kept. */
  readonly endpoint: string
  readonly apiKey: string
  /** Connections, each with one request at a time. */
  readonly concurrency: number
  /** For one request, until the last byte of its answer. */
  readonly timeoutMs: number
}

/** Braze's own limit. Source: braze.com/docs/api/endpoints/user_data/post_user_track */
export const MAX_ITEMS = 75

/** Posts to Braze over connections that are kept alive. Both methods throw `NoAnswer`, of src/wire. */
export function createBrazeClient({
  endpoint,
  apiKey,
  concurrency,
  timeoutMs,
  ...options
}: BrazeClientOptions) {
  const client = createHttpClient({ baseUrl: endpoint, timeoutMs, connections: concurrency })
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const post = (path: string, body: object, signal?: AbortSignal): Promise<HttpAnswer> =>
    client.send({ method: 'POST', path, headers, body: JSON.stringify(body) }, signal)

  return {
    timeoutMs,

    /** Posts at most 75 writes of different users in one `/users/track` request. `interpret` reads the answer. */
    track: (writes: readonly Write[]) =>
      post('/users/track', { attributes: writes.map((write) => attributeObject(write, options)) }),

    /**
     * Asks for the profiles of at most 50 users by their aliases. `readExport` reads the answer.
     * Source: braze.com/docs/api/endpoints/export/user_data/post_users_identifier
     */
    exportUsers: (userIds: readonly string[], signal?: AbortSignal) =>
      post(
        '/users/export/ids',
        {
          user_aliases: userIds.map((userId) => ({ alias_name: userId, alias_label: options.aliasLabel })),
          fields_to_export: ['user_aliases', 'custom_attributes'],
        },
        signal,
      ),

    close: client.close,
  }
}

export type BrazeClient = ReturnType<typeof createBrazeClient>
