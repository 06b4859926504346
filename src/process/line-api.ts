import { SettingsError } from '../config/load.ts'
import { type SettingName, type Settings, secretsOf } from '../config/settings.ts'
import { type CallerOptions, createCaller } from '../line/call.ts'
import { createLineClient, type LineClient } from '../line/client.ts'
import { fixedToken, statelessTokens } from '../line/tokens.ts'
import { createHttpClient } from '../wire/client.ts'
import { type Log, settingsFor } from './environment.ts'
import type { Host } from './host.ts'

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
  host: Host,
  names: readonly N[],
): LineApiSettings & Pick<Settings, N> {
  const problems: string[] = []
  /** All that is wrong is told together. */
  function read<M extends SettingName>(names: readonly M[]): Partial<Pick<Settings, M>> {
    try {
      return settingsFor(host, names)
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      problems.push(error.message)
      return {}
    }
  }
  const api = read(LINE_API_SETTINGS)
  const { LINE_CHANNEL_ID: id, LINE_CHANNEL_ACCESS_TOKEN: token } = api
  if (problems.length === 0 && id === undefined && token === undefined) problems.push(NO_TOKEN)
  const others = read([...(id === undefined ? [] : (['LINE_CHANNEL_SECRET'] as const)), ...names])
  if (problems.length > 0) throw new SettingsError(problems.join('\n'))
  return { ...api, ...others } as LineApiSettings & Pick<Settings, N>
}

const NO_TOKEN =
  'LINE_CHANNEL_ACCESS_TOKEN is missing; set it to a channel access token, or LINE_CHANNEL_ID to the channel id'

/** LINE's API with tokens as the settings say; the channel id goes before a token. */
export function createLineApi(
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
  const { LINE_CHANNEL_ID: channelId, LINE_CHANNEL_SECRET, LINE_CHANNEL_ACCESS_TOKEN: token } = settings
  const [channelSecret] = LINE_CHANNEL_SECRET ? secretsOf({ LINE_CHANNEL_SECRET }) : []
  const tokens =
    channelId !== undefined && channelSecret !== undefined
      ? statelessTokens({ call, channelId, channelSecret })
      : fixedToken(token as string)
  return { ...createLineClient({ call, tokens }), close: http.close }
}
