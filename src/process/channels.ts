import {
  type ChannelNeed,
  type ChannelReading,
  type ChannelSettings,
  loadChannels,
  nameOf,
} from '../config/channels.ts'
import { assertNone, readDotenv, SettingsError } from '../config/load.ts'
import type { SettingName, Settings } from '../config/settings.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { many, number } from '../terminal/numbers.ts'
import { settingsFor } from './environment.ts'
import type { Host } from './host.ts'
import { UsageError } from './run.ts'

/** The option of every command that goes over the channels, one after the other. */
export const CHANNEL_OPTION = ['--channel <name>', 'only this channel of LINE_CHANNELS_FILE'] as const

export interface ChannelChoice {
  readonly channel?: string
}

export interface Config<N extends SettingName> {
  readonly settings: Pick<Settings, N>
  /** Those that were chosen. */
  readonly channels: readonly ChannelSettings[]
  /** Who delivers does so for all of them. */
  readonly allChannels: readonly ChannelSettings[]
  /** The channels' files that may hold secrets. */
  readonly files: readonly string[]
}

/**
 * The settings `names` and the channels of a process, with what it needs of them; all that is wrong is told together.
 *
 * @param needsToken false: LINE is asked where a token is there, and not where none is
 * @throws SettingsError; UsageError where the channel that was chosen is none
 */
export function configFor<N extends SettingName>(
  host: Host,
  names: readonly N[],
  need: ChannelNeed,
  choice: ChannelChoice = {},
  { needsToken = need === 'line' } = {},
): Config<N> {
  const problems: string[] = []
  function attempt<T>(read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      problems.push(...error.message.split('\n'))
      return undefined
    }
  }
  const settings = attempt(() => settingsFor(host, names))
  const all = attempt(() => loadChannels(host.env, readDotenv(host.cwd()), need))
  const channels = all && chosen(all.channels, choice)
  if (channels && needsToken) problems.push(...withoutToken(channels, all.files.length > 0))
  if (all && (settings as Partial<Settings> | undefined)?.BRAZE_MERGE_PROFILES)
    problems.push(...withOneAlias(all.channels))
  assertNone(problems)
  return { settings, channels, allChannels: all?.channels, files: all?.files } as Config<N>
}

/** @throws UsageError where the channel that was chosen is none of them */
export function chosen<C extends { readonly name: string }>(
  channels: readonly C[],
  { channel: name }: ChannelChoice,
): readonly C[] {
  if (name === undefined) return channels
  const found = channels.filter((channel) => channel.name === name)
  if (found.length > 0) return found
  const names = channels.map((channel) => channel.name).join(', ')
  throw new UsageError(
    `There is no channel of that name; ${channels.length === 1 ? 'there is' : 'there are'} ${names}.`,
  )
}

const withoutToken = (channels: readonly ChannelSettings[], isListed: boolean): string[] =>
  channels
    .filter(({ accessToken, channelId }) => accessToken === undefined && channelId === undefined)
    .map((channel) => {
      const [token, id] = [
        nameOf('accessToken', channel, isListed),
        isListed ? 'channelId' : 'LINE_CHANNEL_ID',
      ]
      const other = isListed ? ', or choose another channel with --channel' : ''
      return `${token} is missing; set it to a channel access token, or ${id} to the channel id${other}`
    })

/** Of each channel that the ledger knows and the settings do not, what that means, in a sentence. */
export async function foreignChannels(
  ledger: Pick<Ledger, 'counts'>,
  channels: readonly ChannelSettings[],
): Promise<{ readonly channel: string; readonly pending: number; readonly sentence: string }[]> {
  const foreign = (await ledger.counts()).filter(
    ({ channel }) => !channels.some(({ name }) => name === channel),
  )
  return foreign.map(({ channel, friend, messager, pending }) => ({
    channel,
    pending,
    sentence: `The database knows the channel ${channel} (${number(friend + messager)} reachable people, ${many(pending, 'change')} for Braze), and the settings have no such channel: nothing of it reaches Braze; give it in LINE_CHANNELS_FILE`,
  }))
}

/**
 * Of the accounts of one provider a person has the same user id, and so, where the labels are the same, one alias profile:
 * it would go to the customer whom one account knows, with what another one has written to it, and where that was to be
 * cleared nobody could tell any more.
 */
export const withOneAlias = (channels: readonly ChannelReading[]): string[] =>
  [...Map.groupBy(channels, ({ aliasLabel }) => aliasLabel).values()]
    .filter((together) => together.length > 1)
    .map((together) => {
      const names = together.map(({ name }) => name).join(', ')
      return `BRAZE_MERGE_PROFILES is true and the channels ${names} have the same aliasLabel: a person of several has one alias profile, which can't be merged for one of them; set BRAZE_MERGE_PROFILES=false, or, before anybody is written to, give each channel an aliasLabel of its own`
    })

/**
 * Who waits until Braze has heard of all changes would wait for ever: nobody but its settings say under which attribute a
 * channel's people are at Braze.
 *
 * @throws SettingsError where changes of a channel that is none any more wait for Braze
 */
export async function assertDeliverable(
  ledger: Pick<Ledger, 'counts'>,
  channels: readonly ChannelSettings[],
) {
  const waiting = (await foreignChannels(ledger, channels)).filter(({ pending }) => pending > 0)
  assertNone(waiting.map(({ sentence }) => sentence))
}
