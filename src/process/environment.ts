import { join } from 'node:path'
import { type LoggerOptions, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { loadSettings, readDotenv } from '../config/load.ts'
import { about, describeSettings, type SettingName, type Settings } from '../config/settings.ts'
import type { Environment } from '../config/texts.ts'
import { databaseFiles } from '../ledger/open.ts'
import type { Host } from './host.ts'
import { createLogOutput } from './log-output.ts'

/** The settings `names` of a process: its environment first, then `.env` in its folder. */
export function settingsFor<N extends SettingName>(host: Host, names?: readonly N[]): Pick<Settings, N> {
  return loadSettings(host.env, readDotenv(host.cwd()), names)
}

/** For how long after the last message who only wrote counts as reachable; 0: for ever. */
export const windowMsOf = ({ MESSAGER_WINDOW_DAYS: days }: Pick<Settings, 'MESSAGER_WINDOW_DAYS'>) =>
  days * 86_400_000

/** For how long news of somebody who was forgotten is ignored. */
export const forgetMsOf = ({ FORGET_DAYS: days }: Pick<Settings, 'FORGET_DAYS'>) => days * 86_400_000

/** The files with secrets or with people's ids, whether they are there or not. */
export function secretFiles(databaseUrl: string | undefined, env: Environment, folder: string): string[] {
  const named = describeSettings()
    .filter(({ name }) => about(name).secret)
    .map(({ name }) => env[`${name}_FILE`])
  return [
    join(folder, '.env'),
    ...named.filter((file) => file !== undefined),
    ...(databaseUrl === undefined ? [] : databaseFiles(databaseUrl)),
  ]
}

/**
 * JSON lines on stderr; readable lines where stderr is a terminal, one for each entry as well.
 *
 * @param display where readable lines go, if something else is drawn on the terminal
 */
export function createLog(level: string, display?: Screen, host: Host = process) {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  }
  return pino(options, host.stderr.isTTY ? readable(display ?? host.stderr) : lines(host))
}

interface Screen {
  write(text: string): unknown
}

/** For a person: one line for each entry, however much it says. */
export function readable(screen: Screen) {
  const pretty = prettyFactory({
    singleLine: true,
    errorLikeObjectKeys: [],
    translateTime: 'SYS:HH:MM:ss.l',
  })
  return { write: (entry: string) => void screen.write(pretty(entry)) }
}

function lines({ stderr }: Host) {
  if (stderr !== process.stderr) return stderr
  const output = createLogOutput(2)
  process.once('exit', output.finish)
  return output
}

export type Log = ReturnType<typeof createLog>

/**
 * The end of a command's --help: its settings, one a line.
 *
 * @param optional those that other commands require, and this one does not
 */
export function settingsHelp(names?: readonly SettingName[], optional: readonly SettingName[] = []): string {
  const rows = describeSettings().filter(({ name }) => !names || names.includes(name))
  const width = Math.max(...rows.map(({ name }) => name.length))
  const lines = rows.map(({ name, default: value, description }) => {
    const required = optional.includes(name) ? '' : ' (required)'
    const shown = value === 'required' ? required : value && ` (default: ${value})`
    return `  ${name.padEnd(width)}  ${description.replaceAll('`', '')}${shown}`
  })
  return [
    '',
    'Settings, from the environment or from .env in this folder; NAME_FILE names a file to read one from:',
    ...lines,
  ].join('\n')
}
