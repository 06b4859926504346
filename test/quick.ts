/**
 * Runs in one process all tests that .taprc does not give one of their own: starting it costs more than most of them
 * take. Each of them can still be run alone.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { sep } from 'node:path'

const [, named = ''] = /\{(.*?)\}/.exec(readFileSync(new URL('../.taprc', import.meta.url), 'utf8')) ?? []
const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
for (const file of files.filter((name) => name.endsWith('.test.ts')).sort())
  if (!named.split(',').includes(file.split(sep)[0] ?? '')) await import(`./${file}`)
