import type { webhook } from '@line/bot-sdk'
import type { ContactKey } from '../contact/contact.ts'
import { isObject } from '../wire/answer.ts'
import { isMoment } from './epoch.ts'
import { isPerson } from './user-id.ts'

type Result = webhook.LinkContent['result']

/**
 * What LINE says when somebody has come through its account link: that the one who opened it is this LINE user, by the
 * nonce that we have sent along; or that this could not be shown, and then not who it was.
 * Source: developers.line.biz/en/reference/messaging-api/#account-link-event
 */
export type AccountLink =
  | {
      readonly result: Extract<Result, 'ok'>
      readonly key: ContactKey
      readonly nonce: string
      /** When that was, milliseconds since 1970. */
      readonly at: number
    }
  | { readonly result: Extract<Result, 'failed'> }

/** Where people are sent to LINE's account link. */
export const DIALOG_URL = 'https://access.line.me/dialog/bot/accountLink'

/** LINE takes nonces of 10 to 255 characters, and sends them back as they were. */
const NONCE = /^[\x21-\x7e]{1,255}$/
const LINK_TOKEN = /^[\x21-\x7e]{1,1000}$/

export const isLinkToken = (value: unknown): value is string =>
  typeof value === 'string' && LINK_TOKEN.test(value)

/** The address at which LINE asks the person with this link token whether to link; it sends the nonce back by webhook. */
export function dialogUrlOf(linkToken: string, nonce: string, dialogUrl = DIALOG_URL): string {
  return `${dialogUrl}?${new URLSearchParams({ linkToken, nonce })}`
}

/** What an event of the type `accountLink` says; null where it says nothing, `invalid` where it makes no sense. */
export function readAccountLink(event: object, channel: string): AccountLink | 'invalid' | null {
  const { link, source, timestamp } = event as Readonly<Record<string, unknown>>
  if (!isObject(link)) return 'invalid'
  if (link.result === 'failed') return { result: 'failed' }
  // LINE may come to know other results.
  if (link.result !== 'ok') return null
  const { nonce } = link
  if (typeof nonce !== 'string' || !NONCE.test(nonce) || !isMoment(timestamp)) return 'invalid'
  if (!isObject(source) || source.type !== 'user' || !isPerson(source.userId)) return 'invalid'
  return { result: 'ok', key: { channel, userId: source.userId }, nonce, at: Math.floor(timestamp) }
}
