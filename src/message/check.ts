import type { messagingApi } from '@line/bot-sdk'
import { isObject } from '../wire/answer.ts'
import { checkHeaders } from './headers.ts'
import { isLiquid, type LiquidTemplate, readLiquid } from './liquid.ts'
import { type Fill, requestOf, wordsOf } from './request.ts'
import { object, type Problem, problemsOf, required, text } from './rules.ts'
import { type Channel, HARMLESS, knownTo } from './samples.ts'
import { checkValues, liquidFor } from './values.ts'
import type { Webhook } from './webhook.ts'

export interface CheckOptions {
  /** Whose it may be; each has an attribute of its own. */
  readonly channels: readonly Channel[]
  /** Where LINE takes pushes. */
  readonly url: string
  /** What is filled in, by name, where a person has said so. */
  readonly values: ReadonlyMap<string, string>
  /** Many names take long: ends the check, with its reason. */
  readonly signal: AbortSignal
}

export interface Checked {
  /** Why nobody, or not everybody, would get the message. */
  readonly problems: readonly Problem[]
  /** Why people with rare values would not get it. */
  readonly warnings: readonly Problem[]
  /** What LINE would get; undefined where that is no request. */
  readonly request: messagingApi.PushMessageRequest | undefined
  /** The retry key that it would get with it. */
  readonly retryKey: string | undefined
  /** To which channel it belongs; undefined where that cannot be told. */
  readonly channel: string | undefined
  /** What Braze fills in beside what belongs to every template, and so what values can be given for. */
  readonly names: readonly string[]
}

const NONE = {
  problems: [],
  warnings: [],
  request: undefined,
  retryKey: undefined,
  channel: undefined,
  names: [],
}

/** Whether it is a webhook at all, by its keys. */
const webhookShape = object<Webhook>({
  url: required(text()),
  method: required(text()),
  headers: required((value, place) => {
    if (!isObject(value)) return place.tell('is no object')
    for (const [name, header] of Object.entries(value))
      if (typeof header !== 'string') place.at(name).tell('is no text')
  }),
  body: required(text()),
})

/**
 * Holds a webhook of Braze's against what LINE takes, with many kinds of values filled in. LINE is not asked.
 *
 * @param given what a file says, of any shape
 */
export async function checkWebhook(given: unknown, options: CheckOptions): Promise<Checked> {
  const unshaped = problemsOf(given, webhookShape)
  if (unshaped.length > 0) return { ...NONE, problems: unshaped }
  const webhook = given as Webhook
  const problems: Problem[] = []
  const read = (property: string, source: string) => {
    try {
      return readLiquid(source)
    } catch (error) {
      problems.push({ property, message: wordsOf(error) })
      return undefined
    }
  }
  const body = read('body', webhook.body)
  const headers = new Map<string, LiquidTemplate>()
  for (const [name, source] of Object.entries(webhook.headers)) {
    const template = read(`headers.${name}`, source)
    if (template) headers.set(name, template)
  }
  if (problems.length > 0 || !body) return { ...NONE, problems }

  const known = knownTo(options.channels)
  const names = namesIn([body, ...headers.values()]).filter((name) => !known.has(name))
  const fill = (name: string) => options.values.get(name) ?? known.get(name) ?? HARMLESS

  const harmless = requestOf(body, fill)
  const request = harmless.kind === 'request' ? harmless.request : undefined
  const channel = request && options.channels.find((each) => fill(nameOf(each)) === request.to)
  const { retryKey, problems: ofHeaders } = checkHeaders(headers, {
    channels: options.channels,
    channel,
    fill,
  })
  const ofBody = namesIn([body]).filter((name) => !known.has(name))
  const found = request
    ? await checkValues(
        { body, source: webhook.body, names: ofBody, fill, given: options.values },
        options.signal,
      )
    : { problems: [], warnings: [] }
  return {
    problems: [
      ...checkAddress(webhook, options.url),
      ...checkSecrecy({ body, headers, webhook, channels: options.channels }),
      ...harmless.problems,
      ...(request && !channel
        ? [{ property: 'to', message: `is not ${options.channels.map(liquidOf).join(' or ')}` }]
        : []),
      ...ofHeaders,
      ...(channel ? checkBlank(body, channel, fill) : []),
      ...found.problems,
    ],
    warnings: found.warnings,
    request,
    retryKey,
    channel: channel?.name,
    names,
  }
}

const nameOf = ({ attribute }: Channel) => `custom_attribute.${attribute}`
const liquidOf = (channel: Channel) => `{{custom_attribute.\${${channel.attribute}}}}`
const namesIn = (templates: Iterable<LiquidTemplate>) => [
  ...new Set(Array.from(templates, ({ names }) => names).flat()),
]

/** The token goes where the URL says, so that it must not depend on anybody's values. */
function checkAddress({ url, method }: Webhook, right: string): Problem[] {
  const problems: Problem[] = []
  const insecure = url.startsWith('http:') && right.startsWith('https:')
  if (insecure) problems.push({ property: 'url', message: `is an http:// address; it must be ${right}` })
  else if (url !== right)
    problems.push({ property: 'url', message: `must be ${right}${isLiquid(url) ? ', without Liquid' : ''}` })
  if (method !== 'POST') problems.push({ property: 'method', message: 'must be POST' })
  return problems
}

interface Parts {
  readonly webhook: Webhook
  readonly body: LiquidTemplate
  readonly headers: ReadonlyMap<string, LiquidTemplate>
  readonly channels: readonly Channel[]
}

/** Whoever has the token can write to everybody: it is for LINE alone. */
function checkSecrecy({ webhook, body, headers, channels }: Parts): Problem[] {
  const tokens = channels.map(({ tokenBlock }) => `content_blocks.${tokenBlock}`)
  const problems: Problem[] = []
  for (const [property, { names }] of new Map([['body', body], ...prefixed(headers)])) {
    const token = names.find((name) => tokens.includes(name))
    if (token === undefined) continue
    if (property.toLowerCase() !== 'headers.authorization')
      problems.push({
        property,
        message: `has the token of ${liquidFor(token)}, which belongs in headers.Authorization alone`,
      })
    else if (/\{%-?\s*connected_content\b/.test(webhook.headers[property.slice(HEADERS.length)] ?? ''))
      problems.push({ property, message: 'has connected_content, which must not know the token' })
  }
  return problems
}

const HEADERS = 'headers.'
const prefixed = (headers: ReadonlyMap<string, LiquidTemplate>) =>
  Array.from(headers, ([name, template]): [string, LiquidTemplate] => [`${HEADERS}${name}`, template])

/** Nothing may be sent to who has no user id: LINE would refuse it, and Braze count it as a failure. */
function checkBlank(body: LiquidTemplate, channel: Channel, fill: Fill): Problem[] {
  const blank = requestOf(body, (name) => (name === nameOf(channel) ? '' : fill(name)))
  if (blank.kind === 'aborted') return []
  return [
    {
      property: 'body',
      message: `goes on where ${liquidOf(channel)} is blank; end it there with abort_message`,
    },
  ]
}
