import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { TObject } from 'typebox'
import { check } from './check.ts'
import type { About } from './settings.ts'
import type { Environment } from './texts.ts'

export interface FileOptions {
  /** Of each channel; `name` and `attribute` are among its keys. */
  readonly schema: TObject
  /** Where `env:NAME` is looked up, and then in `fallback`. */
  readonly env: Environment
  readonly fallback: Environment
}

export interface FileReading {
  /** Each as the schema has it, as far as it is right. */
  readonly found: readonly unknown[]
  /** That file, and those that it names. */
  readonly files: readonly string[]
  /** A line for a person for each thing that is wrong, without a secret and without a path, which may be one by mistake. */
  readonly problems: readonly string[]
}

const FILE = 'LINE_CHANNELS_FILE'

/** Reads the JSON list of channels at `path`. A value may be `env:NAME`, or `file:PATH`, relative to that file's folder. */
export function readChannelsFile(path: string, options: FileOptions): FileReading {
  const files = [path]
  const entries = readList(path)
  if (typeof entries === 'string') return { found: [], files, problems: [entries] }
  const channels = entries.map((entry, place) => readChannel(entry, place, dirname(path), options))
  return {
    found: channels.map(({ values }) => values),
    files: [...files, ...channels.flatMap(({ files }) => files)],
    problems: [
      ...channels.flatMap(({ problems }) => problems),
      ...twice(channels, options.schema, 'name'),
      ...twice(channels, options.schema, 'attribute'),
      ...sameBlocks(channels, options.schema),
    ],
  }
}

/** The list, or what is wrong. */
function readList(path: string): unknown[] | string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return `${FILE} names a file that cannot be read (${code}); it must be ${MUST_BE}`
  }
  // A broken character in an attribute would make another attribute in Braze.
  if (!isUtf8(bytes)) return `${FILE} names a file that is not UTF-8; it must be ${MUST_BE}`
  try {
    const list: unknown = JSON.parse(bytes.toString().replace(/^\ufeff/, ''))
    if (Array.isArray(list) && list.length > 0) return list
    const holds = Array.isArray(list) ? 'an empty list' : 'no list'
    return `${FILE} names a file with ${holds}; it must be ${MUST_BE}`
  } catch (error) {
    // Of what is there, the parser's words would show a part.
    const [where = ''] = / \(line \d+ column \d+\)/.exec((error as Error).message) ?? []
    return `${FILE} names a file that is not JSON${where}; it must be ${MUST_BE}`
  }
}

const MUST_BE = 'a JSON file with a list of one or more channels'

interface Read {
  readonly values: unknown
  /** What it says, before anything is held against the schema; undefined where it is no object. */
  readonly given: Readonly<Record<string, string>> | undefined
  readonly problems: readonly string[]
  readonly files: readonly string[]
  /** How it is called in a sentence: by its name, where it has one. */
  readonly title: string
}

function readChannel(
  entry: unknown,
  place: number,
  folder: string,
  { schema, ...options }: FileOptions,
): Read {
  const problems = new Map<string, string>()
  const given: Record<string, string> = {}
  const files: string[] = []
  const keys = Object.keys(schema.properties)
  if (!isObject(entry))
    return {
      values: {},
      given: undefined,
      files,
      problems: [`${FILE}: ${nth(place)} is no object`],
      title: nth(place),
    }
  for (const [key, value] of Object.entries(entry)) {
    if (!keys.includes(key)) {
      problems.set(key, `${shownKey(key)} is none of the keys, which are ${keys.join(', ')}`)
      continue
    }
    const { mustBe } = schema.properties[key] as unknown as About
    const text = textOf(value, folder, options)
    if (text.file !== undefined) files.push(text.file)
    if (text.fault !== undefined) problems.set(key, `${key} ${text.fault}; it must be ${mustBe}`)
    else if (text.value) given[key] = text.value
  }
  const { values: right, problems: others } = check(schema, given)
  const values = Object.fromEntries(Object.entries(right()).filter(([key]) => !problems.has(key)))
  const title = given.name === undefined || others.has('name') ? nth(place) : `channel ${given.name}`
  // Why there is no value says more than that there is none.
  const lines = [...new Map([...others, ...problems]).values()].map((line) => `${FILE}, ${title}: ${line}`)
  return { values, given, files, problems: lines, title }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const nth = (place: number) => `channel number ${place + 1}`
/** Somebody may have put a secret there. */
const shownKey = (key: string) => (/^[A-Za-z_]{1,24}$/.test(key) ? key : 'what it has')

interface Text {
  /** Empty where it is absent. */
  readonly value?: string
  /** Completes "KEY …; it must be …". */
  readonly fault?: string
  /** Where it is from. */
  readonly file?: string
}

function textOf(value: unknown, folder: string, { env, fallback }: Omit<FileOptions, 'schema'>): Text {
  // Ids look like numbers.
  if (Number.isSafeInteger(value)) return { value: String(value) }
  if (typeof value !== 'string') return { fault: 'is no text' }
  const [, kind, rest = ''] = /^(env|file):(.*)$/s.exec(value.trim()) ?? []
  if (kind === 'env') return textOfVariable(rest, Object.hasOwn(env, rest) ? env : fallback)
  if (kind === undefined) return { value: value.trim() }
  const file = resolve(folder, rest)
  try {
    return { file, value: readFileSync(file, 'utf8').trim() }
  } catch (error) {
    return { file, fault: `names a file that cannot be read (${(error as NodeJS.ErrnoException).code})` }
  }
}

function textOfVariable(name: string, env: Environment): Text {
  // Every object has a constructor.
  const text = Object.hasOwn(env, name) ? env[name]?.trim() : undefined
  if (text) return { value: text }
  const shown = /^[A-Z][A-Z0-9_]{0,63}$/.test(name) ? `the variable ${name}` : 'a variable'
  return { fault: `names ${shown}, which is not set` }
}

/**
 * A channel's token in another one's block would fail for each of its people. Who says nothing about either has none in Braze,
 * as far as we know.
 */
function sameBlocks(channels: readonly Read[], schema: TObject): string[] {
  const isMeant = ({ given }: Read) => given?.assertionKey !== undefined || given?.tokenBlock !== undefined
  return twice(channels.filter(isMeant), schema, 'tokenBlock')
}

/** A line for each value of `key` that more than one channel has. */
function twice(channels: readonly Read[], { properties }: TObject, key: string): string[] {
  const byValue = new Map<unknown, string[]>()
  for (const [place, { given, title }] of channels.entries()) {
    const value = given && (given[key] ?? (properties[key] as { default?: string }).default)
    if (value === undefined) continue
    byValue.set(value, [...(byValue.get(value) ?? []), key === 'name' ? nth(place) : title])
  }
  return [...byValue.values()]
    .filter(({ length }) => length > 1)
    .map((titles) => `${FILE}: ${titles.join(' and ')} have the same ${key}; give each its own`)
}
