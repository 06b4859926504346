import type { messagingApi } from '@line/bot-sdk'
import { isObject, parseJson } from '../wire/answer.ts'
import { checkHeaders } from './headers.ts'
import { Aborted, LiquidError, type LiquidTemplate, readLiquid } from './liquid.ts'
import { pushRequest } from './messages.ts'
import { object, type Problem, problemsOf, required, text } from './rules.ts'
import { type Channel, HARMLESS, HOSTILE, knownTo } from './samples.ts'
import type { Webhook } from './webhook.ts'

export interface CheckOptions {
  /** Whose it may be; each has an attribute of its own. */
  readonly channels: readonly Channel[]
  /** Where LINE takes pushes. */
  readonly url: string
  /** What is filled in, by name, where a person has said so. */
  readonly values: ReadonlyMap<string, string>
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
export function checkWebhook(given: unknown, options: CheckOptions): Checked {
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
  const url = read('url', webhook.url)
  const body = read('body', webhook.body)
  const headers = new Map<string, LiquidTemplate>()
  for (const [name, source] of Object.entries(webhook.headers)) {
    const template = read(`headers.${name}`, source)
    if (template) headers.set(name, template)
  }
  if (problems.length > 0 || !body || !url) return { ...NONE, problems }

  const known = knownTo(options.channels)
  const names = namesIn([url, body, ...headers.values()]).filter((name) => !known.has(name))
  const fill = (name: string) => options.values.get(name) ?? known.get(name) ?? HARMLESS
  problems.push(...checkAddress(webhook, render(url, fill), options.url))

  const harmless = requestOf(body, fill)
  problems.push(...harmless.problems)
  const channel =
    harmless.request && options.channels.find((each) => fill(nameOf(each)) === harmless.request?.to)
  if (harmless.request && !channel)
    problems.push({ property: 'to', message: `is not ${options.channels.map(liquidOf).join(' or ')}` })
  const { retryKey, ...ofHeaders } = checkHeaders(headers, { channels: options.channels, channel, fill })
  problems.push(...ofHeaders.problems)
  if (channel) problems.push(...checkBlank(body, channel, fill))
  const found = harmless.request
    ? checkValues(
        { body, source: webhook.body, names: namesIn([body]).filter((name) => !known.has(name)), fill },
        options.values,
      )
    : { problems: [], warnings: [] }
  return {
    problems: [...problems, ...found.problems],
    warnings: found.warnings,
    request: harmless.request,
    retryKey,
    channel: channel?.name,
    names,
  }
}

type Fill = (name: string) => string | undefined

const nameOf = ({ attribute }: Channel) => `custom_attribute.${attribute}`
const liquidOf = (channel: Channel) => `{{custom_attribute.\${${channel.attribute}}}}`
const namesIn = (templates: Iterable<LiquidTemplate>) => [
  ...new Set(Array.from(templates, ({ names }) => names).flat()),
]

/** The text; undefined where the Liquid ends the message or fails. */
function render(template: LiquidTemplate, fill: Fill): string | undefined {
  try {
    return template.render(fill)
  } catch (error) {
    wordsOf(error)
    return undefined
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof Aborted)
    return `ends the message (${error.message || 'abort_message'}) with these values; give others with --value`
  if (!(error instanceof LiquidError)) throw error
  return `is no Liquid that Braze takes${error.line === undefined ? '' : `, line ${error.line}`}: ${error.message}`
}

function checkAddress({ method }: Webhook, url: string | undefined, right: string): Problem[] {
  const problems: Problem[] = []
  if (url?.startsWith('http:') && right.startsWith('https:'))
    problems.push({ property: 'url', message: `is an http:// address; it must be ${right}` })
  else if (url !== right) problems.push({ property: 'url', message: `must be ${right}` })
  if (method !== 'POST') problems.push({ property: 'method', message: 'must be POST' })
  return problems
}

interface Outcome {
  /** Undefined where the text is no JSON, or the Liquid has ended the message. */
  readonly request: messagingApi.PushMessageRequest | undefined
  readonly problems: readonly Problem[]
  readonly isAborted?: boolean
}

/** What LINE would get, and what it would refuse of that. */
function requestOf(body: LiquidTemplate, fill: Fill): Outcome {
  let rendered: string
  try {
    rendered = body.render(fill)
  } catch (error) {
    return {
      request: undefined,
      problems: [{ property: 'body', message: wordsOf(error) }],
      isAborted: error instanceof Aborted,
    }
  }
  const request = parseJson(rendered)
  if (request === undefined)
    return {
      request,
      problems: [{ property: 'body', message: `is no JSON once it is rendered${placeOfFault(rendered)}` }],
    }
  const problems = problemsOf(request, pushRequest)
  return {
    request: isObject(request) ? (request as unknown as messagingApi.PushMessageRequest) : undefined,
    problems,
  }
}

/** Where the parser says so; its words would show a part of the text. */
function placeOfFault(rendered: string): string {
  try {
    JSON.parse(rendered)
    return ''
  } catch (error) {
    const [where = ''] = /line \d+ column \d+/.exec((error as Error).message) ?? []
    return where && ` (${where})`
  }
}

/** Nothing may be sent to who has no user id: LINE would refuse it, and Braze count it as a failure. */
function checkBlank(body: LiquidTemplate, channel: Channel, fill: Fill): Problem[] {
  const blank = requestOf(body, (name) => (name === nameOf(channel) ? '' : fill(name)))
  if (blank.isAborted) return []
  return [
    {
      property: 'body',
      message: `goes on where ${liquidOf(channel)} is blank; end it there with abort_message`,
    },
  ]
}

interface Filled {
  readonly body: LiquidTemplate
  readonly source: string
  readonly names: readonly string[]
  readonly fill: Fill
}

/** What becomes of the request when one of the names has a value that some people have. */
function checkValues({ body, source, names, fill }: Filled, given: ReadonlyMap<string, string>) {
  const problems = new Map<string, Problem>()
  const warnings = new Map<string, Problem>()
  const usual = new Set(requestOf(body, fill).problems.map(({ property }) => property))
  for (const name of names) {
    for (const { what, value, isRare } of HOSTILE) {
      // What a person gave may have to be as it is, as an address; only that it is escaped can be seen.
      const isGiven = given.has(name)
      const filled = isGiven ? `${given.get(name)}${value}` : value
      const {
        request,
        problems: found,
        isAborted,
      } = requestOf(body, (each) => (each === name ? filled : fill(each)))
      if (isAborted) continue
      if (!request) {
        if (!problems.has(name))
          problems.set(name, { property: 'body', message: unescaped(name, what, source) })
        continue
      }
      if (isGiven) continue
      for (const problem of found.filter(({ property }) => !usual.has(property))) {
        const key = `${name} ${problem.property}`
        const message = `${problem.message}, where ${liquidFor(name)} has ${what}`
        const finding = { ...problem, message: `${message}${remedy(problem, isRare)}` }
        const list = isRare ? warnings : problems
        if (!problems.has(key) && !list.has(key)) list.set(key, finding)
      }
    }
  }
  return { problems: [...problems.values()], warnings: [...warnings.values()] }
}

const remedy = ({ isTooLong }: Problem, isRare: boolean) =>
  isTooLong ? '; cut it with | truncate' : isRare ? '; give it a default' : ''

/** As people write it. */
function liquidFor(name: string): string {
  const dot = name.indexOf('.')
  return dot < 0 ? `{{\${${name}}}}` : `{{${name.slice(0, dot)}.\${${name.slice(dot + 1)}}}}`
}

/** Says where in the body a value stands that nothing escapes. */
function unescaped(name: string, what: string, source: string): string {
  const inner = liquidFor(name).slice(2, -2)
  const isBare = ([output]: RegExpMatchArray) => output.includes(inner) && !output.includes('json_escape')
  const outputs = [...withoutCaptures(source).matchAll(OUTPUT), ...source.matchAll(OUTPUT)]
  const lines = source.slice(0, outputs.find(isBare)?.index ?? 0).split('\n')
  const where = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`
  return `is no JSON once ${liquidFor(name)} (${where}) has ${what}; write {{${inner} | json_escape}}`
}

const OUTPUT = /\{\{(?:\$\{[^}]*\}|[^}])*\}\}/g

/** What is captured is escaped where it is used; everything else stays where it is. */
const withoutCaptures = (source: string) =>
  source.replace(/\{%-?\s*capture\b[\s\S]*?\bendcapture\s*-?%\}/g, (captured) =>
    captured.replace(/[^\n]/g, ' '),
  )
