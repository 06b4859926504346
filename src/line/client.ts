import type { messagingApi } from '@line/bot-sdk'
import { fieldsOf } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'
import { isLinkToken } from './account-link.ts'
import { createAsk } from './ask.ts'
import { type Call, type Caller, LineError, LineRefusal } from './call.ts'
import { dateOf } from './epoch.ts'
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
  /** LINE's clock when it answered, milliseconds since 1970; undefined where it does not say, or no such moment. */
  readonly date: number | undefined
}

/** LINE does not take the cursor that it was given, any more or at all. */
class UnknownStart extends LineError {}

/** The most that LINE takes. */
const PAGE_SIZE = 1_000

/** The part of LINE's Messaging API that is used here. Methods throw what `createCaller` says. */
export function createLineClient({ call, tokens }: LineClientOptions) {
  const ask = createAsk({ call, tokens })
  const get = <T>(
    request: Omit<Call<T>, 'method' | 'headers'>,
    refused?: (error: LineError) => LineError,
  ): Promise<T> => ask({ ...request, method: 'GET' }, refused)

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
      const path = `/v2/bot/followers/ids?${query}`
      if (start === null) return get({ path, read: readPage, signal })
      // The cursor is all that LINE can find fault with in such a request; its words for that are free to change.
      return get({ path, read: readPage, signal, secrets: [start] }, (error) =>
        error.status === 400 ? new UnknownStart(error.message, error.status, error) : error,
      )
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

    /**
     * `POST /v2/bot/user/{userId}/linkToken`: a token with which that person, and nobody else, can come to LINE's account
     * link, once and within ten minutes. It is asked twice at most, since somebody waits.
     * Source: developers.line.biz/en/reference/messaging-api/#issue-link-token
     *
     * @throws LineRefusal where LINE gives none for this user
     */
    issueLinkToken(userId: string, signal?: AbortSignal): Promise<string> {
      const inPath = encodeURIComponent(userId)
      return ask(
        {
          method: 'POST',
          path: `/v2/bot/user/${inPath}/linkToken`,
          ids: [userId, inPath],
          read: readLinkToken,
          retries: 1,
          signal,
        },
        (error) =>
          error.status === 400 || error.status === 404
            ? new LineRefusal(NO_LINK_TOKEN, error.status, error)
            : error,
      )
    },
  }
}

export type LineClient = ReturnType<typeof createLineClient>

/** Whether LINE does not take the `start` that it was given, any more or at all. */
export const isUnknownStart = (error: unknown): boolean => error instanceof UnknownStart

const NO_LINK_TOKEN =
  'LINE gives no link token for this user; the user id must be one that this LINE Official Account was told by LINE.'

function readPage(body: unknown, { headers }: HttpAnswer): ListPage | undefined {
  const { userIds: entries, next = null } = fieldsOf(body)
  // A `next` that makes no sense must not pass for the end of the list: who is missing from that counts as gone.
  if (!Array.isArray(entries) || !(next === null || (typeof next === 'string' && next !== '')))
    return undefined
  const valid = entries.filter(isUserId)
  const userIds = valid.filter((userId) => userId !== DUMMY_USER)
  return { userIds, invalid: entries.length - valid.length, next, date: dateOf(headers) }
}

function readBotUserId(body: unknown): string | undefined {
  const { userId } = fieldsOf(body)
  return isUserId(userId) ? userId : undefined
}

function readLinkToken(body: unknown): string | undefined {
  const { linkToken } = fieldsOf(body) as Partial<Record<keyof messagingApi.IssueLinkTokenResponse, unknown>>
  return isLinkToken(linkToken) ? linkToken : undefined
}

/** `followers` never decreases; those who have blocked since are taken off. */
function readCount(body: unknown): number | null {
  const { status, followers, blocks } = fieldsOf(body)
  if (status !== 'ready' || typeof followers !== 'number' || typeof blocks !== 'number') return null
  return followers >= blocks ? followers - blocks : null
}
