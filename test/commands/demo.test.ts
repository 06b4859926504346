import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import t, { type Test } from 'tap'
import { judge } from '../../src/commands/demo/compare.ts'
import { frameOf, lineOf } from '../../src/commands/demo/frame.ts'
import { describe } from '../../src/commands/demo/report.ts'
import { createDisplay } from '../../src/commands/display.ts'
import { startBrazeSandbox } from '../../src/sandbox/braze.ts'
import type { Truth } from '../../src/sandbox/line.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/line-braze.js', import.meta.url))

/** Runs the demo in a folder of its own that is also the one for temporary files. */
function startDemo(t: Test, args: string[], env: Record<string, string> = {}) {
  const directory = t.testdir({ tmp: {} })
  writeFileSync(`${directory}/.env`, 'PORT=nonsense\nBRAZE_REST_ENDPOINT=nonsense\n')
  const child = spawn(process.execPath, [PROGRAM, 'demo', ...args], {
    cwd: directory,
    env: { PATH: process.env.PATH, TMPDIR: `${directory}/tmp`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const out = collect(child.stdout)
  const err = collect(child.stderr)
  const ended = once(child, 'close')

  return {
    child,
    out,
    err,
    async end() {
      const [code] = await ended
      return { code, stdout: out.text(), stderr: err.text(), leftBehind: readdirSync(`${directory}/tmp`) }
    },
    /** The server's URL, and its process id. */
    async server() {
      const pid = Number((await err.find(/as process (\d+)/))[1])
      const [, url] = await err.find(/health +(\S+)\/health/)
      return { pid, url: url as string }
    },
  }
}

/** Lines as they come. */
function collect(stream: NodeJS.ReadableStream) {
  const lines: string[] = []
  const news = createInterface({ input: stream })
  let isOver = false
  news.on('line', (line) => lines.push(line))
  news.once('close', () => {
    isOver = true
    news.emit('line', '')
  })
  return {
    text: () => lines.join('\n').trimEnd(),
    /** The first match in a line that came or comes. */
    async find(pattern: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const match = lines.map((line) => pattern.exec(line)).find((found) => found !== null)
        if (match) return match
        if (isOver) throw new Error(`no ${pattern} in:\n${lines.join('\n')}`)
        await once(news, 'line')
      }
    },
  }
}

async function isServing(url: string): Promise<boolean> {
  return fetch(`${url}/health/live`).then(
    ({ ok }) => ok,
    () => false,
  )
}

const lastLine = (text: string) => JSON.parse(text.split('\n').at(-1) as string)

t.test('plays, compares, tidies up and says so as JSON, whatever the settings around it', async (t) => {
  const demo = startDemo(t, ['--people', '60', '--json'], {
    LINE_CHANNEL_SECRET: ',',
    DATABASE_URL: 'nonsense',
  })
  const { url } = await demo.server()
  const { code, stdout, stderr, leftBehind } = await demo.end()
  t.equal(code, 0, stderr)
  const result = lastLine(stdout)
  t.match(result, {
    status: 'agree',
    people: 60,
    agree: 60,
    differ: 0,
    intruders: 0,
    violations: 0,
    retries: 0,
  })
  t.ok(result.events > 180 && result.webhooks > 60 && result.duplicates > 0 && result.redeliveries > 0)
  t.ok(result.reachable > 0 && result.objects >= result.reachable)
  t.strictSame(leftBehind, [])
  t.notOk(await isServing(url), 'the server is gone')
})

t.test('goes through an outage, and prints a table and a sentence for people', async (t) => {
  const demo = startDemo(t, ['--people', '400'])
  const { code, stdout, stderr, leftBehind } = await demo.end()
  t.equal(code, 0, stderr)
  t.match(stdout, /people +400/)
  t.match(stdout, /Braze requests +\d+ +[1-9]\d* failed/)
  t.match(stdout, /agree +400\n +differ +0\n/)
  t.match(stdout, /^Both ends agree: .+\.$/m)
  t.match(stderr, /Braze goes down.+Braze is back/s)
  t.match(stderr, /health +http:\/\/127\.0\.0\.1:\d+\/health\n +metrics +http:\/\/127\.0\.0\.1:\d+\/metrics/)
  t.equal(stderr, stripVTControlCharacters(stderr), 'plain lines without a terminal')
  t.strictSame(leftBehind, [])
})

t.test('a wrong option is a usage error', async (t) => {
  for (const args of [
    ['--people', '0'],
    ['--people', '1e3'],
    ['--poeple', '3'],
  ]) {
    const { code, stdout, stderr, leftBehind } = await startDemo(t, args).end()
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /^error: /)
    t.strictSame(leftBehind, [])
  }
})

t.test('Ctrl-C ends it at any time', async (t) => {
  const demo = startDemo(t, ['--json'])
  const { url } = await demo.server()
  await demo.err.find(/Braze goes down/)
  demo.child.kill('SIGINT')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.strictSame(lastLine(stdout), { status: 'interrupted' })
  t.strictSame(leftBehind, [])
  t.notOk(await isServing(url), 'the server is gone')
})

t.test('is interrupted before the server listens', async (t) => {
  const demo = startDemo(t, [])
  await demo.err.find(/Starting/)
  demo.child.kill('SIGTERM')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.equal(stdout, '')
  t.strictSame(leftBehind, [])
})

t.test('--keep goes on, with traffic, until it is ended', async (t) => {
  const demo = startDemo(t, ['--people', '20', '--keep', '--json'])
  const { url } = await demo.server()
  const [text] = await demo.out.find(/^\{.*\}$/)
  const { status, webhooks } = JSON.parse(text)
  t.equal(status, 'agree')
  const [, database = ''] = await demo.err.find(/database +(\S+)/)
  await demo.err.find(/Ctrl-C/)
  t.ok(readdirSync(database.replace(/[^/]+$/, '')).includes('line-braze.db'))
  for (let accepted = 0; accepted <= webhooks; ) {
    const metrics = await fetch(`${url}/metrics`).then((answer) => answer.text())
    accepted = Number(/webhooks_total\{[^}]*accepted[^}]*\} (\d+)/.exec(metrics)?.[1])
  }
  demo.child.kill('SIGTERM')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.equal(stdout, text, 'the result stays the last line')
  t.strictSame(leftBehind, [])
  t.notOk(await isServing(url), 'the server is gone')
})

t.test('a server that dies ends it, with the last words of the server', async (t) => {
  const demo = startDemo(t, ['--json'])
  const { pid } = await demo.server()
  await demo.err.find(/acknowledged/)
  process.kill(pid, 'SIGKILL')
  const { code, stdout, stderr, leftBehind } = await demo.end()
  t.equal(code, 1)
  t.match(stderr, /^The server ended by itself \(SIGKILL\)\.\n\{.*"msg":"webhook"\}$/m)
  t.strictSame(lastLine(stdout), { status: 'failed' })
  t.strictSame(leftBehind, [])
})

t.test('says what differs', async (t) => {
  const braze = await startBrazeSandbox()
  t.teardown(braze.close)
  const expected = new Map<string, Truth>([
    ['U1', 'reachable'],
    ['U2', 'reachable'],
    ['U3', 'reachable'],
    ['U4', 'gone'],
    ['U5', 'gone'],
    ['U6', 'gone'],
  ])
  const traffic = {
    bodies: function* () {},
    expected: () => expected,
    bystanders: () => new Set(['U7', 'U8']),
  }
  braze.createProfile('U1', { line_id: 'U1' })
  braze.createProfile('U5')
  const lacking = judge(traffic, braze)
  t.match(lacking, { isGood: false, agree: 4, atBraze: 1, lacking: ['U2', 'U3'], stale: [], intruders: [] })
  t.equal(
    describe(lacking),
    'Not as it should be: 2 people who can be reached and whose LINE id Braze lacks (first: U2).',
  )

  braze.createProfile('U2', { line_id: 'U1' })
  braze.createProfile('U3', { line_id: 'U3' })
  braze.createProfile('U6', { line_id: 'U6' })
  braze.createProfile('U8')
  const all = judge(traffic, braze)
  t.match(all, { isGood: false, agree: 4, lacking: ['U2'], stale: ['U6'], intruders: ['U8'] })
  t.match(
    describe(all),
    /^[^\n]*lacks \(first: U2\); [^\n]*still has \(first: U6\); [^\n]*profile at Braze \(first: U8\)\.$/,
  )

  const rude = { ...all, lacking: [], stale: [], intruders: [], violations: ['76 objects in one request'] }
  t.match(describe(rude), /76 objects in one request/)
})

t.test('redraws its numbers in place on a terminal, within 80 columns', async (t) => {
  let written = ''
  const terminal = {
    isTTY: true,
    write(text: string) {
      written += text
      return true
    },
  }
  const display = createDisplay(terminal as never, { lineMs: 1_000, hasStamps: true })
  const counts = {
    webhooks: 99_999,
    acknowledged: 99_999,
    retries: 0,
    events: 99_999,
    duplicates: 0,
    redeliveries: 0,
  }
  const progress = {
    counts,
    webhooks: 100_000,
    delivery: { state: 'delivering', reason: null, pending: 99_999 },
    brazeIsUp: false,
    requests: 99_999,
    failedRequests: 99_999,
    people: 99_999,
    reachable: 99_999,
    atBraze: 99_999,
    agree: 99_999,
    lacking: [],
    stale: [],
  }
  display.show({ frame: () => frameOf(progress), line: () => lineOf(progress) })
  const frame = written
  const height = frame.split('\n').length - 1
  display.say('Something happens.')
  display.end()
  const rest = written.slice(frame.length)
  t.equal(rest.split(`\x1b[${height}A\r\x1b[J`).length, 3, 'each drawing first erases the one before')
  t.match(rest, /Something happens\./)
  for (const line of stripVTControlCharacters(written).split('\n')) t.ok(line.length <= 80, line)
})
