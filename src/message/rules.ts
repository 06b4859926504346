import { isObject } from '../wire/answer.ts'
import { nearest } from '../wire/nearest.ts'
import { excessOf, LIMITS, type Limit } from './limits.ts'

/** Something for which LINE would refuse a message. */
export interface Problem {
  /** The place in the request's body, as LINE names it in `property`; empty for the whole. */
  readonly property: string
  /** Completes "PROPERTY …". */
  readonly message: string
  /** Whether it is that something is too long. */
  readonly isTooLong?: boolean
}

/** Where a value stands, and who hears of what is wrong with it. */
export interface Place {
  readonly property: string
  tell(message: string, more?: { readonly isTooLong?: boolean }): void
  /** Whether what the text will say is not known yet, since it holds Liquid. */
  isOpen(text: string): boolean
  /** A place within this one. */
  at(key: string | number): Place
}

/** Holds a value against what LINE takes there. */
export type Rule = (value: unknown, place: Place) => void

export interface Field {
  readonly rule: Rule
  readonly isRequired: boolean
}
interface RequiredField extends Field {
  readonly isRequired: true
}

export const required = (rule: Rule): RequiredField => ({ rule, isRequired: true })
export const optional = (rule: Rule): Field => ({ rule, isRequired: false })

/** A field for each key that the SDK knows of `T`; those that it calls required are. The compiler misses a new one. */
export type Fields<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? Field : RequiredField
}

/** All that is wrong with `value` by `rule`. */
export function problemsOf(
  value: unknown,
  rule: Rule,
  { property = '', isOpen = () => false }: { property?: string; isOpen?: (text: string) => boolean } = {},
): Problem[] {
  const problems: Problem[] = []
  const placeAt = (property: string): Place => ({
    property,
    isOpen,
    tell: (message, more) => void problems.push({ property, message, ...more }),
    at: (key) =>
      placeAt(typeof key === 'number' ? `${property}[${key}]` : property ? `${property}.${key}` : key),
  })
  rule(value, placeAt(property))
  return problems
}

/** An object of these fields and no others; `more` looks at what its fields say together. */
export const object =
  <T>(fields: Fields<T>, more?: (value: Readonly<Record<string, unknown>>, place: Place) => void): Rule =>
  (value, place) => {
    if (!isObject(value)) return place.tell('is no object')
    const known: Readonly<Record<string, Field>> = fields
    for (const key of Object.keys(value))
      if (!Object.hasOwn(known, key)) place.at(key).tell(foreign(key, Object.keys(known)))
    for (const [key, { rule, isRequired }] of Object.entries(known)) {
      if (value[key] !== undefined) rule(value[key], place.at(key))
      else if (isRequired) place.at(key).tell('is missing')
    }
    more?.(value, place)
  }

function foreign(key: string, known: readonly string[]): string {
  const meant = nearest(key, known)
  return `is no key here; ${meant ? `perhaps ${meant} is meant` : `there are ${known.join(', ')}`}`
}

/** An object whose `type` says by which of the rules it goes. */
export const byType =
  (rules: Readonly<Record<string, Rule>>): Rule =>
  (value, place) => {
    if (!isObject(value)) return place.tell('is no object')
    const { type } = value
    const words = Object.keys(rules)
    if (type === undefined) return place.at('type').tell(`is missing; it is one of ${words.join(', ')}`)
    const rule = typeof type === 'string' && Object.hasOwn(rules, type) ? rules[type] : undefined
    if (rule) return rule(value, place)
    const meant = typeof type === 'string' ? nearest(type, words) : undefined
    place
      .at('type')
      .tell(meant ? `is no type of LINE's here; perhaps ${meant} is meant` : `is none of ${words.join(', ')}`)
  }

/** A text that says something, of at most `limit`. */
export const text =
  (limit?: Limit, more?: (text: string, place: Place) => void): Rule =>
  (value, place) => {
    if (typeof value !== 'string')
      return place.tell(`is ${kindOf(value)}, and must be a text${quoted(value)}`)
    if (value.trim() === '') return place.tell('is empty')
    if (place.isOpen(value)) return
    const excess = limit && excessOf(value, limit)
    if (excess) place.tell(excess, { isTooLong: true })
    more?.(value, place)
  }

/** In YAML, what looks like a number is one. */
const quoted = (value: unknown) => (typeof value === 'number' ? '; in YAML, put it in quotes' : '')

/** A list of between `least` and `limit` entries, each by `rule`. */
export const list =
  (rule: Rule, limit: Limit, least = 1, more?: (list: readonly unknown[], place: Place) => void): Rule =>
  (value, place) => {
    if (!Array.isArray(value)) return place.tell('is no list')
    if (value.length < least)
      place.tell(
        value.length === 0 ? 'is empty' : `has ${value.length} entries, and LINE wants ${least} at least`,
      )
    const excess = excessOf(value, limit)
    if (excess) place.tell(excess)
    for (const [index, entry] of value.entries()) rule(entry, place.at(index))
    more?.(value, place)
  }

export const oneOf =
  (...words: readonly string[]): Rule =>
  (value, place) => {
    if (!words.includes(value as string)) place.tell(`is none of ${words.join(', ')}`)
  }

export const flag: Rule = (value, place) => {
  if (typeof value !== 'boolean') place.tell('is neither true nor false')
}

export const wholeNumber: Rule = (value, place) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) place.tell('is no whole number from 0 on')
}

/** What only LINE can judge. */
export const anything: Rule = () => {}

/** An address that LINE's clients fetch. */
export const httpsUrl = text(LIMITS.url, (url, place) => {
  if (/^http:/i.test(url)) place.tell('is an http:// address, and LINE takes https:// only')
  else if (!isAddress(url, ['https:'])) place.tell('is no https:// address')
  else tellUnescaped(url, place)
})

/** An address that opens when somebody taps. */
export const actionUri = text(LIMITS.uri, (uri, place) => {
  if (!isAddress(uri, ['http:', 'https:', 'line:', 'tel:']))
    place.tell('is no address that begins with https, http, line or tel')
  else tellUnescaped(uri, place)
})

const isAddress = (text: string, protocols: readonly string[]) =>
  URL.canParse(text) && protocols.includes(new URL(text).protocol) && !/^https?:(?!\/\/)/i.test(text)

function tellUnescaped(url: string, place: Place) {
  if (/[^\x21-\x7e]/.test(url) || /["\\<>^`{|}]/.test(url))
    place.tell('has characters that must be percent-encoded, as | url_param_escape does')
}

const kindOf = (value: unknown) =>
  value === null
    ? 'empty'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`
