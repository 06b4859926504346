/** The moment of a statement, by the database's clock: it is the same for all servers, and for all rows of the statement. */
const DATABASE_NOW = 'floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint'

export type Values = Readonly<Record<string, unknown>>

/**
 * A statement with names for what is handed over, `@name`, as pg wants it. `@now` is the database's clock.
 *
 * @param now for tests: this instead of the database's clock
 */
export function statement(text: string, values: Values = {}, now?: number) {
  const { compiled, names } = compile(text, now !== undefined)
  return { text: compiled, values: names.map((name) => (name === 'now' ? now : values[name])) }
}

const compiledTexts = [new Map<string, Compiled>(), new Map<string, Compiled>()] as const
interface Compiled {
  readonly compiled: string
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
  known.set(text, { compiled, names })
  return { compiled, names }
}
