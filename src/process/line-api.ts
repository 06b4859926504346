import type { ChannelSettings } from '../config/channels.ts'
import type { Settings } from '../config/settings.ts'
import { createAssertions } from '../line/assertion.ts'
import { type Caller, type CallerOptions, createCaller } from '../line/call.ts'
import { createLineClient, type LineClient } from '../line/client.ts'
import { fixedToken, statelessTokens, type TokenSource } from '../line/tokens.ts'
import { createHttpClient } from '../wire/client.ts'
import type { Log } from './environment.ts'

/** What a process needs to ask LINE, beside what is of each channel. */
export const LINE_API_SETTINGS = ['LINE_API_BASE_URL', 'LINE_TIMEOUT_MS'] as const

export type LineApiSettings = Pick<Settings, (typeof LINE_API_SETTINGS)[number]>

/** One request for the list, and one beside it. */
const CONNECTIONS = 2

/**
 * Where a channel's tokens come from, as its settings say: the assertion key goes before the secret, and the channel id
 * with either of them before a token. Undefined without all.
 */
export function tokensFor(channel: ChannelSettings, call: Caller): TokenSource | undefined {
  const { channelId, accessToken, assertionKey: key } = channel
  const [channelSecret] = channel.secrets
  if (channelId !== undefined && key !== undefined)
    return statelessTokens({ call, assertions: createAssertions({ key, channelId }) })
  if (channelId !== undefined && channelSecret !== undefined)
    return statelessTokens({ call, channelId, channelSecret })
  return accessToken === undefined ? undefined : fixedToken(accessToken)
}

/** LINE's API for a channel that has tokens. */
export function createLineApi(
  channel: ChannelSettings,
  settings: LineApiSettings,
  log: Log,
  sleep?: CallerOptions['sleep'],
): LineClient & { close(): Promise<void> } {
  const http = createLineHttp(settings, CONNECTIONS)
  const call = createCaller({ http, log, sleep })
  const tokens = tokensFor(channel, call)
  if (!tokens) throw new Error(`The channel ${channel.name} has no token.`)
  return { ...createLineClient({ call, tokens }), close: http.close }
}

export const createLineHttp = (settings: LineApiSettings, connections: number) =>
  createHttpClient({
    baseUrl: settings.LINE_API_BASE_URL,
    timeoutMs: settings.LINE_TIMEOUT_MS,
    connections,
  })
