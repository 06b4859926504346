import { parseEnv } from 'node:util'
import { nearest } from '../wire/nearest.ts'
import { SETTING_NAMES } from './settings.ts'
import type { Environment } from './texts.ts'

/** Shorter ones, such as HOST, are near to too much that other programs read. */
const LEAST_LENGTH = 8
/** Characters that are wrong: more of them tell BRAZE_API_KEY from the BRAZE_API_URL of another program. */
const MOST_WRONG = 2

/** Variables that nothing here reads, with the name of a setting that is not set but for a slip: a sentence for each. */
export function misspelt(env: Environment, dotenv = ''): string[] {
  const given = Object.keys({ ...parseEnv(dotenv), ...env })
  const known = SETTING_NAMES.flatMap((name) => [name, `${name}_FILE`])
  const unset = SETTING_NAMES.filter(
    (name) => name.length >= LEAST_LENGTH && !given.includes(name) && !given.includes(`${name}_FILE`),
  )
  const wanted = unset.flatMap((name) => [name, `${name}_FILE`])
  return given
    .filter((name) => !known.includes(name))
    .sort()
    .flatMap((name) => {
      const meant = nearest(name, wanted, MOST_WRONG)
      return meant ? [`${name} is no setting and is ignored; ${meant} is one`] : []
    })
}
