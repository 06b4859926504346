/** One thing that is wrong, as LINE names it. */
export interface Fault {
  message: string
  property: string
}

export type Path = readonly (string | number)[]

/** Looks at a value and tells what is wrong with it, and where. */
export type Check = (value: unknown, path: Path, tell: (message: string, path: Path) => void) => void

export type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** How LINE counts characters where it does not say more. [COUNT] */
export const units = (text: string) => text.length
/** How it counts the labels of actions, and the texts of some templates. [COUNT] */
export const graphemes = (text: string) => Array.from(segmenter.segment(text)).length

/** A text that is not empty. */
export const text =
  (max: number, count: (text: string) => number = units): Check =>
  (value, path, tell) => {
    if (typeof value !== 'string' || value.trim() === '') tell('May not be empty', path)
    else if (count(value) > max) tell(`Length must be between 0 and ${max}`, path)
  }

/** An address with one of the schemes, whose characters outside of ASCII are percent-encoded. */
export const uri =
  (max: number, ...schemes: string[]): Check =>
  (value, path, tell) => {
    if (typeof value !== 'string' || value === '') return tell('May not be empty', path)
    if (value.length > max) tell(`Length must be between 0 and ${max}`, path)
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(value)?.[1]?.toLowerCase() ?? ''
    if (!schemes.includes(scheme)) tell('invalid uri scheme', path)
    else if (!/^[!-~]+$/.test(value) || (scheme.startsWith('http') && !URL.canParse(value)))
      tell('invalid uri', path)
  }

export const oneOf =
  (...allowed: string[]): Check =>
  (value, path, tell) => {
    if (!allowed.includes(value as string))
      tell(`Must be one of the following values: [${allowed.join(', ')}]`, path)
  }

export const matching =
  (pattern: RegExp): Check =>
  (value, path, tell) => {
    if (typeof value !== 'string' || !pattern.test(value)) tell('invalid property', path)
  }

export const number =
  (min: number, max: number): Check =>
  (value, path, tell) => {
    if (typeof value !== 'number' || value < min || value > max)
      tell(`Must be between ${min} and ${max}`, path)
  }

export const flag: Check = (value, path, tell) => {
  if (typeof value !== 'boolean') tell('Must be a boolean', path)
}

export const list =
  (min: number, max: number, each: Check): Check =>
  (value, path, tell) => {
    if (!Array.isArray(value) || value.length < min) return tell(`must not be less than ${min} items`, path)
    if (value.length > max) tell(`must not be more than ${max} items`, path)
    value.forEach((item, index) => void each(item, [...path, index], tell))
  }

/** An object with fields that must be there and others that may. Fields that nobody knows are let through, as LINE does. */
export const fields =
  (required: Record<string, Check>, optional: Record<string, Check> = {}): Check =>
  (value, path, tell) => {
    if (!isFields(value)) return tell('May not be empty', path)
    for (const [name, check] of Object.entries(required)) check(value[name], [...path, name], tell)
    for (const [name, check] of Object.entries(optional))
      if (value[name] !== undefined) check(value[name], [...path, name], tell)
  }

/** What an object must be follows from its `type`. */
export const byType = (checks: Record<string, Check>): Check => {
  const known = oneOf(...Object.keys(checks))
  return (value, path, tell) => {
    if (!isFields(value)) return tell('May not be empty', path)
    const { type } = value
    if (typeof type === 'string' && Object.hasOwn(checks, type)) checks[type]?.(value, path, tell)
    else known(type, [...path, 'type'], tell)
  }
}

export const all =
  (...checks: Check[]): Check =>
  (value, path, tell) => {
    for (const check of checks) check(value, path, tell)
  }
