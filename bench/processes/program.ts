/** How an operator starts line-braze: what `npm start` runs, without `node` and without the command. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)

const words: readonly string[] = JSON.parse(
  readFileSync(new URL('package.json', ROOT), 'utf8'),
).scripts.start.split(' ')

/** Node's flags and the program. */
export const PROGRAM = words
  .slice(words.indexOf('node') + 1, -1)
  .map((word) => (word.endsWith('.js') ? fileURLToPath(new URL(word, ROOT)) : word))

/** What it has in its environment, beside its settings. */
export const PROGRAM_ENV: Readonly<Record<string, string>> = Object.fromEntries(
  words.filter((word) => /^[A-Z_]+=/.test(word)).map((word) => word.split('=')),
)

export const databaseIn = (folder: string) => `file:${folder}/line-braze.db`
