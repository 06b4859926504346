import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { parseEnv } from 'node:util'
import t from 'tap'
import { commandsOf, REFERENCE, withTables } from '../docs/tables.ts'
import { createCli } from '../src/cli.ts'
import { describeSettings } from '../src/config/settings.ts'
import { METRICS } from '../src/http/metrics.ts'
import { spawnNode } from './harness/process.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (name: string) => readFileSync(resolve(ROOT, name), 'utf8')
const readme = read('README.md')
const { scripts, version } = JSON.parse(read('package.json'))
const settings = describeSettings()

/** Every page for people, by its path. The change log names what there was. */
const pages = new Map(
  [...readdirSync(ROOT), ...readdirSync(resolve(ROOT, 'docs')).map((name) => `docs/${name}`)]
    .filter((name) => name.endsWith('.md'))
    .map((name) => [name, read(name)]),
)
const ofToday = [...pages].filter(([page]) => page !== 'CHANGELOG.md')

t.test('the tables of the reference are what the code defines; npm run docs writes them', async (t) => {
  const reference = readFileSync(REFERENCE, 'utf8')
  t.equal(withTables(reference), reference)
})

t.test('the two commands are those that package.json and CI run', async (t) => {
  for (const script of ['demo', 'test']) {
    t.match(readme, script === 'test' ? 'npm ci && npm test' : 'npm ci && npm run demo')
    t.type(scripts[script], 'string')
  }
  t.match(read('.ci/run'), '\n(npm ci && npm test) 2>&1 | tee ')
})

t.test('every way to start it hands Node the same flags, and the allocator the same limits', async (t) => {
  const flagsIn = (text = '') => text.match(/--[a-z-]+(=\d+|-pretenuring)(?=[\s"]|$)/g)
  const flags = flagsIn(read('bin/line-braze.js').split('\n')[0])
  t.ok(flags?.length)
  t.strictSame(flagsIn(scripts.start), flags)
  t.strictSame(flagsIn(scripts.demo), flags)
  // The compiled code that the image brings along is for these flags, too.
  for (const start of [/^ENTRYPOINT .*$/m, /^RUN node .* demo .*$/m])
    t.strictSame(flagsIn(read('Dockerfile').match(start)?.[0]), flags)
  const units = readdirSync(resolve(ROOT, 'deploy')).filter((name) => name.endsWith('.service'))
  t.equal(units.length, 2)
  for (const unit of units) t.strictSame(flagsIn(read(`deploy/${unit}`).match(/^ExecStart=.*$/m)?.[0]), flags)

  const allocatorIn = (text = '') => text.match(/MALLOC_[A-Z_]+=\d+/g)
  const allocator = allocatorIn(read('bin/line-braze.js').split('\n')[0])
  t.equal(allocator?.length, 2)
  t.strictSame(allocatorIn(scripts.start), allocator)
  t.strictSame(allocatorIn(read('Dockerfile')), allocator)
  for (const unit of units)
    t.strictSame(allocatorIn(read(`deploy/${unit}`).match(/^Environment=.*$/m)?.[0]), allocator)
})

/** The anchors that a page's headings get, as GitHub and others make them. */
const anchorsOf = (text: string) =>
  Array.from(text.replaceAll(/^```.*?^```/gms, '').matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  )

t.test('every link between pages leads somewhere, to its heading', async (t) => {
  let links = 0
  for (const [page, text] of pages) {
    for (const [, target = '', anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      links += 1
      const path = target === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), target))
      t.ok(existsSync(resolve(ROOT, path)), `${page}: ${target}`)
      if (anchor !== undefined)
        t.ok(anchorsOf(pages.get(path) ?? '').includes(anchor), `${page}: ${target}#${anchor}`)
    }
  }
  t.ok(links > 20)
})

/** All that matches in the pages of today, with the page where it stands. */
const named = (pattern: RegExp) =>
  ofToday.flatMap(([page, text]) =>
    Array.from(text.matchAll(pattern), ([whole, name = whole]) => ({ page, name })),
  )

t.test('every file and folder that the pages name is there', async (t) => {
  const paths = named(/`((?:\.ci|src|test|bench|docs|bin|deploy|migrations)\/[^`\s]*)`/g)
  t.ok(paths.length > 20)
  for (const { page, name } of paths) t.ok(existsSync(resolve(ROOT, name)), `${page}: ${name}`)
})

t.test('the pages name only settings that there are', async (t) => {
  const known = settings.map(({ name }) => name as string)
  for (const { page, name } of named(/\b(?:LINE|BRAZE|PRIVATE|DATABASE|BODY|LOG|API|MESSAGER)_[A-Z_]+\b/g))
    t.ok(known.includes(name) || known.includes(name.replace(/_FILE$/, '')), `${page}: ${name}`)
})

t.test('the pages name only metrics that there are', async (t) => {
  const known: string[] = Object.values(METRICS).map(({ name }) => name)
  for (const { page, name } of named(/\bline_braze_\w+/g)) t.ok(known.includes(name), `${page}: ${name}`)
})

t.test('the pages name only commands, options and scripts that there are', async (t) => {
  const cli = createCli()
  const commands = commandsOf(cli).map(([, command]) => command)
  const names = cli.commands.map((command) => command.name())
  for (const { page, name } of named(/npx line-braze\s([a-z]+)/g))
    t.ok(names.includes(name), `${page}: ${name}`)
  // Of decisions that are about Node and npm, options are theirs.
  const options = commands.flatMap((command) => command.options.map(({ long }) => long))
  for (const { page, name } of named(/`(--[a-z-]+)`/g).filter(({ page }) => page !== 'docs/decisions.md'))
    t.ok([...options, '--help', '--version'].includes(name), `${page}: ${name}`)
  const used = named(/npm run ([\w-]+)/g)
  t.ok(used.length > 5)
  for (const { page, name } of used) t.type(scripts[name], 'string', `${page}: ${name}`)
})

t.test('docs/sources.md has every page that a comment names as its source, by tag or address', async (t) => {
  const files = readdirSync(resolve(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  const comments = files
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [name, read(`src/${name}`)] as const)
  const tags = comments.flatMap(([name, text]) =>
    Array.from(text.matchAll(/(?:\/\/|\*).*?\[([A-Z]{2,})\]/g), ([, tag]) => ({ name, tag })),
  )
  t.ok(tags.length > 10)
  for (const { name, tag } of tags) t.match(pages.get('docs/sources.md'), `| [${tag}] |`, `${name}: ${tag}`)
  const address = /\b(?:developers\.line\.biz|braze\.com\/docs)\/[\w/-]*[\w-]/g
  const addresses = comments.flatMap(([name, text]) =>
    (text.match(address) ?? []).map((page) => ({ name, page })),
  )
  t.ok(addresses.length > 5)
  for (const { name, page } of addresses) t.match(pages.get('docs/sources.md'), page, `${name}: ${page}`)
})

t.test('no registry is named in the lock file', async (t) => {
  t.notMatch(read('package-lock.json'), /https?:\/\/[^"]*registry/)
})

t.test('the version is that of package.json', async (t) => {
  t.equal(createCli().version(), version)
})

t.test('.env.example has what is required, and nothing that is no setting', async (t) => {
  const example = Object.keys(parseEnv(read('.env.example')))
  for (const { name, default: value } of settings)
    if (value === 'required') t.ok(example.includes(name), name)
  for (const name of example)
    t.ok(
      settings.some((setting) => setting.name === name),
      name,
    )
})

t.test('npm run dev serves, and anew when a file changes', async (t) => {
  const [program, ...args] = scripts.dev.split(' ')
  t.equal(program, 'node')
  // In a folder of its own, so that nobody's file is touched: the code is the same.
  const folder = t.testdir({ src: { 'file.ts': '' }, bin: t.fixture('symlink', resolve(ROOT, 'bin')) })
  const child = spawnNode(args, {
    cwd: folder,
    env: {
      LINE_CHANNEL_SECRET: 'a',
      BRAZE_REST_ENDPOINT: 'http://127.0.0.1:9',
      BRAZE_API_KEY: 'a',
      HOST: '127.0.0.1',
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill()
    await ended
  })
  const urls: string[] = []
  const { promise: servedTwice, resolve: twice, reject } = Promise.withResolvers<void>()
  function hear(line: string) {
    if (/"fatal"|^Failed running|Error/.test(line)) reject(new Error(line))
    if (!line.includes('"listening"')) return
    if (urls.push(JSON.parse(line).url) === 2) twice()
    else writeFileSync(`${folder}/src/file.ts`, 'export {}')
  }
  for (const input of [child.stdout, child.stderr])
    createInterface({ input: input as Readable }).on('line', hear)
  await servedTwice
  t.not(urls[0], urls[1])
})
