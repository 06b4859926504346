import type { HttpAnswer } from '../wire/client.ts'
import { type Call, type Caller, LineError } from './call.ts'
import { LINE_EPOCH } from './epoch.ts'
import type { TokenSource } from './tokens.ts'
import { DUMMY_USER, isUserId } from './user-id.ts'

export interface LineClientOptions {
  readonly call: Caller
  readonly tokens: TokenSource
}

/** A page of the follower list, as LINE gave it. */
export interface ListPage {
  readonly userIds: string[]
  /** Entries that are no user ids. */
  readonly invalid: number
  /** What to ask for next; null on the last page. */
  readonly next: string | null
  /** LINE's clock when it answered, milliseconds since 1970. */
  readonly date: number
}

/** The most that LINE takes. */
const PAGE_SIZE = 1_000

/** The part of LINE's Messaging API that is used here. Methods throw what `createCaller` says. */
export function createLineClient({ call, tokens }: LineClientOptions) {
  /** With a token; where LINE does not take that any more, once again with a new one. */
  async function get<T>(request: Omit<Call<T>, 'method' | 'headers'>): Promise<T> {
    for (let isRenewed = false; ; isRenewed = true) {
      const token = await tokens.get(request.signal)
      const headers = { authorization: `Bearer ${token}` }
      try {
        return await call({ ...request, method: 'GET', headers })
      } catch (error) {
        const isOver =
          error instanceof LineError && error.status === 401 && !isRenewed && tokens.expire(token)
        if (!isOver) throw error
      }
    }
  }

  return {
    /**
     * `GET /v2/bot/followers/ids`. Friends who do not block, without deleted accounts and users without consent; people
     * who only wrote are not on it. Pages may be short, even empty, before the last.
     * Source: developers.line.biz/en/reference/messaging-api/#get-follower-ids
     *
     * @param start `next` of the page before; null for the first page. LINE forgets it after 24 hours
     */
    followers(start: string | null, signal?: AbortSignal): Promise<ListPage> {
      const query = new URLSearchParams({ limit: String(PAGE_SIZE), ...(start !== null && { start }) })
      return get({ path: `/v2/bot/followers/ids?${query}`, read: readPage, signal })
    },

    /**
     * The bot's user id, which webhooks name as their `destination`.
     * Source: developers.line.biz/en/reference/messaging-api/#get-bot-info
     */
    botUserId: (signal?: AbortSignal): Promise<string> =>
      get({ path: '/v2/bot/info', read: readBotUserId, signal }),

    /**
     * About how many the follower list names, as of the day `date` (yyyyMMdd, UTC+9); null where LINE does not say. It is
     * asked once only.
     * Source: developers.line.biz/en/reference/messaging-api/#get-number-of-followers
     */
    followerCount: (date: string, signal?: AbortSignal): Promise<number | null> =>
      get({
        path: `/v2/bot/insight/followers?date=${date}`,
        read: (body) => ({ count: readCount(body) }),
        retries: 0,
        signal,
      }).then(({ count }) => count),
  }
}

export type LineClient = ReturnType<typeof createLineClient>

/** Whether LINE does not know the `start` that it was given, any more or at all. */
export const isUnknownStart = (error: unknown): boolean =>
  error instanceof LineError && error.status === 400 && /invalid start/i.test(error.said ?? '')

function readPage(body: unknown, { headers }: HttpAnswer): ListPage | undefined {
  const { userIds: entries, next = null } = Object(body) as Record<string, unknown>
  // A `next` that makes no sense must not pass for the end of the list: who is missing from that counts as gone.
  if (!Array.isArray(entries) || !(next === null || (typeof next === 'string' && next !== '')))
    return undefined
  const valid = entries.filter(isUserId)
  const userIds = valid.filter((userId) => userId !== DUMMY_USER)
  // A list that only our own clock dates could win over newer webhooks.
  const date = Date.parse(String(headers.date))
  if (!(date >= LINE_EPOCH)) return undefined
  return { userIds, invalid: entries.length - valid.length, next, date }
}

function readBotUserId(body: unknown): string | undefined {
  const { userId } = Object(body) as Record<string, unknown>
  return isUserId(userId) ? userId : undefined
}

/** `followers` never decreases; those who have blocked since are taken off. */
function readCount(body: unknown): number | null {
  const { status, followers, blocks } = Object(body) as Record<string, unknown>
  if (status !== 'ready' || typeof followers !== 'number' || typeof blocks !== 'number') return null
  return followers >= blocks ? followers - blocks : null
}
