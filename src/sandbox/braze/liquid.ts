import { createHash, createHmac } from 'node:crypto'
import { Liquid, Tag, type TagToken, type TopLevelToken } from 'liquidjs'

/** What Braze puts into a template. A name that is not there gives nothing. */
export interface LiquidValues {
  /** Of a profile, by the name of the custom attribute. */
  attributes: Readonly<Record<string, unknown>>
  /** Content of each Content Block, by its name; may be Liquid itself. */
  contentBlocks: Readonly<Record<string, string>>
  /** `dispatch_id` is the same for everybody who gets a scheduled message, [DISPATCH] `api_id` for all of a campaign. */
  campaign: Readonly<Record<string, string>>
}

/** `aborted` is the reason, empty where the template gives none: nothing is sent. [LIQUID] */
export type Rendered = { text: string } | { aborted: string }

/** Blocks within blocks: one level. [BLOCKS] */
const deepest = 1

/** Reads a template of Braze once, to render it for many. Throws where Braze would call it malformed. */
export function readLiquid(source: string): (values: LiquidValues) => Rendered {
  const template = engine.parse(toPlain(source))
  return (values) => {
    try {
      return { text: engine.renderSync(template, scopeOf(values, 0)) as string }
    } catch (error) {
      const cause = (error as { originalError?: unknown }).originalError ?? error
      if (cause instanceof Aborted) return { aborted: cause.message }
      throw error
    }
  }
}

function scopeOf(values: LiquidValues, depth: number): object {
  const blocks = values.contentBlocks
  const block = (name: string) => {
    const content = Object.hasOwn(blocks, name) ? (blocks[name] as string) : ''
    if (!/\{[{%]/.test(content)) return content
    return depth < deepest ? engine.parseAndRenderSync(toPlain(content), scopeOf(values, depth + 1)) : ''
  }
  return {
    custom_attribute: values.attributes,
    campaign: values.campaign,
    // Read at the moment of sending, each only where it is used.
    content_blocks: new Proxy(
      {},
      { get: (_, name) => block(String(name)), has: () => true, getOwnPropertyDescriptor },
    ),
  }
}

/** Liquid reads own properties only. */
const getOwnPropertyDescriptor = () => ({ configurable: true, enumerable: true, writable: true, value: '' })

/** `group.${name}` or `${name}`, what opens and closes a tag, and all the rest, one by one. */
const piece = /(?:(\w+)\.)?\$\{([^}]*)\}|\{\{|\{%|\}\}|%\}|[\s\S]/g

/**
 * Braze's Liquid as everybody's: `custom_attribute.${line_id}` is `custom_attribute["line_id"]`, `${first_name}` one of the profile, and
 * an output within a tag is its inside. What stands outside of both is text.
 */
function toPlain(source: string): string {
  const open: string[] = []
  return source.replace(piece, (found: string, group: string | undefined, name: string | undefined) => {
    const isInside = open.length > 0
    if (name !== undefined) return isInside ? `${group ?? 'profile'}[${JSON.stringify(name)}]` : found
    if (found === '{{' || (found === '{%' && !isInside)) {
      open.push(found === '{{' ? '}}' : '%}')
      return isInside ? ' ' : found
    }
    if (found !== open.at(-1)) return found
    open.pop()
    return open.length > 0 ? ' ' : found
  })
}

class Aborted extends Error {}

class AbortMessage extends Tag {
  readonly #reason: string

  constructor(token: TagToken, rest: TopLevelToken[], liquid: Liquid) {
    super(token, rest, liquid)
    this.#reason = /(['"])([\s\S]*)\1/.exec(token.args)?.[2] ?? ''
  }

  // biome-ignore lint/correctness/useYield: liquidjs asks for a generator.
  override *render(): Generator<unknown, void, unknown> {
    throw new Aborted(this.#reason)
  }
}

/** Leaves no text. */
class MessageExtras extends Tag {
  override *render(): Generator<unknown, void, unknown> {}
}

const engine = new Liquid({ strictFilters: true, ownPropertyOnly: true })
// Braze has none of them, and a template must not read files of this machine.
for (const tag of ['include', 'render', 'layout', 'block']) delete engine.tags[tag]
engine.registerTag('abort_message', AbortMessage)
engine.registerTag('message_extras', MessageExtras)

const toText = (value: unknown) => (value === null || value === undefined ? '' : String(value))
const digest = (name: string) => (value: unknown) => createHash(name).update(toText(value)).digest('hex')
const hmac = (name: string, encoding: 'hex' | 'base64') => (value: unknown, key: unknown) =>
  createHmac(name, toText(key)).update(toText(value)).digest(encoding)

/** Filters that Braze has beside Shopify's. [LIQUID] */
const filters: Record<string, (value: unknown, argument: unknown) => unknown> = {
  json_escape: (value) => JSON.stringify(toText(value)).slice(1, -1),
  md5: digest('md5'),
  sha1: digest('sha1'),
  sha2: digest('sha256'),
  hmac_sha1_hex: hmac('sha1', 'hex'),
  hmac_sha1_base64: hmac('sha1', 'base64'),
  hmac_sha256_hex: hmac('sha256', 'hex'),
  hmac_sha256_base64: hmac('sha256', 'base64'),
  url_param_escape: (value) => encodeURIComponent(toText(value)),
  url_escape: (value) => encodeURI(toText(value)),
}
for (const [name, filter] of Object.entries(filters)) engine.registerFilter(name, filter)
