import { createHash } from 'node:crypto'

/** The moment of a statement, by the database's clock: it is the same for all servers, and for all rows of the statement. */
const DATABASE_NOW = 'floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint'

export type Values = Readonly<Record<string, unknown>>

/**
 * A statement with names for what is handed over, `@name`, as pg wants it. `@now` is the database's clock.
 *
 * @param now for tests: this instead of the database's clock
 */
export function statement(text: string, values: Values = {}, now?: number) {
  const { compiled, id, names } = compile(text, now !== undefined)
  return { text: compiled, id, values: names.map((name) => (name === 'now' ? now : values[name])) }
}

const compiledTexts = [new Map<string, Compiled>(), new Map<string, Compiled>()] as const
interface Compiled {
  readonly compiled: string
  /** The same for the same text, whoever compiles it. */
  readonly id: string
  readonly names: readonly string[]
}

function compile(text: string, hasClock: boolean): Compiled {
  const known = compiledTexts[hasClock ? 1 : 0]
  const before = known.get(text)
  if (before) return before
  const names: string[] = []
  const compiled = text.replace(/@(\w+)/g, (_, name: string) => {
    if (name === 'now' && !hasClock) return DATABASE_NOW
    if (!names.includes(name)) names.push(name)
    const place = `$${names.indexOf(name) + 1}`
    return name === 'now' ? `${place}::bigint` : place
  })
  const id = createHash('sha256').update(compiled).digest('hex').slice(0, 32)
  const done = { compiled, id, names }
  known.set(text, done)
  return done
}
