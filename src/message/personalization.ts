/** What Braze fills in where a template says `${key}` or `group.${key}`. */
export interface Personalization {
  /** As people write it: `first_name`, `custom_attribute.line_id`. */
  readonly name: string
  readonly group: string
  readonly key: string
}

/** The group of what belongs to the profile itself, which Braze gives no name. */
const PROFILE = 'braze_profile'

const RAW = /\{%-?\s*raw\s*-?%\}[\s\S]*?\{%-?\s*endraw\s*-?%\}/y

/**
 * Liquid as Braze writes it, as Liquid that everybody reads: `custom_attribute.${line_id}` becomes
 * `custom_attribute["line_id"]`, and `{{…}}` within a tag its inside. Lines stay where they are.
 * Source: braze.com/docs/user_guide/messaging/design_and_edit/personalize/liquid/supported_personalization_tags
 */
export function toPlainLiquid(source: string): { plain: string; names: readonly Personalization[] } {
  const names = new Map<string, Personalization>()
  let plain = ''
  /** The ends that are waited for, the innermost last. */
  const open: ('}}' | '%}')[] = []

  for (let at = 0; at < source.length; ) {
    RAW.lastIndex = at
    const raw = open.length === 0 ? RAW.exec(source)?.[0] : undefined
    const two = source.slice(at, at + 2)
    if (raw !== undefined) {
      plain += raw
      at += raw.length
    } else if (two === '{{' || (two === '{%' && open.length === 0)) {
      // Braze takes an output within a tag, and means its inside.
      plain += open.length === 0 ? two : ' '
      open.push(two === '{{' ? '}}' : '%}')
      at += 2
    } else if (two === '${' && open.length > 0) {
      const end = source.indexOf('}', at)
      const key = source.slice(at + 2, end < 0 ? undefined : end).trim()
      const [dotted = ''] = /[\w-]*\.$/.exec(plain) ?? []
      const group = dotted.slice(0, -1) || PROFILE
      const name = group === PROFILE ? key : `${group}.${key}`
      names.set(name, { name, group, key })
      plain = `${plain.slice(0, plain.length - dotted.length)}${group}[${quoted(key)}]`
      at = end < 0 ? source.length : end + 1
    } else if (two === open.at(-1)) {
      open.pop()
      plain += open.length === 0 ? two : ' '
      at += 2
    } else {
      plain += source[at]
      at += 1
    }
  }
  return { plain, names: [...names.values()] }
}

/** Liquid knows no escapes that Braze has, so that a name with both kinds of quotes cannot be said. */
const quoted = (key: string) => (key.includes('"') ? `'${key}'` : `"${key}"`)
