import type { messagingApi } from '@line/bot-sdk'
import { fieldsOf, isObject } from '../wire/answer.ts'
import { type AskOptions, createAsk } from './ask.ts'
import type { Refusal } from './call.ts'

/** What LINE finds wrong with a message: where in the body, and what. */
export interface Fault {
  /** As `messages[0].text`; empty where LINE does not say. */
  readonly property: string
  readonly message: string
}

/** What LINE says of messages that it has looked at. */
export type Judgement =
  | { readonly isValid: true }
  | { readonly isValid: false; readonly faults: readonly Fault[] }

/**
 * What LINE says of a message that was pushed. `accepted` says nothing of whether it arrives: LINE accepts it also for
 * somebody who has blocked the account. `repeated`: it had one with this retry key already. `limited`: as many messages were
 * sent this month as the account may.
 */
export type PushAnswer =
  | { readonly outcome: 'accepted'; readonly status: number }
  | { readonly outcome: 'refused'; readonly status: number; readonly faults: readonly Fault[] }
  | { readonly outcome: 'repeated' | 'limited'; readonly status: number }

/** How many messages the account may send this month, and how many it has sent, about. */
export interface Quota {
  /** Null: as many as it likes. */
  readonly limit: number | null
  readonly used: number
}

const JSON_TYPE = { 'content-type': 'application/json' }

/**
 * The part of LINE's Messaging API that sends. The SDK's types say what goes over the wire; its client has no time-outs and
 * takes no base path, so that requests are made as all others. Methods throw what `createCaller` says.
 */
export function createMessaging(options: AskOptions) {
  const ask = createAsk(options)

  return {
    /**
     * `POST /v2/bot/message/validate/push`: nothing is sent.
     * Source: developers.line.biz/en/reference/messaging-api/#validate-message-objects-of-push-message
     */
    validate(
      messages: messagingApi.ValidateMessageRequest['messages'],
      signal?: AbortSignal,
    ): Promise<Judgement> {
      const request: messagingApi.ValidateMessageRequest = { messages }
      return ask<Judgement>({
        method: 'POST',
        path: '/v2/bot/message/validate/push',
        headers: JSON_TYPE,
        body: JSON.stringify(request),
        read: (body) => (isObject(body) ? { isValid: true } : undefined),
        readRefusal: (body, refusal) =>
          refusal.status === 400 ? { isValid: false, faults: faultsIn(body, refusal) } : undefined,
        retries: 2,
        signal,
      })
    },

    /**
     * `POST /v2/bot/message/push`. With the retry key LINE delivers once, however often it is asked within 24 hours.
     * Source: developers.line.biz/en/reference/messaging-api/#send-push-message
     *
     * @param retryKey a UUID
     */
    push(
      request: messagingApi.PushMessageRequest,
      retryKey: string,
      signal?: AbortSignal,
    ): Promise<PushAnswer> {
      return ask<PushAnswer>({
        method: 'POST',
        path: '/v2/bot/message/push',
        headers: { ...JSON_TYPE, 'x-line-retry-key': retryKey },
        body: JSON.stringify(request),
        ids: [request.to],
        read: (body) => (areSent(body) ? { outcome: 'accepted', status: 200 } : undefined),
        readRefusal: pushRefusal,
        retries: 2,
        signal,
      })
    },

    /**
     * `GET /v2/bot/message/quota` and `/quota/consumption`.
     * Source: developers.line.biz/en/reference/messaging-api/#get-quota
     */
    async quota(signal?: AbortSignal): Promise<Quota> {
      const get = <T>(path: string, read: (body: unknown) => T | undefined) =>
        ask({ method: 'GET', path, read, retries: 1, signal })
      const { limit } = await get('/v2/bot/message/quota', readLimit)
      const { used } = await get('/v2/bot/message/quota/consumption', readUsed)
      return { limit, used }
    },
  }
}

export type Messaging = ReturnType<typeof createMessaging>

/** What LINE says with 429 when it is not that requests come too fast. */
const MONTHLY_LIMIT = /monthly limit/i

function pushRefusal(body: unknown, refusal: Refusal): PushAnswer | undefined {
  const { status, isRepeated } = refusal
  if (status === 400 || status === 413) return { outcome: 'refused', status, faults: faultsIn(body, refusal) }
  // Of the same request it was the first try that was accepted, and its answer went astray.
  if (status === 409) return { outcome: isRepeated ? 'accepted' : 'repeated', status }
  const { message } = fieldsOf(body) as Said<messagingApi.ErrorResponse>
  return status === 429 && typeof message === 'string' && MONTHLY_LIMIT.test(message)
    ? { outcome: 'limited', status }
    : undefined
}

/** What should be a `T`, key by key. */
type Said<T> = Partial<Record<keyof T, unknown>>

function faultsIn(body: unknown, { shown }: Refusal): Fault[] {
  const { message, details } = fieldsOf(body) as Said<messagingApi.ErrorResponse>
  const faults = (Array.isArray(details) ? details : []).map((detail) => {
    const { message, property } = fieldsOf(detail) as Said<messagingApi.ErrorDetail>
    return { property: textOf(property, shown), message: textOf(message, shown) || 'is not as LINE wants it' }
  })
  return faults.length > 0 ? faults : [{ property: '', message: textOf(message, shown) || 'no reason given' }]
}

const textOf = (said: unknown, shown: Refusal['shown']) => (typeof said === 'string' ? shown(said) : '')

function areSent(body: unknown): boolean {
  const { sentMessages } = fieldsOf(body) as Said<messagingApi.PushMessageResponse>
  return Array.isArray(sentMessages)
}

function readLimit(body: unknown): { limit: number | null } | undefined {
  const { type, value } = fieldsOf(body) as Said<messagingApi.MessageQuotaResponse>
  if (type === 'none') return { limit: null }
  return type === 'limited' && typeof value === 'number' ? { limit: value } : undefined
}

function readUsed(body: unknown): { used: number } | undefined {
  const { totalUsage: used } = fieldsOf(body) as Said<messagingApi.QuotaConsumptionResponse>
  return typeof used === 'number' ? { used } : undefined
}
