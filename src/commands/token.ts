import { Command } from 'commander'
import { type ChannelSettings, channelSettings, nameOf } from '../config/channels.ts'
import { SettingsError } from '../config/load.ts'
import { CHANNEL_OPTION, type ChannelChoice, type Config, configFor } from '../process/channels.ts'
import { settingsHelp } from '../process/environment.ts'
import { readWhole } from '../process/files.ts'
import type { Host } from '../process/host.ts'
import { UsageError } from '../process/run.ts'
import { openTaskLedger, runTask, TASK_SETTINGS, type Task } from '../process/task.ts'
import { createTokenMeans, TOKEN_SETTINGS, tokenChannelOf } from '../process/token.ts'
import type { End } from '../terminal/report.ts'
import { forHowLong, secondsOf, stateOf, type TokenState } from '../terminal/token-result.ts'
import { type Asking, countTokens, isToken, lookAtToken, putToken, rotateToken } from '../token/once.ts'
import { keygenCommand } from './token-keygen.ts'

interface TokenOptions extends ChannelChoice {
  readonly json?: boolean
}

interface PutOptions extends TokenOptions {
  readonly file?: string
}

const SETTINGS = [...TOKEN_SETTINGS, ...TASK_SETTINGS] as const
const JSON_OPTION = ['--json', 'print the result as one JSON object'] as const
const help = () => settingsHelp([...channelSettings('token'), ...SETTINGS])

const HELP = `
Braze does not say whether a block is a draft, in which messages find nothing: token rotate makes it active.`

export const tokenCommand = (host: Host): Command =>
  new Command('token')
    .description(
      "which of LINE's channel access tokens is in Braze's Content Block, and whether LINE takes it",
    )
    .enablePositionalOptions()
    .option(...CHANNEL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', `${HELP}\n${help()}`)
    .action((options) => show(options, host))
    .addCommand(rotateCommand(host))
    .addCommand(putCommand(host))
    .addCommand(keygenCommand(host))

const rotateCommand = (host: Host) =>
  new Command('rotate')
    .description(
      'issues another token and puts it into the Content Block, now; the one before ends by itself',
    )
    .option(...CHANNEL_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', help())
    .action((options) => rotate(options, host))

const PUT_HELP = `
The token is read from standard input, or from a file that holds nothing else: on the command line others could
see it. LINE is asked whether it takes it; then it is written, and read back.`

const putCommand = (host: Host) =>
  new Command('put')
    .description('puts a token that was issued elsewhere, as a long-lived one, into the Content Block')
    .option(CHANNEL_OPTION[0], 'the channel of LINE_CHANNELS_FILE that the token is of')
    .option('--file <FILE>', 'a file with the token, instead of standard input')
    .option(...JSON_OPTION)
    .addHelpText('after', `${PUT_HELP}\n${help()}`)
    .action((options) => put(options, host))

async function show(options: TokenOptions, host: Host) {
  const channels: TokenState[] = []
  const work = async (task: Task) => {
    const { config, means } = await open(task, options)
    for (const channel of withBlock(config).map(tokenChannelOf)) {
      const found = await lookAtToken(channel, means, task.signal)
      // What the block holds is told also where the key is wrong.
      const place = channels.push(stateOf(channel, found, null)) - 1
      channels[place] = stateOf(channel, found, await countTokens(channel, means, task.signal))
    }
    const wrong = channels.filter(({ status }) => status === 'wrong')
    if (wrong.length > 0) throw new Error(REMEDY)
  }
  await runTask(host, options, work, (end) => ({
    result: {
      status: channels.some(({ status }) => status === 'wrong') ? 'wrong' : statusOf(end, 'ok'),
      channels,
    },
    text: linesOf(channels.map(({ channel, message: text }) => ({ channel, text }))),
    interrupted: 'Interrupted; nothing was changed.',
  }))
}

const REMEDY =
  'line-braze token rotate (with LINE_ASSERTION_KEY) or line-braze token put writes a token that LINE takes.'

async function rotate(options: TokenOptions, host: Host) {
  const channels: object[] = []
  const lines: ChannelLine[] = []
  const work = async (task: Task) => {
    const { config, means } = await open(task, options)
    for (const channel of withKey(config).map(tokenChannelOf)) {
      const { keyId, leftMs } = await rotateToken(channel, means, askingOf(task))
      const { name, block } = channel
      channels.push({ channel: name, block, keyId, secondsLeft: secondsOf(leftMs) })
      const text = `The Content Block ${block} holds the token with the key id ${keyId}. LINE takes it${forHowLong(leftMs)}.`
      lines.push({ channel: name, text })
    }
  }
  await runTask(host, options, work, (end) => ({
    result: { status: statusOf(end, 'rotated'), channels },
    text: linesOf(lines),
    interrupted: 'Interrupted. What was not finished has left the token in Braze as it was.',
  }))
}

async function put(options: PutOptions, host: Host) {
  const result = {
    channel: null as string | null,
    block: null as string | null,
    secondsLeft: null as number | null,
  }
  let text = ''
  const work = async (task: Task) => {
    const { config, means } = await open(task, options)
    const channel = tokenChannelOf(theOne(config))
    const token = await readGiven(options.file, task)
    const { leftMs, channelId } = await putToken(channel, token, means, askingOf(task))
    Object.assign(result, { channel: channel.name, block: channel.block, secondsLeft: secondsOf(leftMs) })
    const unchecked =
      channel.channelId === undefined
        ? ` It is of the channel ${channelId}; set LINE_CHANNEL_ID, and others are refused.`
        : ''
    text = `The Content Block ${channel.block} holds the token. LINE takes it${forHowLong(leftMs)}.${unchecked}`
  }
  await runTask(host, options, work, (end) => ({
    result: { status: statusOf(end, 'written'), ...result },
    text,
    interrupted: 'Interrupted. What was not finished has left the token in Braze as it was.',
  }))
}

const askingOf = ({ signal, display }: Task): Asking => ({
  signal,
  onWait: (forMs) =>
    display.say(
      `Another process works on the token, or was killed while it did: that is waited for, ${Math.round(forMs / 1000)} seconds at most.`,
    ),
})

const statusOf = (end: End, done: string) => (end === 'done' ? done : end)

interface ChannelLine {
  readonly channel: string
  readonly text: string
}

/** A line for each channel, which names it where there are several. */
const linesOf = (lines: readonly ChannelLine[]): string =>
  lines.map(({ channel, text }) => (lines.length > 1 ? `${channel}: ${text}` : text)).join('\n')

async function open(task: Task, options: TokenOptions) {
  const config = configFor(task.host, SETTINGS, 'token', options)
  const { ledger, log } = await openTaskLedger(task, config.settings)
  const means = createTokenMeans(config.settings, { ledger, log, sleep: task.host.sleep })
  task.closing(means.close)
  return { config, means }
}

type TokenConfig = Config<(typeof SETTINGS)[number]>

const sharing = (channel: ChannelSettings, { allChannels }: TokenConfig) =>
  allChannels.filter(({ name, tokenBlock }) => name !== channel.name && tokenBlock === channel.tokenBlock)

/** Those with a block of their own: the others have no token in Braze. */
function withBlock(config: TokenConfig): readonly ChannelSettings[] {
  const found = config.channels.filter(
    (channel) => channel.assertionKey !== undefined || sharing(channel, config).length === 0,
  )
  if (found.length === 0) assertOwnBlock(config.channels[0] as ChannelSettings, config)
  return found
}

function withKey({ channels, files }: TokenConfig): readonly ChannelSettings[] {
  const found = channels.filter(({ assertionKey }) => assertionKey !== undefined)
  if (found.length > 0) return found
  const name = nameOf('assertionKey', channels[0] as ChannelSettings, files.length > 0)
  throw new SettingsError(
    `${name} is missing; tokens are issued by it: line-braze token keygen makes one. token put writes a token that you have`,
  )
}

function theOne(config: TokenConfig): ChannelSettings {
  const [channel, ...others] = config.channels
  if (!channel || others.length > 0)
    throw new UsageError('Name the channel that the token is of: --channel NAME.')
  assertOwnBlock(channel, config)
  return channel
}

function assertOwnBlock(channel: ChannelSettings, config: TokenConfig) {
  const [other] = sharing(channel, config)
  if (other)
    throw new SettingsError(
      `LINE_CHANNELS_FILE: channel ${channel.name} and channel ${other.name} have the same tokenBlock; give each its own`,
    )
}

/** More is no secret of a line, and fills the memory. */
const MOST_BYTES = 65_536

async function readGiven(file: string | undefined, task: Task): Promise<string> {
  if (file === undefined && task.host.stdin.isTTY)
    task.display.say('Paste the token, and end with Enter and Ctrl-D.')
  const bytes = await readWhole(file ?? '-', MOST_BYTES, task)
  const token = bytes.toString().trim()
  if (bytes.length <= MOST_BYTES && isToken(token)) return token
  throw new UsageError('What was given is no channel access token, which is one line without spaces.')
}
