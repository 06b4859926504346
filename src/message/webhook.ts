import { createHash } from 'node:crypto'
import type { messagingApi } from '@line/bot-sdk'
import { isLiquid } from './liquid.ts'

/** A webhook message of Braze's, as its dashboard wants it: the address, the method, and Liquid for headers and body. */
export interface Webhook {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Where a person's LINE user id and the account's token stand in Braze. */
export interface Whereabouts {
  /** The custom attribute. */
  readonly attribute: string
  /** The Content Block. */
  readonly tokenBlock: string
}

export interface WebhookOptions extends Whereabouts {
  readonly url: string
  /** By which name LINE is to count how the message did. */
  readonly unit?: string | undefined
}

/** What Braze says of a campaign that was never sent, as in a preview or a test. */
export const UNSENT = 'dispatch_id_for_unsent_campaign'

/**
 * What to paste into Braze so that it pushes `message`, whose texts may hold Liquid, to everybody whom it sends to.
 * Whatever the Liquid says is escaped as a whole text: what it holds stays as somebody wrote it.
 */
export function webhookFor(message: messagingApi.Message, { url, unit, ...where }: WebhookOptions): Webhook {
  const captures: string[] = []
  const messages = [withCaptures(message, [], captures)]
  const request = {
    to: userIdIn(where),
    messages,
    ...(unit !== undefined && { customAggregationUnits: [unit] }),
  }
  const abort = "{% abort_message('This person has no LINE user id.') %}"
  const guard = `${capture('line_to', userIdIn(where))}{% if line_to == blank %}${abort}{% endif %}`
  return {
    url,
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Authorization: `Bearer ${capture('line_token', filled('content_blocks', where.tokenBlock))}{{line_token | strip}}`,
      'X-Line-Retry-Key': retryKey(where, fingerprintOf({ message, unit })),
    },
    body: [guard, ...captures, JSON.stringify(request, null, 2)].join('\n'),
  }
}

/** What Braze fills in there. */
const filled = (group: string, key: string) => `{{${group}.\${${key}}}}`
const userIdIn = ({ attribute }: Whereabouts) => filled('custom_attribute', attribute)
const capture = (name: string, liquid: string) => `{% capture ${name} %}${liquid}{% endcapture %}`

/** The same with each text that holds Liquid captured, and in its place what was captured, escaped. */
function withCaptures(value: unknown, path: readonly (string | number)[], captures: string[]): unknown {
  if (Array.isArray(value))
    return value.map((each, index) => withCaptures(each, [...path, index + 1], captures))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, withCaptures(each, [...path, key], captures)]),
    )
  if (typeof value !== 'string' || !isLiquid(value)) return value
  const name = ['line', ...path].join('_')
  captures.push(capture(name, value))
  return `{{${name} | json_escape}}`
}

/**
 * A UUID that is the same whenever Braze sends this message of one dispatch to one person, and so when it tries again:
 * LINE delivers once. Two messages of a campaign, or two steps of a Canvas, have other ids; a text that was pasted twice has
 * another fingerprint, unless it is the same. A test has no dispatch of its own, and must not count as a repetition of the
 * test before: its second is part of it. Version 3 is by MD5, and 8 the variant.
 * Source: developers.line.biz/en/docs/messaging-api/retrying-api-request,
 * braze.com/docs/user_guide/messaging/messaging_fundamentals/dispatch_id
 */
function retryKey(where: Whereabouts, fingerprint: string): string {
  const dispatch = 'line_dispatch'
  const isTest = `${dispatch} == blank or ${dispatch} == '${UNSENT}'`
  const parts = [
    `{{${dispatch}}}`,
    filled('campaign', 'api_id'),
    filled('campaign', 'message_api_id'),
    userIdIn(where),
    fingerprint,
  ]
  return [
    capture(dispatch, filled('campaign', 'dispatch_id')),
    capture('line_key', `${parts.join(' ')}{% if ${isTest} %} {{'now' | date: '%s'}}{% endif %}`),
    '{% assign line_key = line_key | md5 %}',
    '{{line_key | slice: 0, 8}}-{{line_key | slice: 8, 4}}-3{{line_key | slice: 13, 3}}-',
    '8{{line_key | slice: 17, 3}}-{{line_key | slice: 20, 12}}',
  ].join('')
}

const fingerprintOf = (said: object) =>
  createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 16)

/** LINE takes a UUID in hexadecimal. */
export const isRetryKey = (text: string | undefined): text is string =>
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text ?? '')
