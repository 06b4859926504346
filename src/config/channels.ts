import { parseEnv } from 'node:util'
import { type Static, Type } from 'typebox'
import { readChannelsFile } from './channels-file.ts'
import { assertNone, loadSettings, readSettings, SettingsError } from './load.ts'
import { about, partsOf, SETTINGS, type SettingName } from './settings.ts'
import { type Environment, readText } from './texts.ts'

const of = SETTINGS.properties
const { LINE_CHANNEL_SECRET: secret } = Type.Required(Type.Pick(SETTINGS, ['LINE_CHANNEL_SECRET'])).properties

/** A channel of LINE_CHANNELS_FILE: each key but `name` is what the setting of one channel is. */
export const CHANNEL = Type.Object({
  name: Type.String({
    description: 'its name in URLs, logs, metrics and commands',
    mustBe: '1 to 64 of a to z, 0 to 9, - and _, beginning with a letter or digit',
    pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
  }),
  secret,
  accessToken: of.LINE_CHANNEL_ACCESS_TOKEN,
  channelId: of.LINE_CHANNEL_ID,
  attribute: of.BRAZE_ATTRIBUTE,
  aliasLabel: of.BRAZE_ALIAS_LABEL,
  loginChannelId: of.LINE_LOGIN_CHANNEL_ID,
  assertionKey: of.LINE_ASSERTION_KEY,
  tokenBlock: of.BRAZE_TOKEN_BLOCK,
})

type Channel = Static<typeof CHANNEL>
export type ChannelKey = keyof Channel

/** The settings of one channel, by the key that says the same in LINE_CHANNELS_FILE. */
export const SETTING_OF = {
  secret: 'LINE_CHANNEL_SECRET',
  accessToken: 'LINE_CHANNEL_ACCESS_TOKEN',
  channelId: 'LINE_CHANNEL_ID',
  attribute: 'BRAZE_ATTRIBUTE',
  aliasLabel: 'BRAZE_ALIAS_LABEL',
  loginChannelId: 'LINE_LOGIN_CHANNEL_ID',
  assertionKey: 'LINE_ASSERTION_KEY',
  tokenBlock: 'BRAZE_TOKEN_BLOCK',
} as const satisfies Readonly<Record<Exclude<ChannelKey, 'name'>, SettingName>>

/** The one channel of the settings of one. */
export const DEFAULT_CHANNEL = 'default'

/** A Messaging API channel of LINE's, which is one LINE Official Account, and how Braze is told of its people. */
export interface ChannelSettings extends Omit<Channel, 'secret'> {
  /** The first listed first; none where the command has no need of them. */
  readonly secrets: readonly string[]
}

/**
 * What of a channel a command needs: to take its webhooks, to ask LINE's API, to keep its token in Braze's Content Block, or
 * no more than to write to Braze.
 */
export type ChannelNeed = 'webhooks' | 'line' | 'token' | 'braze'

/** A channel as far as its settings are right. */
export type ChannelReading = Partial<ChannelSettings> & Pick<ChannelSettings, 'name' | 'secrets'>

export interface Channels {
  /** In the order in which they are given, one at least. */
  readonly channels: readonly ChannelSettings[]
  /** Files that may hold secrets. */
  readonly files: readonly string[]
}

/**
 * The channels: those of LINE_CHANNELS_FILE, each with all that it has, or the one of the settings of one channel, with
 * what the command needs.
 *
 * @throws SettingsError
 */
export function loadChannels(env: Environment, dotenv: string, need: ChannelNeed): Channels {
  const fallback = parseEnv(dotenv)
  const path = pathOf(env, fallback)
  if (!path) return { channels: [theOne(env, dotenv, need)], files: [] }
  const { found, files, problems } = readChannelsFile(path, { schema: CHANNEL, env, fallback })
  assertNone([...conflicts(env, fallback), ...problems])
  const channels = (found as Channel[]).map(asChannel)
  assertNone(channels.flatMap((channel) => withoutId(channel, true)))
  return { channels, files }
}

/** The channels as far as their settings are right, for whoever can do with that; and a line for each thing that is wrong. */
export function readChannels(env: Environment, dotenv: string) {
  const fallback = parseEnv(dotenv)
  let path: string | undefined
  try {
    path = pathOf(env, fallback)
  } catch (error) {
    return { channels: [], isListed: true, files: [], problems: [(error as Error).message] }
  }
  const { found, files, problems } = path
    ? readChannelsFile(path, { schema: CHANNEL, env, fallback })
    : readOne(env, dotenv)
  const isListed = path !== undefined && path !== ''
  const channels: readonly ChannelReading[] = (found as Partial<Channel>[]).flatMap(({ name, ...rest }) =>
    name === undefined ? [] : [{ ...asChannel(rest), name }],
  )
  return {
    channels,
    isListed,
    files,
    problems: [
      ...(isListed ? conflicts(env, fallback) : []),
      ...problems,
      // Of an id that is wrong that is told already.
      ...channels
        .filter((channel) => {
          const id = nameOf('channelId', channel, isListed)
          return !problems.some((line) => line.startsWith(`${id} `))
        })
        .flatMap((channel) => withoutId(channel, isListed)),
    ],
  }
}

function readOne(env: Environment, dotenv: string) {
  const names = KEYS.map((key) => SETTING_OF[key])
  const { settings, problems } = readSettings(env, dotenv, names)
  const values = KEYS.flatMap((key) => {
    const value = settings[SETTING_OF[key]]
    return value === undefined ? [] : [[key, value]]
  })
  return { found: [{ name: DEFAULT_CHANNEL, ...Object.fromEntries(values) }], files: [], problems }
}

/** An assertion says which channel it is for. */
const withoutId = (channel: ChannelReading, isListed: boolean): string[] =>
  channel.assertionKey === undefined || channel.channelId !== undefined
    ? []
    : [
        `${nameOf('channelId', channel, isListed)} is missing, without which ${isListed ? 'assertionKey' : SETTING_OF.assertionKey} is of no use; set it to ${about('LINE_CHANNEL_ID').mustBe}`,
      ]

function pathOf(env: Environment, fallback: Environment): string | undefined {
  try {
    return readText('LINE_CHANNELS_FILE', env, fallback)
  } catch (error) {
    throw new SettingsError((error as Error).message)
  }
}

function theOne(env: Environment, dotenv: string, need: ChannelNeed): ChannelSettings {
  const isThere = (key: keyof typeof SETTING_OF) => textOrProblem(SETTING_OF[key], env, parseEnv(dotenv))
  const keys = KEYS.filter((key) => {
    if (need === 'line' && key === 'secret') return isThere('channelId') && !isThere('assertionKey')
    return key === 'tokenBlock' || keysFor(need).includes(key)
  })
  const settings = loadSettings(
    env,
    dotenv,
    keys.map((key) => SETTING_OF[key]),
  )
  const given = keys.flatMap((key) => {
    const value = settings[SETTING_OF[key]]
    return value === undefined ? [] : [[key, value]]
  })
  const channel = asChannel({ name: DEFAULT_CHANNEL, ...Object.fromEntries(given) } as Channel)
  assertNone(withoutId(channel, false))
  return channel
}

const KEYS = Object.keys(SETTING_OF) as (keyof typeof SETTING_OF)[]

const OF_PROFILES: readonly ChannelKey[] = ['attribute', 'aliasLabel']
const OF_LINE: readonly ChannelKey[] = ['accessToken', 'channelId', 'assertionKey']

const NEEDED: Readonly<Record<ChannelNeed, readonly ChannelKey[]>> = {
  webhooks: KEYS,
  // The secret is of use with a channel id alone, and where there is no key.
  line: ['secret', ...OF_LINE, ...OF_PROFILES],
  token: [...OF_LINE, 'tokenBlock', ...OF_PROFILES],
  braze: OF_PROFILES,
}

const keysFor = (need: ChannelNeed) => KEYS.filter((key) => NEEDED[need].includes(key))

/** The settings by which such a command may be told of its channels. */
export const channelSettings = (need: ChannelNeed): SettingName[] => [
  'LINE_CHANNELS_FILE',
  ...keysFor(need).map((key) => SETTING_OF[key]),
]

/** What a command that asks LINE does not require: a token does without, and so does an assertion key. */
export const OPTIONAL_FOR_LINE: readonly SettingName[] = ['LINE_CHANNEL_SECRET']

/** A text that cannot be read is there all the same, and its error is told where it is needed. */
function textOrProblem(name: SettingName, env: Environment, fallback: Environment): string | undefined {
  try {
    return readText(name, env, fallback)
  } catch (error) {
    return (error as Error).message
  }
}

/** A line for each setting of one channel that is given beside the file: which of the two counts, nobody could tell. */
const conflicts = (env: Environment, fallback: Environment): string[] =>
  Object.entries(SETTING_OF)
    .filter(([, name]) => textOrProblem(name, env, fallback))
    .map(
      ([key, name]) =>
        `${name} and LINE_CHANNELS_FILE are both set; say it as ${key} in that file, and remove ${name}`,
    )

const asChannel = <C extends object>({
  secret = '',
  ...channel
}: C & { secret?: string }): Omit<C, 'secret'> & Pick<ChannelSettings, 'secrets'> => ({
  ...channel,
  secrets: secret === '' ? [] : partsOf(secret),
})

/** How a key of a channel is called in a sentence; by its setting where there is no file. */
export const nameOf = (
  key: keyof typeof SETTING_OF,
  { name }: { readonly name: string },
  isListed: boolean,
): string => (isListed ? `LINE_CHANNELS_FILE, channel ${name}: ${key}` : SETTING_OF[key])
