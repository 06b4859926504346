import type { ChannelSettings } from '../config/channels.ts'
import { type CallerOptions, createCaller } from '../line/call.ts'
import { createMessaging, type Quota } from '../line/messaging.ts'
import { createQuotaWatch } from '../line/quota-watch.ts'
import { closeTogether } from './closing.ts'
import type { Log } from './environment.ts'
import { createLineHttp, type LineApiSettings, tokensFor } from './line-api.ts'

/** Of its own: what else asks LINE waits for none of these. */
const CONNECTIONS = 1

/** Somebody waits before a screen. */
const PATIENCE_MS = 2_000

/** What LINE says of the messages of a channel's month, or why it does not. */
export interface QuotaAnswer {
  readonly channel: string
  readonly quota: Quota | null
  readonly problem: string | null
}

/** Asks once, and in a short time, for the month's quota of those channels that have a token or can get one. */
export function createQuotas(
  settings: LineApiSettings,
  channels: readonly ChannelSettings[],
  log: Log,
  sleep: CallerOptions['sleep'],
) {
  const timeoutMs = Math.min(settings.LINE_TIMEOUT_MS, PATIENCE_MS)
  const asking = createAsking({ ...settings, LINE_TIMEOUT_MS: timeoutMs }, channels, log, sleep)
  return {
    ask: (signal: AbortSignal): Promise<QuotaAnswer[]> =>
      Promise.all(
        asking.channels.map(async ({ channel, quota }) => {
          try {
            return { channel, quota: await quota(signal), problem: null }
          } catch (error) {
            signal.throwIfAborted()
            return { channel, quota: null, problem: (error as Error).message }
          }
        }),
      ),
    close: asking.close,
  }
}

/** Who ask for the month's quota of those channels that have a token or can get one; not started yet. */
export function createQuotaWatches(
  settings: LineApiSettings,
  channels: readonly ChannelSettings[],
  log: Log,
) {
  const asking = createAsking(settings, channels, log)
  const watches = asking.channels.map(({ channel, quota }) => createQuotaWatch({ channel, quota, log }))
  return {
    start() {
      for (const watch of watches) watch.start()
    },
    status: () => watches.map((watch) => watch.status()),
    stop: () => closeTogether(watches.map(({ stop }) => stop)),
    close: asking.close,
  }
}

function createAsking(
  settings: LineApiSettings,
  channels: readonly ChannelSettings[],
  log: Log,
  sleep?: CallerOptions['sleep'],
) {
  const http = createLineHttp(settings, CONNECTIONS)
  // That it is asked again is not worth a warning: who asks says once that LINE does not answer.
  const debug = (fields: object, message: string) => log.debug(fields, message)
  const call = createCaller({ http, log: { debug, warn: debug }, sleep })
  return {
    channels: channels.flatMap((channel) => {
      const tokens = tokensFor(channel, call)
      return tokens ? [{ channel: channel.name, quota: createMessaging({ call, tokens }).quota }] : []
    }),
    close: http.close,
  }
}
