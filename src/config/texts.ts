import { readFileSync } from 'node:fs'
import { about, type SettingName } from './settings.ts'

/** Texts by name, as a process's environment has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The text of a setting from `env`, or from the file that `NAME_FILE` names, and from `fallback` where `env` has neither
 * variable; empty or undefined where it is absent.
 *
 * @throws Error with a sentence for a person
 */
export const readText = (name: SettingName, env: Environment, fallback: Environment): string | undefined =>
  textOf(name, sourceOf(name, env, fallback))?.trim()

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
