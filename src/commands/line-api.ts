import { SettingsError } from '../config/load.ts'
import { type SettingName, type Settings, secretsOf } from '../config/settings.ts'
import { createCaller } from '../line/call.ts'
import { createLineClient, type LineClient } from '../line/client.ts'
import { fixedToken, statelessTokens } from '../line/tokens.ts'
import { createHttpClient } from '../wire/client.ts'
import { type Log, settingsFor } from './environment.ts'

/** What a process needs to ask LINE. */
export const LINE_API_SETTINGS = [
  'LINE_CHANNEL_ACCESS_TOKEN',
  'LINE_CHANNEL_ID',
  'LINE_API_BASE_URL',
  'LINE_TIMEOUT_MS',
] as const

export type LineApiSettings = Pick<Settings, (typeof LINE_API_SETTINGS)[number]> &
  Partial<Pick<Settings, 'LINE_CHANNEL_SECRET'>>

/** One request for the list, and one beside it. */
const CONNECTIONS = 2

/**
 * The settings `names` and those for LINE's API: with a channel id also the secret, else there must be a token.
 *
 * @throws SettingsError
 */
export function lineSettingsFor<N extends SettingName>(
  names: readonly N[],
): LineApiSettings & Pick<Settings, N> {
  const { LINE_CHANNEL_ID: id } = settingsFor(['LINE_CHANNEL_ID'])
  const secret = id === undefined ? [] : (['LINE_CHANNEL_SECRET'] as const)
  const settings = settingsFor([...secret, ...LINE_API_SETTINGS, ...names])
  if (id === undefined && settings.LINE_CHANNEL_ACCESS_TOKEN === undefined) {
    throw new SettingsError(
      'LINE_CHANNEL_ACCESS_TOKEN is missing; set it to a channel access token, or LINE_CHANNEL_ID to the channel id',
    )
  }
  return settings as LineApiSettings & Pick<Settings, N>
}

/** LINE's API with tokens as the settings say; the channel id goes before a token. */
export function createLineApi(settings: LineApiSettings, log: Log): LineClient & { close(): Promise<void> } {
  const http = createHttpClient({
    baseUrl: settings.LINE_API_BASE_URL,
    timeoutMs: settings.LINE_TIMEOUT_MS,
    connections: CONNECTIONS,
  })
  const call = createCaller({ http, log })
  const {
    LINE_CHANNEL_ID: channelId,
    LINE_CHANNEL_SECRET: secret,
    LINE_CHANNEL_ACCESS_TOKEN: token,
  } = settings
  const tokens =
    channelId !== undefined && secret !== undefined
      ? statelessTokens({
          call,
          channelId,
          channelSecret: secretsOf({ LINE_CHANNEL_SECRET: secret })[0] as string,
        })
      : fixedToken(token as string)
  return { ...createLineClient({ call, tokens }), close: http.close }
}
