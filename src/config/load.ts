import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { envSchema } from 'env-schema'
import { Type } from 'typebox'
import { isHttpUrl } from './endpoint.ts'
import { about, HTTP_URL, SETTING_NAMES, SETTINGS, type SettingName, type Settings } from './settings.ts'
import { isHarmless } from './shown.ts'

/** Settings that are missing or wrong; the message has one line for each, and no secret in it. */
export class SettingsError extends Error {
  override name = 'SettingsError'
}

/** Texts by name, as a process's environment has them. */
export type Environment = Readonly<Record<string, string | undefined>>

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
  const problems = new Map<string, string>()
  const given: Record<string, string> = {}
  const fallback = parseEnv(dotenv)
  for (const name of names) {
    try {
      const value = textOf(name, sourceOf(name, env, fallback))?.trim()
      if (value) given[name] = value
    } catch (error) {
      problems.set(name, (error as Error).message)
    }
  }
  const settings = check(given, names, problems)
  if (problems.size > 0) throw new SettingsError([...problems.values()].join('\n'))
  return settings
}

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

/** Where a setting is read from: both of its variables from the same place, so that the two never meet by chance. */
function sourceOf(name: SettingName, env: Environment, fallback: Environment): Environment {
  const file = `${name}_FILE`
  if (env[name] !== undefined || env[file]) return env
  return env[file] === undefined ? fallback : { [name]: fallback[name] }
}

function textOf(name: SettingName, env: Environment): string | undefined {
  const file = env[`${name}_FILE`]
  if (!file) return env[name]
  if (env[name]) throw new Error(`${name} and ${name}_FILE are both set; remove one of them`)
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Its name is not told: somebody may have put the secret itself there.
    throw new Error(
      `${name}_FILE names a file that cannot be read (${code}); it must be a file with ${about(name).mustBe}`,
    )
  }
}

/** Adds a line to `problems` for each setting that is missing or wrong and has none yet. */
function check<N extends SettingName>(
  given: Record<string, string>,
  names: readonly N[],
  problems: Map<string, string>,
): Pick<Settings, N> {
  for (const name of names) {
    const value = given[name]
    if (value === undefined) continue
    const fault = about(name).fault?.(value)
    // Ajv would take 0x10 and 1e3, too.
    const isNumber = SETTINGS.properties[name].type === 'integer'
    if (fault !== undefined) problems.set(name, `${name} ${fault}; it must be ${about(name).mustBe}`)
    else if (isNumber && !/^\d+$/.test(value)) problems.set(name, isWrong(name, value))
  }
  try {
    const schema = Type.Pick(SETTINGS, [...names])
    return envSchema<Pick<Settings, N>>({
      schema,
      data: given,
      env: false,
      ajv: {
        customOptions: (ajv) =>
          ajv.addVocabulary(['mustBe', 'secret', 'fault']).addFormat(HTTP_URL, isHttpUrl),
      },
    })
  } catch (error) {
    const { errors } = error as { errors?: { instancePath: string; params: { missingProperty?: string } }[] }
    if (!errors) throw error
    for (const { instancePath, params } of errors) {
      const name = (params.missingProperty ?? instancePath.slice(1)) as SettingName
      if (problems.has(name)) continue
      problems.set(name, given[name] === undefined ? isMissing(name) : isWrong(name, given[name]))
    }
    return {} as Pick<Settings, N>
  }
}

const isMissing = (name: SettingName) => `${name} is missing; set it to ${about(name).mustBe}`

function isWrong(name: SettingName, value: string) {
  const { secret, mustBe, enum: words } = about(name)
  const isShown = !secret && isHarmless(value, words)
  return `${name} is ${isShown ? JSON.stringify(value) : 'wrong'}; it must be ${mustBe}`
}
