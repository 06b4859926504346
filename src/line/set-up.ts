import type { messagingApi } from '@line/bot-sdk'
import { fieldsOf, isObject } from '../wire/answer.ts'
import { type AskOptions, createAsk } from './ask.ts'
import { isUserId } from './user-id.ts'

/** The LINE Official Account that a token is of. */
export interface Account {
  /** Webhooks name it as their `destination`. */
  readonly userId: string
  /** What people search for, as `@abc1234d`. */
  readonly basicId: string
}

/** Where LINE posts a channel's webhooks; it does so where `isActive`. */
export interface WebhookEndpoint {
  readonly url: string
  readonly isActive: boolean
}

/** What came of a webhook without events that LINE has posted to a channel's endpoint. */
export interface WebhookTest {
  readonly isSuccess: boolean
  /** 0 or less where no answer came. */
  readonly status: number
  /** In LINE's words, as `COULD_NOT_CONNECT`. */
  readonly reason: string
}

/** What should be a `T`, key by key. */
type Said<T> = Partial<Record<keyof T, unknown>>

/** Somebody waits. */
const RETRIES = 1

/** How a channel is set up at LINE; nothing there is changed. Methods throw what `createCaller` says. */
export function createSetUp(options: AskOptions) {
  const ask = createAsk(options)
  const get = <T>(
    path: string,
    read: (body: unknown) => T | undefined,
    signal?: AbortSignal,
    readRefusal?: (body: unknown, refusal: { readonly status: number }) => T | undefined,
  ) => ask({ method: 'GET', path, read, retries: RETRIES, signal, ...(readRefusal && { readRefusal }) })

  return {
    /** Source: developers.line.biz/en/reference/messaging-api/#get-bot-info */
    account: (signal?: AbortSignal): Promise<Account> => get('/v2/bot/info', readAccount, signal),

    /**
     * Null where the channel has none.
     * Source: developers.line.biz/en/reference/messaging-api/#get-webhook-endpoint-information
     */
    webhook: (signal?: AbortSignal): Promise<WebhookEndpoint | null> =>
      get<{ endpoint: WebhookEndpoint | null }>(
        '/v2/bot/channel/webhook/endpoint',
        readEndpoint,
        signal,
        (_, { status }) => (status === 404 ? { endpoint: null } : undefined),
      ).then(({ endpoint }) => endpoint),

    /**
     * Has LINE post a webhook without events to the channel's endpoint, which it does 60 times an hour at most. It is asked
     * once. Source: developers.line.biz/en/reference/messaging-api/#test-webhook-endpoint
     */
    testWebhook: (signal?: AbortSignal): Promise<WebhookTest> =>
      ask({
        method: 'POST',
        path: '/v2/bot/channel/webhook/test',
        headers: { 'content-type': 'application/json' },
        body: '{}',
        read: readTest,
        retries: 0,
        signal,
      }),

    /** Whether LINE lists the account's followers. Source: developers.line.biz/en/reference/messaging-api/#get-follower-ids */
    listsFollowers: (signal?: AbortSignal): Promise<boolean> =>
      get<{ lists: boolean }>(
        '/v2/bot/followers/ids?limit=1',
        (body) => (Array.isArray(fieldsOf(body).userIds) ? { lists: true } : undefined),
        signal,
        (_, { status }) => (status === 403 ? { lists: false } : undefined),
      ).then(({ lists }) => lists),
  }
}

export type SetUp = ReturnType<typeof createSetUp>

function readAccount(body: unknown): Account | undefined {
  const { userId, basicId } = fieldsOf(body) as Said<messagingApi.BotInfoResponse>
  return isUserId(userId) ? { userId, basicId: typeof basicId === 'string' ? basicId : '' } : undefined
}

function readEndpoint(body: unknown): { endpoint: WebhookEndpoint | null } | undefined {
  const { endpoint: url, active } = fieldsOf(body) as Said<messagingApi.GetWebhookEndpointResponse>
  if (!isObject(body) || typeof active !== 'boolean') return undefined
  return { endpoint: typeof url === 'string' && url !== '' ? { url, isActive: active } : null }
}

function readTest(body: unknown): WebhookTest | undefined {
  const { success, statusCode, reason } = fieldsOf(body) as Said<messagingApi.TestWebhookEndpointResponse>
  if (typeof success !== 'boolean' || typeof statusCode !== 'number') return undefined
  return { isSuccess: success, status: statusCode, reason: String(reason) }
}
