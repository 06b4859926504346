import type { ChannelSettings } from '../config/channels.ts'
import { partsOf, type Settings } from '../config/settings.ts'
import { type InspectLedger, inspect } from '../desk/inspect.ts'
import type { Api } from '../http/api.ts'
import { createCaller } from '../line/call.ts'
import { createLineClient } from '../line/client.ts'
import { createLineLogin } from '../line/login.ts'
import { forgetMsOf, type Log } from './environment.ts'
import { type InspectSettings, inspectMeansOf } from './inspect.ts'
import { createLineHttp, isHere, type LineApiSettings, tokensFor } from './line-api.ts'

/** Requests to LINE at a time, of all channels together. */
const CONNECTIONS = 8

interface Means {
  readonly ledger: Api['ledger'] & InspectLedger
  readonly log: Log
}

/** What `/api` needs, with LINE's API for each channel as far as its settings go; undefined without API_TOKENS. */
export function createApi(
  settings: LineApiSettings & InspectSettings & Pick<Settings, 'API_TOKENS' | 'FORGET_DAYS'>,
  channels: readonly ChannelSettings[],
  { ledger, log }: Means,
): (Api & { close(): Promise<void> }) | undefined {
  const { API_TOKENS: tokens, LINE_API_BASE_URL: baseUrl } = settings
  if (tokens === undefined) return undefined
  const http = createLineHttp(settings, CONNECTIONS)
  const call = createCaller({ http, log })
  const login = createLineLogin({ call })

  function asked(channel: ChannelSettings) {
    const { loginChannelId } = channel
    const tokens = tokensFor(channel, call)
    return {
      verifyIdToken:
        loginChannelId === undefined
          ? undefined
          : (claim: { idToken: string; nonce?: string | undefined }) =>
              login.verifyIdToken({ ...claim, loginChannelId }),
      issueLinkToken: tokens && createLineClient({ call, tokens }).issueLinkToken,
    }
  }

  return {
    tokens: partsOf(tokens),
    channels: new Map(channels.map((channel) => [channel.name, asked(channel)])),
    ledger,
    inspect: (key) => inspect(key, { ledger, ...inspectMeansOf(settings) }),
    forgetMs: forgetMsOf(settings),
    dialogUrl: sandboxDialog(baseUrl),
    close: http.close,
  }
}

/**
 * Where people are sent to LINE's account link: to LINE, whatever proxy its API is asked through, since their own browsers
 * open it. But an API on this very machine is a sandbox, which has the dialog, too.
 */
function sandboxDialog(baseUrl: string): string | undefined {
  return isHere(baseUrl) ? `${baseUrl.replace(/\/$/, '')}/dialog/bot/accountLink` : undefined
}
