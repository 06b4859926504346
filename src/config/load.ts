import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { Type } from 'typebox'
import { check, isMissing } from './check.ts'
import { about, SETTING_NAMES, SETTINGS, type SettingName, type Settings } from './settings.ts'
import { type Environment, readText } from './texts.ts'

/** Settings that are missing or wrong; the message has one line for each, and no secret in it. */
export class SettingsError extends Error {
  override name = 'SettingsError'
}

/** @throws SettingsError with the lines, each once, where there are any */
export function assertNone(lines: Iterable<string>) {
  const told = [...new Set(lines)]
  if (told.length > 0) throw new SettingsError(told.join('\n'))
}

/** Settings as far as they are right, and a line for each that is missing or wrong. */
export interface SettingsReading<N extends SettingName> {
  readonly settings: Partial<Pick<Settings, N>>
  readonly problems: readonly string[]
}

/**
 * Reads the settings `names` from `env`, from the files that `NAME_FILE` names, and, where `env` has neither variable,
 * from the text of a `.env` file. An empty value counts as absent, and an empty variable in `env` so on purpose: it goes
 * before the one in `.env`.
 *
 * @throws SettingsError
 */
export function loadSettings<N extends SettingName = SettingName>(
  env: Environment,
  dotenv = '',
  names: readonly N[] = SETTING_NAMES as N[],
): Pick<Settings, N> {
  const { settings, problems } = read(env, dotenv, names)
  assertNone(problems)
  return settings() as Pick<Settings, N>
}

/** The same for whoever can do with a part of them. */
export function readSettings<N extends SettingName = SettingName>(
  env: Environment,
  dotenv = '',
  names: readonly N[] = SETTING_NAMES as N[],
): SettingsReading<N> {
  const { settings, problems } = read(env, dotenv, names)
  return { settings: settings(), problems }
}

function read<N extends SettingName>(env: Environment, dotenv: string, names: readonly N[]) {
  const fallback = parseEnv(dotenv)
  const problems = new Map<string, string>()
  const given: Record<string, string> = {}
  for (const name of names) {
    try {
      const value = readText(name, env, fallback)
      if (value) given[name] = value
      else if (isAbsent(about(name).unless, env, fallback)) problems.set(name, isMissing(name, about(name)))
    } catch (error) {
      problems.set(name, (error as Error).message)
    }
  }
  const checked = check(Type.Pick(SETTINGS, [...names]), given)
  const lines = new Map([...checked.problems, ...problems])
  const isRight = ([name]: readonly [string, unknown]) => !lines.has(name)
  return {
    settings: () =>
      Object.fromEntries(Object.entries(checked.values()).filter(isRight)) as Partial<Pick<Settings, N>>,
    problems: names.flatMap((name) => lines.get(name) ?? []),
  }
}

/** Whether a setting is required, since the one that would be in its place is not there. */
const isAbsent = (other: string | undefined, env: Environment, fallback: Environment) =>
  other !== undefined && !readText(other as SettingName, env, fallback)

/** The text of `.env` in the folder `directory`; empty when there is none. */
export function readDotenv(directory: string): string {
  try {
    return readFileSync(`${directory}/.env`, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new SettingsError(
      `.env cannot be read (${(error as NodeJS.ErrnoException).code}); let this user read it, or remove it`,
    )
  }
}
