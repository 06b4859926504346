import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface PageFile {
  readonly type: string
  readonly text: string
  readonly etag: string
}

const PAGE = new URL('../../page/', import.meta.url)
const TYPES = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' } as const

/** `lib/` is what comes from packages. */
const LIBRARY = { 'lib/uPlot.js': 'uplot/dist/uPlot.esm.js', 'lib/uPlot.css': 'uplot/dist/uPlot.min.css' }

/** All that a browser gets, by name, read once: nothing else can be asked for. */
export function readFiles(): ReadonlyMap<string, PageFile> {
  const names = readdirSync(PAGE).filter((name) => typeOf(name) !== undefined)
  const own = names.map((name) => [name, new URL(name, PAGE)] as const)
  const library = Object.entries(LIBRARY).map(
    ([name, path]) => [name, new URL(import.meta.resolve(path))] as const,
  )
  return new Map([...own, ...library].map(([name, url]) => [name, fileOf(name, fileURLToPath(url))]))
}

function fileOf(name: string, path: string): PageFile {
  const text = readFileSync(path, 'utf8')
  const type = typeOf(name)
  return { type: `${type}; charset=utf-8`, text, etag: etagOf(text) }
}

const typeOf = (name: string): string | undefined => TYPES[name.split('.').at(-1) as keyof typeof TYPES]

const etagOf = (text: string) => `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
