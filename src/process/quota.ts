import type { ChannelSettings } from '../config/channels.ts'
import { createCaller } from '../line/call.ts'
import { createMessaging } from '../line/messaging.ts'
import { createQuotaWatch } from '../line/quota-watch.ts'
import { closeTogether } from './closing.ts'
import type { Log } from './environment.ts'
import { createLineHttp, type LineApiSettings, tokensFor } from './line-api.ts'

/** Of its own: what else asks LINE waits for none of these. */
const CONNECTIONS = 1

/** Who ask for the month's quota of those channels that have a token or can get one; not started yet. */
export function createQuotaWatches(
  settings: LineApiSettings,
  channels: readonly ChannelSettings[],
  log: Log,
) {
  const http = createLineHttp(settings, CONNECTIONS)
  // That it is asked again is not worth a warning: the watch says once that LINE does not answer.
  const debug = (fields: object, message: string) => log.debug(fields, message)
  const call = createCaller({ http, log: { debug, warn: debug } })
  const watches = channels.flatMap((channel) => {
    const tokens = tokensFor(channel, call)
    if (!tokens) return []
    const { quota } = createMessaging({ call, tokens })
    return [createQuotaWatch({ channel: channel.name, quota, log })]
  })
  return {
    start() {
      for (const watch of watches) watch.start()
    },
    status: () => watches.map((watch) => watch.status()),
    stop: () => closeTogether(watches.map(({ stop }) => stop)),
    close: http.close,
  }
}
