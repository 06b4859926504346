import { isUtf8 } from 'node:buffer'
import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml'
import { isLiquid } from './liquid.ts'

/** A file that cannot be read as what it should be; the message has a line for each thing that is wrong. */
export class SourceError extends Error {
  override name = 'SourceError'
}

/** What a YAML or JSON file says, and where. */
export interface Source {
  readonly value: unknown
  /** `LINE:COLUMN` of what `property` names, as `columns[0].text`; of what it would stand in where it is missing. */
  placeOf(property: string): string
}

/** A message has far less, and whatever is more is no template. */
export const MOST_BYTES = 1_000_000

/** `{{` and `: ` mean something to YAML. */
const QUOTES = ' Put a text with Liquid in quotes, or on lines of its own below a |.'
const PROMISE = 'it must be YAML or JSON'

/**
 * Reads YAML, of which JSON is a part. Anchors and aliases are refused: a few lines of them can stand for gigabytes.
 *
 * @param name of the file, for errors
 * @throws SourceError
 */
export function readSource(bytes: Uint8Array, name: string): Source {
  if (bytes.length > MOST_BYTES)
    throw new SourceError(`${name} has more than ${MOST_BYTES / 1e6} MB, and is no template.`)
  if (!isUtf8(bytes)) throw new SourceError(`${name} is not UTF-8; ${PROMISE} in UTF-8.`)
  const text = Buffer.from(bytes)
    .toString()
    .replace(/^\ufeff/, '')
  const lines = new LineCounter()
  const document = parsed(text, lines, name)
  const where = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${line}:${col}`
  }
  const found = [...document.errors, ...document.warnings]
  const deep = found.find(({ message }) => STACK.test(message))
  if (deep) throw new SourceError(`${name}:${where(deep.pos[0])}: it is nested too deeply.`)
  const faults = found.map(({ pos, message }) => {
    const { line } = lines.linePos(pos[0])
    return `${name}:${where(pos[0])}: ${firstLine(message)}${isLiquid(text.split('\n')[line - 1] ?? '') ? QUOTES : ''}`
  })
  visit(document, {
    Node(_key, node) {
      if (isAlias(node) || node.anchor !== undefined)
        faults.push(
          `${name}:${where(node.range?.[0] ?? 0)}: anchors and aliases (& and *) are not taken; write it out.`,
        )
    },
  })
  if (faults.length > 0) throw new SourceError(shown(faults).join('\n'))
  if (!isMap(document.contents))
    throw new SourceError(`${name} holds no keys and values; ${PROMISE} with them at its top.`)
  return {
    value: document.toJS(),
    placeOf: (property) => where(offsetOf(document.contents as Node, keysIn(property))),
  }
}

/** What nesting that is too deep for the parser makes of it. */
const STACK = /call stack|stack overflow/i

function parsed(text: string, lineCounter: LineCounter, name: string) {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error', stringKeys: true })
  } catch (cause) {
    // Nesting that is too deep for the parser.
    throw new SourceError(`${name} cannot be read (${(cause as Error).name}); ${PROMISE}.`, { cause })
  }
}

/** Of a file that is not what it should be everything is wrong; the first things say enough. */
const NAMED = 10
const shown = (faults: readonly string[]) =>
  faults.length > NAMED ? [...faults.slice(0, NAMED), `… and ${faults.length - NAMED} more.`] : faults

const firstLine = (message: string) => `${message.split('\n')[0]?.replace(/\.$/, '')}.`

/** The keys of `columns[0].text`. */
const keysIn = (property: string): (string | number)[] =>
  Array.from(property.matchAll(/\[(\d+)\]|([^.[\]]+)/g), ([, index, key = '']) =>
    index === undefined ? key : Number(index),
  )

function offsetOf(top: Node, keys: readonly (string | number)[]): number {
  let node: Node = top
  let offset = top.range?.[0] ?? 0
  for (const key of keys) {
    if (!isCollection(node)) break
    const pair = isMap(node) ? node.items.find(({ key: k }) => isScalar(k) && k.value === key) : undefined
    const next = pair ? pair.value : node.get(key, true)
    const start = pair && isPair(pair) && isNode(pair.key) ? pair.key : next
    if (!isNode(start)) break
    offset = start.range?.[0] ?? offset
    if (!isNode(next)) break
    node = next
  }
  return offset
}
