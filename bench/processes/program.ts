/** How an operator starts line-braze: what `npm start` runs, without `node` and without the command. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)

/** Node's flags and the program. */
export const PROGRAM: readonly string[] = (
  JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')).scripts.start as string
)
  .replace(/^exec /, '')
  .split(' ')
  .slice(1, -1)
  .map((word) => (word.endsWith('.js') ? fileURLToPath(new URL(word, ROOT)) : word))

export const databaseIn = (folder: string) => `file:${folder}/line-braze.db`
