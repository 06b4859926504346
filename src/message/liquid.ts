import { createHash, createHmac } from 'node:crypto'
import { Liquid, Tag, type TagToken, type TopLevelToken } from 'liquidjs'
import { toPlainLiquid } from './personalization.ts'

/** Liquid that Braze would refuse, or that is not known here; the message is for a person. */
export class LiquidError extends Error {
  override name = 'LiquidError'
  /** From 1 on; undefined where nobody can tell. */
  readonly line: number | undefined

  constructor(message: string, line?: number, cause?: unknown) {
    super(message, { cause })
    this.line = line
  }
}

/** The template itself ended its message, by `abort_message`: Braze sends nothing to that person. */
export class Aborted extends Error {
  override name = 'Aborted'
}

/** A template that has been read. */
export interface LiquidTemplate {
  /** What Braze is to fill in, each once: `first_name` of `${first_name}`, `custom_attribute.line_id`, and so on. */
  readonly names: readonly string[]
  /**
   * What Braze would make of it.
   *
   * @param fill what is filled in for a name; undefined: nothing
   * @throws LiquidError; Aborted
   */
  render(fill: (name: string) => string | undefined): string
}

/** Whether Braze would do anything about the text. */
export const isLiquid = (text: string): boolean => /\{\{|\{%/.test(text)

/** Reads Liquid as Braze writes it. @throws LiquidError */
export function readLiquid(source: string): LiquidTemplate {
  if ((source.match(/\{[{%]/g)?.length ?? 0) > MOST_TAGS)
    throw new LiquidError(`it has more than ${MOST_TAGS.toLocaleString('en')} tags and outputs`)
  const { plain, names } = toPlainLiquid(source)
  const template = attempt(() => engine.parse(plain))
  return {
    names: names.map(({ name }) => name),
    render(fill) {
      const groups = Map.groupBy(names, ({ group }) => group)
      const scope = Object.fromEntries(
        Array.from(groups, ([group, members]) => [
          group,
          Object.fromEntries(members.map(({ name, key }) => [key, fill(name)])),
        ]),
      )
      const text: string = attempt(() => engine.renderSync(template, scope))
      if (text.length > MOST_MEMORY)
        throw new LiquidError('the text is longer than anything that can be sent')
      return text
    },
  }
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const { originalError = cause, token } = cause as {
      originalError?: Error
      token?: { getPosition(): [line: number, column: number] }
    }
    if (originalError instanceof Aborted) throw originalError
    const [message = ''] = (originalError as Error).message.split(/, (?:file:|line:\d)/)
    throw new LiquidError(message, token?.getPosition()[0], cause)
  }
}

/** liquidjs needs a time for them that grows with their square: half a second for so many. */
const MOST_TAGS = 10_000
const MOST_MEMORY = 20_000_000

/** A loop that never ends, or that fills the memory, is no template. */
const engine = new Liquid({
  strictFilters: true,
  ownPropertyOnly: true,
  parseLimit: 4_000_000,
  renderLimit: 2_000,
  memoryLimit: MOST_MEMORY,
})
// They are none of Braze's, and would bring a file of this machine's into the message.
for (const tag of ['include', 'render', 'layout', 'block']) delete engine.tags[tag]

/** Ends the message; the reason stands in Braze's log. */
class AbortMessage extends Tag {
  readonly #reason: string

  constructor(token: TagToken, rest: TopLevelToken[], liquid: Liquid) {
    super(token, rest, liquid)
    this.#reason = /(['"])(.*)\1/s.exec(token.args)?.[2] ?? ''
  }

  // biome-ignore lint/correctness/useYield: liquidjs wants a generator, or a value.
  override *render(): Generator<unknown, void, unknown> {
    throw new Aborted(this.#reason)
  }
}

/** Adds nothing to the text, and what it may fetch is not fetched here. */
class Silent extends Tag {
  override *render(): Generator<unknown, void, unknown> {}
}

engine.registerTag('abort_message', AbortMessage)
for (const tag of ['message_extras', 'connected_content', 'catalog_items', 'catalog_selection_items'])
  engine.registerTag(tag, Silent)

const textOf = (value: unknown) =>
  value === undefined || value === null
    ? ''
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value)
const hash = (algorithm: string) => (value: unknown) =>
  createHash(algorithm).update(textOf(value)).digest('hex')
const hmac = (algorithm: string, encoding: 'hex' | 'base64') => (value: unknown, key: unknown) =>
  createHmac(algorithm, textOf(key)).update(textOf(value)).digest(encoding)

/** Source: braze.com/docs/user_guide/personalization_and_dynamic_content/liquid/advanced_filters */
const FILTERS: Readonly<Record<string, (value: unknown, argument: unknown) => unknown>> = {
  json_escape: (value) => JSON.stringify(textOf(value)).slice(1, -1),
  md5: hash('md5'),
  sha1: hash('sha1'),
  sha2: hash('sha256'),
  base64: (value) => Buffer.from(textOf(value)).toString('base64'),
  hmac_sha1: hmac('sha1', 'hex'),
  hmac_sha1_hex: hmac('sha1', 'hex'),
  hmac_sha1_base64: hmac('sha1', 'base64'),
  hmac_sha256_hex: hmac('sha256', 'hex'),
  hmac_sha256_base64: hmac('sha256', 'base64'),
  url_escape: (value) => encodeURI(textOf(value).toWellFormed()),
  url_param_escape: (value) => encodeURIComponent(textOf(value).toWellFormed()),
  property_accessor: (value, key) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, textOf(key))
      ? (value as Record<string, unknown>)[textOf(key)]
      : undefined,
  number_with_delimiter: (value) => Number(value).toLocaleString('en'),
}
for (const [name, filter] of Object.entries(FILTERS))
  engine.registerFilter(name, function (value, argument) {
    this.context.memoryLimit.use(textOf(value).length)
    return filter(value, argument)
  })
