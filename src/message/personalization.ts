/** What Braze fills in where a template says `${key}` or `group.${key}`. */
export interface Personalization {
  /** As people write it: `first_name`, `custom_attribute.line_id`. */
  readonly name: string
  readonly group: string
  readonly key: string
}

/** The group of what belongs to the profile itself, which Braze gives no name. */
const PROFILE = 'braze_profile'

const RAW = /\{%-?\s*raw\s*-?%\}/y
const END_OF_RAW = /\{%-?\s*endraw\s*-?%\}/g
const MARK = /\$\{|\{\{|\{%|\}\}|%\}/g

/**
 * Liquid as Braze writes it, as Liquid that everybody reads: `custom_attribute.${line_id}` becomes
 * `custom_attribute["line_id"]`, and `{{…}}` within a tag its inside. Lines stay where they are. It looks at no part of a
 * text twice: a template may be a megabyte of anything.
 * Source: braze.com/docs/user_guide/messaging/design_and_edit/personalize/liquid/supported_personalization_tags
 */
export function toPlainLiquid(source: string): { plain: string; names: readonly Personalization[] } {
  const names = new Map<string, Personalization>()
  const plain: string[] = []
  /** The ends that are waited for, the innermost last. */
  const open: ('}}' | '%}')[] = []
  const findRawEnd = rawEndsIn(source)
  /** Up to where the source is in `plain`. */
  let done = 0
  const replace = (start: number, end: number, by: string) => {
    plain.push(source.slice(done, start), by)
    done = end
  }

  for (let at = 0; ; ) {
    MARK.lastIndex = at
    const match = MARK.exec(source)
    if (!match) break
    const [mark] = match
    const start = match.index
    at = start + mark.length
    const rawEnd = mark === '{%' && open.length === 0 ? findRawEnd(start) : undefined
    if (rawEnd !== undefined) {
      at = rawEnd
    } else if (mark === '{{' || (mark === '{%' && open.length === 0)) {
      // Braze takes an output within a tag, and means its inside.
      if (open.length > 0) replace(start, at, ' ')
      open.push(mark === '{{' ? '}}' : '%}')
    } else if (mark === '${' && open.length > 0) {
      const brace = source.indexOf('}', at)
      const end = brace < 0 ? source.length : brace
      const key = source.slice(at, end).trim()
      const groupAt = groupBefore(source, start, done)
      const group = source.slice(groupAt, Math.max(groupAt, start - 1)) || PROFILE
      const name = group === PROFILE ? key : `${group}.${key}`
      names.set(name, { name, group, key })
      at = Math.min(end + 1, source.length)
      replace(groupAt, at, `${group}[${quoted(key)}]`)
    } else if (mark === open.at(-1)) {
      open.pop()
      if (open.length > 0) replace(start, at, ' ')
    } else {
      at = start + 1
    }
  }
  return { plain: plain.join('') + source.slice(done), names: [...names.values()] }
}

/** Behind which `{% endraw %}` the text that begins at a place ends, if a `{% raw %}` stands there. */
function rawEndsIn(source: string): (start: number) => number | undefined {
  let isUnclosed = false
  return (start) => {
    RAW.lastIndex = start
    if (isUnclosed || !RAW.test(source)) return undefined
    END_OF_RAW.lastIndex = RAW.lastIndex
    isUnclosed = !END_OF_RAW.test(source)
    return isUnclosed ? undefined : END_OF_RAW.lastIndex
  }
}

/** Where the `group.` begins that ends at `end`; `end` itself where there is none. */
function groupBefore(source: string, end: number, least: number): number {
  if (end - 1 < least || source[end - 1] !== '.') return end
  let at = end - 1
  while (at > least && /[\w-]/.test(source[at - 1] as string)) at -= 1
  return at
}

/** Liquid knows no escapes that Braze has, so that a name with both kinds of quotes cannot be said. */
const quoted = (key: string) => (key.includes('"') ? `'${key}'` : `"${key}"`)
