import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import t from 'tap'
import { README, withTables } from '../docs/tables.ts'
import { createCli } from '../src/cli.ts'
import { describeSettings } from '../src/config/settings.ts'

const ROOT = resolve(import.meta.dirname, '..')
const readme = readFileSync(README, 'utf8')

t.test('the tables are what the code defines; npm run docs writes them', async (t) => {
  t.equal(withTables(readme), readme)
})

t.test('the two commands are those that package.json and CI run', async (t) => {
  const { scripts } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8'))
  for (const script of ['demo', 'test']) {
    t.match(readme, script === 'test' ? 'npm ci && npm test' : 'npm ci && npm run demo')
    t.type(scripts[script], 'string')
  }
  t.match(readFileSync(resolve(ROOT, '.ci/run'), 'utf8'), '\n(npm ci && npm test)\n')
})

t.test('every way to start it hands Node the same flags', async (t) => {
  const read = (name: string) => readFileSync(resolve(ROOT, name), 'utf8')
  const { scripts } = JSON.parse(read('package.json'))
  const flagsIn = (text = '') => text.match(/--[a-z-]+(=\d+|-pretenuring)(?=[\s"]|$)/g)
  const flags = flagsIn(read('bin/line-braze.js').split('\n')[0])
  t.ok(flags?.length)
  t.strictSame(flagsIn(scripts.start), flags)
  t.strictSame(flagsIn(scripts.demo), flags)
  // The compiled code that the image brings along is for these flags, too.
  for (const start of [/^ENTRYPOINT .*$/m, /^RUN node .* demo .*$/m])
    t.strictSame(flagsIn(read('Dockerfile').match(start)?.[0]), flags)
  const units = read('docs/operations.md').match(/^ExecStart=.*$/gm)
  t.equal(units?.length, 2)
  for (const unit of units ?? []) t.strictSame(flagsIn(unit), flags)
})

t.test('every link to a file leads somewhere', async (t) => {
  const pages = [
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    ...readdirSync(resolve(ROOT, 'docs')).map((name) => `docs/${name}`),
  ]
  for (const page of pages.filter((name) => name.endsWith('.md'))) {
    const text = readFileSync(resolve(ROOT, page), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      t.ok(existsSync(resolve(ROOT, dirname(page), target)), `${page}: ${target}`)
    }
  }
})

t.test('no registry is named in the lock file', async (t) => {
  t.notMatch(readFileSync(resolve(ROOT, 'package-lock.json'), 'utf8'), /https?:\/\/[^"]*registry/)
})

t.test('the version is that of package.json', async (t) => {
  const { version } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8'))
  t.equal(createCli().version(), version)
})

t.test('.env.example has what is required, and nothing that is no setting', async (t) => {
  const example = Object.keys(parseEnv(readFileSync(resolve(ROOT, '.env.example'), 'utf8')))
  const settings = describeSettings()
  for (const { name, default: value } of settings)
    if (value === 'required') t.ok(example.includes(name), name)
  for (const name of example)
    t.ok(
      settings.some((setting) => setting.name === name),
      name,
    )
})

t.test('CONTRIBUTING names only scripts that there are', async (t) => {
  const { scripts } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8'))
  const text = readFileSync(resolve(ROOT, 'CONTRIBUTING.md'), 'utf8')
  const named = Array.from(text.matchAll(/npm run (\w+)/g), ([, name = '']) => name)
  t.ok(named.length > 5)
  for (const name of named) t.type(scripts[name], 'string', name)
})
