import { Command, InvalidArgumentError } from 'commander'
import { channelSettings, OPTIONAL_FOR_LINE } from '../config/channels.ts'
import type { SettingName } from '../config/settings.ts'
import type { Kind } from '../message/kinds.ts'
import { CHANNEL_OPTION } from '../process/channels.ts'
import { settingsHelp } from '../process/environment.ts'
import type { Host } from '../process/host.ts'
import { LINE_API_SETTINGS } from '../process/line-api.ts'
import { TASK_SETTINGS } from '../process/task.ts'
import { KINDS, type KindDescription } from './template-kinds.ts'

const LIQUID_HELP = `
FILE is YAML or JSON, or - for standard input; every message may have sender and quickReply. Texts, addresses and ids may
hold Braze's Liquid, as {{\${first_name}}}: the whole text is escaped for JSON, so leave json_escape out.`

/** What of the channels counts for what is printed. */
const PRINT_SETTINGS: readonly SettingName[] = ['LINE_CHANNELS_FILE', 'BRAZE_ATTRIBUTE', 'BRAZE_TOKEN_BLOCK']
const withChannels = (names: readonly SettingName[]) => [
  ...new Set([...channelSettings('line'), ...PRINT_SETTINGS, ...names]),
]

/** Liquid, YAML and LINE's rules are loaded where they are needed: the other commands start faster without them. */
export function templateCommand(host: Host): Command {
  const template = new Command('template').description(
    'what to paste into Braze so that it sends LINE messages; checked, and sent to one person as a test',
  )
  for (const [kind, description] of Object.entries(KINDS))
    template.addCommand(printCommand(kind as Kind, description, host))
  return template.addCommand(checkCommand(host)).addCommand(sendCommand(host))
}

function printCommand(kind: Kind, { what, argument, flags, help }: KindDescription, host: Host): Command {
  const command = new Command(kind)
    .description(`prints the webhook of Braze's that sends ${what}`)
    .argument(argument, 'what the message says')
  for (const [, option, about] of flags) command.option(option, about)
  return command
    .option('--unit <name>', 'LINE counts how the message did under this name, in its statistics per unit')
    .option(CHANNEL_OPTION[0], 'the channel of LINE_CHANNELS_FILE whose people it is for')
    .option('--json', 'print url, method, headers and body as one JSON object, for template check and send')
    .addHelpText(
      'after',
      `\n${help}\n${LIQUID_HELP}\n${settingsHelp([...PRINT_SETTINGS, 'LINE_API_BASE_URL'])}`,
    )
    .action(async (file, options) => {
      const { printTemplate } = await import('./template-print.ts')
      await printTemplate(kind, file, options, host)
    })
}

const VALUE_OPTION = [
  '--value <name=value>',
  'what Braze fills in for a name, as first_name=Mia or custom_attribute.points=3; as often as there are names',
  addValue,
] as const

const FILE_HELP = 'as template … --json prints it, or - for standard input'

const checkCommand = (host: Host) =>
  new Command('check')
    .description(
      'renders a template with all sorts of values, and says for which LINE would refuse the message',
    )
    .argument('<FILE>', FILE_HELP)
    .option(...VALUE_OPTION)
    .option(CHANNEL_OPTION[0], 'the channel of LINE_CHANNELS_FILE that it must be for')
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      `
LINE's own validation is asked, too, where there is a token or a channel id with its secret; nothing is sent. Without
--value each name gets values with quotes, line breaks, backslashes and emoji; and none, and one of 255 characters, whose
consequences are warnings.
${settingsHelp(withChannels([...LINE_API_SETTINGS, 'LOG_LEVEL']), OPTIONAL_FOR_LINE)}`,
    )
    .action(async (file, options) => {
      const { runCheck } = await import('./template-check.ts')
      await runCheck(file, options, host)
    })

const sendCommand = (host: Host) =>
  new Command('send')
    .description('sends a template to one person, after a question, and says what LINE answers')
    .argument('<FILE>', FILE_HELP)
    .option('--to <user id>', 'the LINE user id of the person')
    .option('--external-id <id>', 'your id of the person, where the ledger knows who that is on LINE')
    .option(...VALUE_OPTION)
    .option(CHANNEL_OPTION[0], 'the channel of LINE_CHANNELS_FILE that it must be for')
    .option('--yes', 'does not ask whether it may be sent')
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      `
It counts as one message of the month. Braze is not asked: where no --value says something else, a name becomes "Sample".
${settingsHelp(withChannels([...LINE_API_SETTINGS, ...TASK_SETTINGS]), OPTIONAL_FOR_LINE)}`,
    )
    .action(async (file, options) => {
      const { runSend } = await import('./template-send.ts')
      await runSend(file, options, host)
    })

function addValue(text: string, values: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('It must be such as first_name=Mia.')
  return new Map([...values, [name, value]])
}
