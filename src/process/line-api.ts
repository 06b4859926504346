import type { ChannelReading, ChannelSettings } from '../config/channels.ts'
import type { Settings } from '../config/settings.ts'
import { createAssertions } from '../line/assertion.ts'
import { type Caller, type CallerOptions, createCaller } from '../line/call.ts'
import { createLineClient, type LineClient } from '../line/client.ts'
import { createMessaging, type Messaging } from '../line/messaging.ts'
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
export function tokensFor(channel: ChannelReading, call: Caller): TokenSource | undefined {
  const { channelId, accessToken, assertionKey: key } = channel
  const [channelSecret] = channel.secrets
  if (channelId !== undefined && key !== undefined)
    return statelessTokens({ call, assertions: createAssertions({ key, channelId }) })
  if (channelId !== undefined && channelSecret !== undefined)
    return statelessTokens({ call, channelId, channelSecret })
  return accessToken === undefined ? undefined : fixedToken(accessToken)
}

/** What asks LINE for a channel; undefined where that has no token. */
function createAsking(
  channel: ChannelSettings,
  settings: LineApiSettings,
  log: Log,
  sleep: CallerOptions['sleep'],
) {
  const http = createLineHttp(settings, CONNECTIONS)
  const call = createCaller({ http, log, sleep })
  const tokens = tokensFor(channel, call)
  return tokens && { call, tokens, close: http.close }
}

/** LINE's API for a channel that has tokens. */
export function createLineApi(
  channel: ChannelSettings,
  settings: LineApiSettings,
  log: Log,
  sleep?: CallerOptions['sleep'],
): LineClient & { close(): Promise<void> } {
  const asking = createAsking(channel, settings, log, sleep)
  if (!asking) throw new Error(`The channel ${channel.name} has no token.`)
  return { ...createLineClient(asking), close: asking.close }
}

/** What sends messages of a channel; undefined where that has no token. */
export function createMessagingApi(
  channel: ChannelSettings,
  settings: LineApiSettings,
  log: Log,
  sleep?: CallerOptions['sleep'],
): (Messaging & { close(): Promise<void> }) | undefined {
  const asking = createAsking(channel, settings, log, sleep)
  return asking && { ...createMessaging(asking), close: asking.close }
}

export const createLineHttp = (settings: LineApiSettings, connections: number) =>
  createHttpClient({
    baseUrl: settings.LINE_API_BASE_URL,
    timeoutMs: settings.LINE_TIMEOUT_MS,
    connections,
  })

const LINE = 'https://api.line.me'

/**
 * Where Braze is to push to: at LINE, whatever proxy we ask it through. But an API on this very machine is a sandbox, and so
 * is the Braze that sends there.
 */
export const pushUrl = ({ LINE_API_BASE_URL: baseUrl }: Pick<LineApiSettings, 'LINE_API_BASE_URL'>): string =>
  `${isHere(baseUrl) ? baseUrl.replace(/\/$/, '') : LINE}/v2/bot/message/push`

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** Whether it is on this very machine. */
export const isHere = (url: string): boolean => LOOPBACK.test(new URL(url).hostname)
