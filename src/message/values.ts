import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LiquidTemplate } from './liquid.ts'
import { type Fill, requestOf } from './request.ts'
import type { Problem } from './rules.ts'
import { HOSTILE } from './samples.ts'

export interface Filled {
  readonly body: LiquidTemplate
  readonly source: string
  readonly names: readonly string[]
  readonly fill: Fill
  /** What a person has said that a name stands for. */
  readonly given: ReadonlyMap<string, string>
}

/** What becomes of a body that is a request when one of the names has a value that some people have. */
export async function checkValues({ body, source, names, fill, given }: Filled, signal: AbortSignal) {
  const problems = new Map<string, Problem>()
  const warnings = new Map<string, Problem>()
  const usual = new Set(requestOf(body, fill).problems.map(({ property }) => property))
  for (const name of names) {
    await nextTurn()
    signal.throwIfAborted()
    for (const { what, value, isRare } of HOSTILE) {
      // What a person gave may have to be as it is, as an address; only that it is escaped can be seen.
      const filled = `${given.get(name) ?? ''}${value}`
      const outcome = requestOf(body, (each) => (each === name ? filled : fill(each)))
      if (outcome.kind === 'unreadable' && !problems.has(name))
        problems.set(name, { property: 'body', message: unescaped(name, what, source) })
      if (outcome.kind !== 'request' || given.has(name)) continue
      for (const problem of outcome.problems.filter(({ property }) => !usual.has(property))) {
        const key = `${name} ${problem.property}`
        const list = isRare ? warnings : problems
        const message = `${problem.message}, where ${liquidFor(name)} has ${what}${remedy(problem, isRare)}`
        if (!problems.has(key) && !list.has(key)) list.set(key, { ...problem, message })
      }
    }
  }
  return { problems: [...problems.values()], warnings: [...warnings.values()] }
}

const remedy = ({ isTooLong }: Problem, isRare: boolean) =>
  isTooLong ? '; cut it with | truncate' : isRare ? '; give it a default' : ''

/** As people write it. */
export function liquidFor(name: string): string {
  const dot = name.indexOf('.')
  return dot < 0 ? `{{\${${name}}}}` : `{{${name.slice(0, dot)}.\${${name.slice(dot + 1)}}}}`
}

/** Says where in the body a value stands that nothing escapes. */
function unescaped(name: string, what: string, source: string): string {
  const inner = liquidFor(name).slice(2, -2)
  const isBare = ([output]: RegExpMatchArray) => output.includes(inner) && !output.includes('json_escape')
  const outputs = [...withoutCaptures(source).matchAll(OUTPUT), ...source.matchAll(OUTPUT)]
  const lines = source.slice(0, outputs.find(isBare)?.index ?? 0).split('\n')
  const where = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`
  return `is no JSON once ${liquidFor(name)} (${where}) has ${what}; write {{${inner} | json_escape}}`
}

const OUTPUT = /\{\{(?:\$\{[^}]*\}|(?!\{\{)[^}])*\}\}/g

/** What is captured is escaped where it is used; everything else stays where it is. */
const withoutCaptures = (source: string) =>
  source
    .split(/(?<=\bendcapture\s*-?%\})/)
    .map((part) =>
      /\bendcapture\s*-?%\}$/.test(part) ? part.replace(/\{%-?\s*capture\b[\s\S]*$/, blanked) : part,
    )
    .join('')
const blanked = (text: string) => text.replace(/[^\n]/g, ' ')
