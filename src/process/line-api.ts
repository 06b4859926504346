import type { ChannelSettings } from '../config/channels.ts'
import type { Settings } from '../config/settings.ts'
import { type CallerOptions, createCaller } from '../line/call.ts'
import { createLineClient, type LineClient } from '../line/client.ts'
import { fixedToken, statelessTokens } from '../line/tokens.ts'
import { createHttpClient } from '../wire/client.ts'
import type { Log } from './environment.ts'

/** What a process needs to ask LINE, beside what is of each channel. */
export const LINE_API_SETTINGS = ['LINE_API_BASE_URL', 'LINE_TIMEOUT_MS'] as const

export type LineApiSettings = Pick<Settings, (typeof LINE_API_SETTINGS)[number]>

/** One request for the list, and one beside it. */
const CONNECTIONS = 2

/** LINE's API for a channel, with tokens as its settings say; the channel id goes before a token. */
export function createLineApi(
  { channelId, accessToken, secrets: [channelSecret] }: ChannelSettings,
  settings: LineApiSettings,
  log: Log,
  sleep?: CallerOptions['sleep'],
): LineClient & { close(): Promise<void> } {
  const http = createHttpClient({
    baseUrl: settings.LINE_API_BASE_URL,
    timeoutMs: settings.LINE_TIMEOUT_MS,
    connections: CONNECTIONS,
  })
  const call = createCaller({ http, log, sleep })
  const tokens =
    channelId !== undefined && channelSecret !== undefined
      ? statelessTokens({ call, channelId, channelSecret })
      : fixedToken(accessToken as string)
  return { ...createLineClient({ call, tokens }), close: http.close }
}
