import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'

/**
 * Imports point one way. Each room may import from those named here, and from itself; the sandbox shares nothing
 * with the rest, so that it can prove it wrong.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  contact: [],
  config: ['wire'],
  sandbox: [],
  wire: [],
  line: ['contact', 'wire'],
  braze: ['contact', 'wire'],
  ledger: ['contact', 'wire'],
  message: ['wire'],
  delivery: ['braze', 'ledger', 'contact', 'wire'],
  token: ['line', 'braze', 'ledger', 'wire'],
  backfill: ['line', 'ledger', 'contact'],
  links: ['line', 'ledger', 'contact'],
  desk: ['line', 'ledger', 'contact'],
  http: ['line', 'ledger', 'contact', 'wire', 'desk'],
  // Types alone: a browser gets it as it is.
  page: ['http', 'ledger', 'desk'],
  verify: ['braze', 'wire', 'ledger', 'contact'],
  terminal: [
    'backfill',
    'desk',
    'doctor',
    'links',
    'message',
    'verify',
    'token',
    'ledger',
    'line',
    'contact',
  ],
  doctor: ['line', 'braze', 'ledger', 'wire', 'desk'],
  // '..' is package.json, for the version.
  process: [
    'terminal',
    'config',
    'doctor',
    'http',
    'delivery',
    'token',
    'desk',
    'line',
    'braze',
    'wire',
    'ledger',
    'contact',
    '..',
  ],
  demo: ['process', 'terminal', 'http', 'wire', 'token', 'sandbox'],
  commands: [
    'process',
    'terminal',
    'demo',
    'config',
    'backfill',
    'doctor',
    'links',
    'message',
    'verify',
    'token',
    'desk',
    'ledger',
    'contact',
  ],
  'cli.ts': ['commands', 'process'],
}

/** Rooms that may touch the process, its environment and its streams. */
const MAY_TOUCH_PROCESS = ['process', 'demo', 'cli.ts']

const SRC = resolve(import.meta.dirname, '../src')
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => /\.[jt]s$/.test(name))
const roomOf = (path: string) => path.split('/')[0] ?? ''
const importsOf = (source: string) =>
  Array.from(source.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g), (match) => match[1] ?? '')

t.test('every room is known', async (t) => {
  t.strictSame([...new Set(files.map(roomOf))].sort(), Object.keys(MAY_IMPORT).sort())
})

t.test('imports point one way', async (t) => {
  for (const file of files) {
    const room = roomOf(file)
    for (const specifier of importsOf(readFileSync(join(SRC, file), 'utf8'))) {
      const target = roomOf(relative(SRC, resolve(SRC, dirname(file), specifier)))
      t.ok(target === room || MAY_IMPORT[room]?.includes(target), `${file} may import ${specifier}`)
    }
  }
})

t.test('only process and demo touch the process and the environment', async (t) => {
  for (const file of files.filter((name) => !MAY_TOUCH_PROCESS.includes(roomOf(name)))) {
    t.notMatch(readFileSync(join(SRC, file), 'utf8'), /\bprocess\.|from 'node:process'|\bconsole\./, file)
  }
})

t.test('no file imports in a circle', async (t) => {
  const imports = new Map(
    files.map((file) => {
      const specifiers = importsOf(readFileSync(join(SRC, file), 'utf8'))
      return [file, specifiers.map((specifier) => relative(SRC, resolve(SRC, dirname(file), specifier)))]
    }),
  )
  const done = new Set<string>()
  function follow(file: string, way: readonly string[]) {
    if (way.includes(file)) return t.fail([...way.slice(way.indexOf(file)), file].join(' → '))
    if (done.has(file)) return
    for (const imported of imports.get(file) ?? []) follow(imported, [...way, file])
    done.add(file)
  }
  for (const file of files) follow(file, [])
  t.ok(files.every((file) => done.has(file)))
})
