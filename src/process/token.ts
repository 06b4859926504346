import { randomUUID } from 'node:crypto'
import { type ContentBlocksOptions, createContentBlocks } from '../braze/content-blocks.ts'
import type { ChannelSettings } from '../config/channels.ts'
import type { Settings } from '../config/settings.ts'
import { createAssertions } from '../line/assertion.ts'
import { createCaller } from '../line/call.ts'
import { createChannelTokens } from '../line/channel-tokens.ts'
import { createTokenKeeper } from '../token/keeper.ts'
import type { TokenChannel, TokenMeans } from '../token/means.ts'
import { closeTogether } from './closing.ts'
import type { Log } from './environment.ts'
import type { Host } from './host.ts'
import { createLineHttp, LINE_API_SETTINGS } from './line-api.ts'

/** What a process needs to look after tokens, beside what is of each channel. */
export const TOKEN_SETTINGS = [
  ...LINE_API_SETTINGS,
  'BRAZE_REST_ENDPOINT',
  'BRAZE_API_KEY',
  'BRAZE_TIMEOUT_MS',
] as const

export type TokenSettings = Pick<Settings, (typeof TOKEN_SETTINGS)[number]>

/** Requests to LINE at a time, of all channels together. */
const CONNECTIONS = 2

interface Parts {
  readonly ledger: TokenMeans['ledger']
  readonly log: Log
  readonly sleep?: Host['sleep']
  readonly createHttp?: ContentBlocksOptions['createHttp']
}

/** LINE's tokens and Braze's Content Blocks, of all channels; to be closed. */
export function createTokenMeans(
  settings: TokenSettings,
  { ledger, log, sleep, createHttp }: Parts,
): TokenMeans & { close(): Promise<void> } {
  const http = createLineHttp(settings, CONNECTIONS)
  const blocks = createContentBlocks({
    endpoint: settings.BRAZE_REST_ENDPOINT,
    apiKey: settings.BRAZE_API_KEY,
    timeoutMs: settings.BRAZE_TIMEOUT_MS,
    sleep,
    createHttp,
  })
  return {
    ledger,
    tokens: createChannelTokens(createCaller({ http, log, sleep })),
    blocks,
    holder: randomUUID(),
    requestMs: Math.max(settings.LINE_TIMEOUT_MS, settings.BRAZE_TIMEOUT_MS),
    sleep,
    close: () => closeTogether([http.close, blocks.close]),
  }
}

export const tokenChannelOf = ({
  name,
  tokenBlock,
  channelId,
  assertionKey,
}: ChannelSettings): TokenChannel => ({
  name,
  block: tokenBlock,
  channelId,
  assertions:
    assertionKey === undefined || channelId === undefined
      ? undefined
      : createAssertions({ key: assertionKey, channelId }),
})

/** Who keep the tokens of those channels fresh that have a key; not started yet. */
export function createTokenKeepers(
  settings: TokenSettings,
  channels: readonly ChannelSettings[],
  parts: Parts,
) {
  const kept = channels.map(tokenChannelOf).filter(({ assertions }) => assertions)
  const means = kept.length > 0 ? createTokenMeans(settings, parts) : undefined
  const keepers = means ? kept.map((channel) => createTokenKeeper({ ...means, channel, log: parts.log })) : []
  return {
    start() {
      for (const keeper of keepers) keeper.start()
    },
    status: () => keepers.map((keeper) => keeper.status()),
    stop: () => closeTogether(keepers.map(({ stop }) => stop)),
    close: async () => means?.close(),
  }
}
