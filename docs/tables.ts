/** Writes the tables of docs/reference.md from the code's own definitions: `npm run docs`. A test holds the two together. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Argument, Command } from 'commander'
import { createCli } from '../src/cli.ts'
import { CHANNEL, type ChannelKey, SETTING_OF } from '../src/config/channels.ts'
import { describeSettings } from '../src/config/settings.ts'
import { METRICS } from '../src/http/metrics.ts'
import { ROUTES } from '../src/http/routes.ts'
import { EXIT } from '../src/process/run.ts'

export const REFERENCE = new URL('reference.md', import.meta.url)

/** What each exit code says; the compiler misses one that is new. */
const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'done',
  failed: 'failed; a sentence on stderr says why, and what to do',
  usage: 'the command line or a setting is wrong; a line for each says what would be right',
  interrupted: 'interrupted by SIGINT, SIGTERM or SIGHUP; what was stored stays stored',
}

interface Described {
  readonly description: string
  readonly default?: string
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const TABLES: Readonly<Record<string, () => string>> = {
  settings: () =>
    table(
      ['name', 'default', 'meaning'],
      describeSettings().map(({ name, default: value, description }) => [
        `\`${name}\``,
        value === 'required' || value === '' ? value : `\`${value}\``,
        description,
      ]),
    ),
  channels: () =>
    table(
      ['key', 'default', 'is', 'the setting of one channel'],
      (Object.keys(CHANNEL.properties) as ChannelKey[]).map((key) => {
        const { description, default: value } = CHANNEL.properties[key] as unknown as Described
        const isRequired = key === 'name' || key === 'secret'
        return [
          `\`${key}\``,
          isRequired ? 'required' : value === undefined ? '' : `\`${value}\``,
          description,
          key === 'name' ? '' : `\`${SETTING_OF[key]}\``,
        ]
      }),
    ),
  routes: () =>
    table(
      ['route', 'answers'],
      Object.values(ROUTES).map(({ method, url, answers }) => [`\`${method} ${url}\``, answers]),
    ),
  commands: () =>
    table(
      ['command', 'does', 'options'],
      commandsOf(createCli()).map(([name, command]) => [
        `\`${[name, ...command.registeredArguments.map(argumentOf)].join(' ')}\``,
        command.description(),
        command.options.map(({ flags, description }) => `\`${flags}\` ${description}`).join('<br>'),
      ]),
    ),
  exits: () =>
    table(
      ['code', 'says'],
      Object.entries(EXIT_MEANINGS).map(([name, says]) => [String(EXIT[name as keyof typeof EXIT]), says]),
    ),
  metrics: () =>
    table(
      ['metric', 'labels', 'meaning'],
      Object.values(METRICS).map((metric) => [
        `\`${metric.name}\``,
        'labelNames' in metric ? metric.labelNames.map((label) => `\`${label}\``).join(', ') : '',
        metric.help,
      ]),
    ),
}

const argumentOf = (argument: Argument) =>
  argument.required ? `<${argument.name()}>` : `[${argument.name()}]`

/** What can be called, by its name; of a command with others below it, those, and itself where it has options. */
export const commandsOf = ({ commands }: Command, before = ''): [name: string, command: Command][] =>
  commands.flatMap((command) => {
    const name = before + command.name()
    const below = commandsOf(command, `${name} `)
    return below.length === 0 || command.options.length > 0 ? [[name, command], ...below] : below
  })

/** The reference with each table between its two marks as the code defines it. */
export function withTables(reference: string): string {
  return Object.entries(TABLES).reduce((text, [name, render]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const [before, rest] = split(text, begin)
    const [, after] = split(rest, end)
    return `${before}${begin}\n${render()}\n${end}${after}`
  }, reference)
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  if (at < 0) throw new Error(`The reference has no mark ${mark}.`)
  return [text.slice(0, at), text.slice(at + mark.length)]
}

if (import.meta.main) writeFileSync(REFERENCE, withTables(readFileSync(REFERENCE, 'utf8')))
