import { type ChannelReading, nameOf } from './channels.ts'
import { isOpenToOthers } from './endpoint.ts'
import type { Settings } from './settings.ts'

/** Settings with which a command can begin, but that are probably not what somebody meant: a sentence for each, without a secret. */
export const warningsFor = (
  settings: Partial<Settings>,
  channels: readonly ChannelReading[] = [],
): string[] => [
  ...channels.flatMap((channel) => strangeSecrets(channel, settings.LINE_CHANNELS_FILE !== undefined)),
  ...openEndpoints(settings),
]

const CHANNEL_SECRET = /^[0-9a-f]{32}$/

function strangeSecrets(channel: ChannelReading, isListed: boolean): string[] {
  const { secrets } = channel
  return secrets.flatMap((secret, place) =>
    CHANNEL_SECRET.test(secret)
      ? []
      : [
          `${nameOf('secret', channel, isListed)}: number ${place + 1} of ${secrets.length} is not 32 digits from 0 to f, as LINE's secrets are; copy the Channel secret from the LINE Developers Console's page Basic settings, without quotes`,
        ],
  )
}

function openEndpoints(settings: Partial<Settings>): string[] {
  return (['LINE_API_BASE_URL', 'BRAZE_REST_ENDPOINT'] as const).flatMap((name) => {
    const url = settings[name]
    return url !== undefined && isOpenToOthers(url)
      ? [`${name} sends keys and user ids over the network for anybody to read; set it to an https:// URL`]
      : []
  })
}
