import { Aborted, LiquidError, type LiquidTemplate } from './liquid.ts'
import type { Problem } from './rules.ts'
import { type Channel, tokenIn } from './samples.ts'
import { isRetryKey } from './webhook.ts'

export interface HeaderOptions {
  readonly channels: readonly Channel[]
  /** To which the body is addressed; undefined where that cannot be told. */
  readonly channel: Channel | undefined
  readonly fill: (name: string) => string | undefined
}

const AUTHORIZATION = 'Authorization'
const CONTENT_TYPE = 'Content-Type'
const RETRY_KEY = 'X-Line-Retry-Key'

/** What LINE, or a second try of Braze's, would make of the headers; with the retry key that LINE would get. */
export function checkHeaders(
  headers: ReadonlyMap<string, LiquidTemplate>,
  options: HeaderOptions,
): { readonly problems: readonly Problem[]; readonly retryKey: string | undefined } {
  const problems: Problem[] = []
  const tell = (name: string, message: string) => void problems.push({ property: `headers.${name}`, message })
  const { fill } = options
  function rendered(name: string, how = fill): string | undefined {
    const template = find(headers, name)
    try {
      return template?.render(how)
    } catch (error) {
      if (!(error instanceof Aborted || error instanceof LiquidError)) throw error
      return undefined
    }
  }

  for (const name of [CONTENT_TYPE, AUTHORIZATION, RETRY_KEY]) {
    if (!find(headers, name)) tell(name, 'is missing')
    else if (rendered(name) === undefined) tell(name, 'fails, or ends the message, once it is rendered')
  }
  for (const [, again] of Map.groupBy(headers.keys(), (name) => name.toLowerCase()).values())
    if (again !== undefined) tell(again, 'is there twice')
  const type = rendered(CONTENT_TYPE)
  if (type !== undefined && !/^application\/json\s*(;|$)/i.test(type))
    tell(CONTENT_TYPE, 'must be application/json')
  const authorization = rendered(AUTHORIZATION)
  if (authorization !== undefined) {
    const fault = tokenFault(authorization, find(headers, AUTHORIZATION)?.names ?? [], options)
    if (fault) tell(AUTHORIZATION, fault)
  }
  const retryKey = rendered(RETRY_KEY)
  if (retryKey !== undefined) {
    const fault = retryKeyFault(retryKey, (how) => rendered(RETRY_KEY, how), options)
    if (fault) tell(RETRY_KEY, fault)
  }
  return { problems, retryKey: isRetryKey(retryKey) ? retryKey : undefined }
}

const find = (headers: ReadonlyMap<string, LiquidTemplate>, wanted: string) =>
  [...headers].find(([name]) => name.toLowerCase() === wanted.toLowerCase())?.[1]

const blockIn = ({ tokenBlock }: Channel) => `{{content_blocks.\${${tokenBlock}}}}`

/** What is wrong with the rendered header that has the token; what it says is not told, since a real token may be in it. */
function tokenFault(rendered: string, names: readonly string[], { channels, channel }: HeaderOptions) {
  const right = (channel ? [channel] : channels).map(blockIn).join(' or ')
  const [, token] = /^Bearer\s(.*)$/is.exec(rendered) ?? []
  if (token === undefined) return `must be Bearer, a space, and the token of ${right}`
  if (!names.some((name) => name.startsWith('content_blocks.')))
    return `holds a token itself, which ends some day; take it from ${right}`
  const owners = channels.filter(({ tokenBlock }) => token.trim() === tokenIn(tokenBlock))
  const [owner] = owners
  if (!owner) return `does not hold the token of ${right}`
  if (owners.length > 1)
    return `has the token of ${blockIn(owner)}, which the channels ${owners.map(({ name }) => name).join(' and ')} share; it is the token of one of them`
  if (channel && !owners.includes(channel))
    return `holds the token of channel ${owner.name}, and the body is for channel ${channel.name}; take it from ${right}`
  return rendered === `Bearer ${tokenIn(owner.tokenBlock)}`
    ? undefined
    : 'keeps the line breaks that a Content Block may have; capture the block, and write {{… | strip}}'
}

/** The key must be the same for the same person and dispatch, and for nothing else. */
function retryKeyFault(
  key: string,
  render: (fill: HeaderOptions['fill']) => string | undefined,
  { channel, fill }: HeaderOptions,
): string | undefined {
  if (!isRetryKey(key)) return 'is no UUID, such as 123e4567-e89b-32d3-8456-426614174000'
  if (render(fill) !== key) return "is another one each time: Braze's second try would deliver a second time"
  const other = (changed: string) => render((name) => (name === changed ? 'another' : fill(name)))
  if (other('campaign.dispatch_id') === key)
    return 'does not depend on the dispatch id: the next message would be refused'
  if (channel && other(`custom_attribute.${channel.attribute}`) === key)
    return `does not depend on {{custom_attribute.\${${channel.attribute}}}}: one person would get the message, and nobody else`
  return undefined
}
