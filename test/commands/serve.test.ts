import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'
import t from 'tap'
import { openDatabase } from '../../src/ledger/sqlite/open.ts'
import { startCommand } from '../harness/command.ts'
import { ROOT, runCli } from '../harness/process.ts'
import { SECRET, stage } from '../harness/stage.ts'

/** Runs a command in this process, to its end. */
const run = (args: readonly string[], options: Parameters<typeof startCommand>[1] = {}) =>
  startCommand(args, options).ended

t.test('from a webhook to Braze and back, as people follow, block, return and write', async (t) => {
  const { braze, serve, delivered, line: connect } = await stage(t, { settleMs: 300, applyMs: [0, 50] })
  const server = await serve()
  const line = connect(server.url)
  const { follow, unfollow, message, user } = line.events
  const [friend, blocker, writer, returner] = [user(), user(), user(), user()]

  t.match(await line.post([follow(friend, 1_700_000_000_000), message(writer, 1_700_000_000_000)]), {
    status: 200,
  })
  t.match(await line.post([follow(blocker, 1_700_000_000_000), follow(returner, 1_700_000_000_000)]), {
    status: 200,
  })
  await braze.until(() =>
    [friend, blocker, writer, returner].every((userId) => braze.attribute(userId) === userId),
  )

  t.match(await line.post([unfollow(blocker, 1_700_000_001_000), unfollow(returner, 1_700_000_001_000)]), {
    status: 200,
  })
  await braze.until(() => [blocker, returner].every((userId) => braze.attribute(userId) === undefined))
  t.match(await line.post([follow(returner, 1_700_000_002_000)]), { status: 200 })
  await braze.until(() => braze.attribute(returner) === returner)
  await delivered()

  t.match(await server.health(), {
    status: 'ok',
    ledger: { friend: 2, messager: 1, gone: 1 },
    delivery: { state: 'delivering', reason: null, pending: 0, oldestPendingSeconds: 0, failed: 0 },
  })
  t.equal(braze.stats.objects, 7, 'one write for each flip')
  t.strictSame(await server.stop(), { code: 0, signal: null })
})

t.test('the log shows each webhook, and neither users, texts nor secrets', async (t) => {
  const { braze, env, serve, line: connect } = await stage(t)
  const server = await serve({ LOG_LEVEL: 'info' })
  const line = connect(server.url)
  const userId = line.events.user()
  await line.post([
    line.events.message(userId, Date.now(), { message: { type: 'text', text: 'a private text' } }),
  ])
  await line.post([line.events.follow(userId)], { signature: null })
  await braze.until(() => braze.attribute(userId) === userId)
  await server.stop()
  const log = JSON.stringify(server.lines)
  t.ok(
    server.lines.some(
      (entry) => entry.msg === 'webhook' && entry.outcome === 'accepted' && entry.events === 1,
    ),
  )
  t.ok(
    server.lines.some(
      (entry) => entry.msg === 'webhook' && entry.outcome === 'unsigned' && entry.signature === 'missing',
    ),
  )
  for (const secret of [userId, 'a private text', SECRET, env.BRAZE_API_KEY ?? ''])
    t.notOk(log.includes(secret))
})

t.test('user ids are logged at debug', async (t) => {
  const { braze, serve, line: connect } = await stage(t)
  const server = await serve({ LOG_LEVEL: 'debug' })
  const line = connect(server.url)
  const userId = line.events.user()
  await line.post([line.events.follow(userId)])
  await braze.until(() => braze.attribute(userId) === userId)
  t.match(await server.logged((entry) => JSON.stringify(entry).includes(userId)), { level: 'debug' })
})

t.test('SIGTERM finishes what is open, and gives the lease back', async (t) => {
  const { braze, serve, line: connect } = await stage(t, { latencyMs: 200 })
  const server = await serve()
  const line = connect(server.url)
  const userId = line.events.user()
  await line.post([line.events.follow(userId)])
  await braze.until(() => braze.stats.inFlight === 1)
  t.strictSame(await server.stop('SIGTERM'), { code: 0, signal: null })
  t.equal(braze.stats.accepted, 1, 'the request in flight was answered')
  const next = await serve()
  t.match(await next.health(), { delivery: { pending: 0 } }, 'and its answer was stored')
  await next.delivers()
  t.match((await next.health()).delivery, { state: 'delivering', reason: null }, 'at once')
})

t.test('SIGTERM to npm start stops the server, and npm ends with it', async (t) => {
  const { env } = await stage(t)
  const npm = spawn('npm', ['start', '--silent'], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: tmpdir(), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const group = -(npm.pid as number)
  t.teardown(() => {
    // Whoever is left of the group holds its number.
    if (isRunning(group)) process.kill(group, 'SIGKILL')
  })
  const log = createInterface({ input: npm.stderr })
  const closed = once(log, 'close')
  const lines: string[] = []
  const listens = new Promise<void>((resolve) => {
    log.on('line', (line) => {
      lines.push(line)
      if (line.includes('"listening"')) resolve()
    })
  })
  await listens
  npm.kill('SIGTERM')
  t.strictSame(await once(npm, 'exit'), [0, null])
  t.notOk(isRunning(group), 'nobody is left behind')
  await closed
  t.match(lines.at(-1), /"stopped"/)
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('SIGTERM does not wait for a sender that never finishes its request', async (t) => {
  const { serve } = await stage(t)
  const server = await serve({ BRAZE_TIMEOUT_MS: '10000' })
  await server.delivers()
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {})
  t.teardown(() => socket.destroy())
  await new Promise<void>((resolve) => {
    socket.write('POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\nhalf', () => resolve())
  })
  t.strictSame(await server.stop('SIGTERM'), { code: 0, signal: null })
  const next = await serve()
  await next.delivers()
  t.match((await next.health()).delivery, { state: 'delivering' }, 'the lease was given back')
})

t.test('SIGTERM ends it also where nobody reads its log', async (t) => {
  const { braze, serve, line: connect } = await stage(t, { applyMs: [0, 0] })
  const server = await serve({ LOG_LEVEL: 'debug' })
  const line = connect(server.url)
  server.ignoreLog()
  // At debug each names its users: more than any pipe holds.
  for (let sent = 0; sent < 150; sent++)
    await line.post(Array.from({ length: 200 }, () => line.events.follow(line.events.user())))
  await braze.until(() => braze.stats.objects === 150 * 200)
  t.strictSame(await server.stop('SIGTERM'), { code: 0, signal: null })
})

t.test('SIGTERM ends it also where its log has no reader any more', async (t) => {
  const { serve, line: connect } = await stage(t)
  const server = await serve()
  server.closeLog()
  t.match(await connect(server.url).post([]), { status: 200 })
  t.strictSame(await server.stop('SIGTERM'), { code: 0, signal: null })
})

t.test('closes everything else where something cannot be closed, and then fails', async (t) => {
  const { env, serve } = await stage(t)
  const server = await serve()
  await server.delivers()
  // Nobody can give a lease back now.
  const other = new Database((env.DATABASE_URL ?? '').replace('file:', ''))
  t.teardown(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  t.strictSame(await server.stop('SIGTERM'), { code: 1, signal: null })
  t.match(server.lines.slice(-2), [
    { level: 'error', msg: 'something did not close as it should', error: /database/ },
    { level: 'info', msg: 'stopped' },
  ])
})

t.test('10,000 events in one body, over kept-alive connections to Braze', async (t) => {
  const { braze, serve, delivered, line: connectLine } = await stage(t, { applyMs: [0, 0] })
  const server = await serve({ BODY_LIMIT_BYTES: '10000000' })
  const line = connectLine(server.url)
  const events = Array.from({ length: 10_000 }, () => line.events.follow(line.events.user()))
  t.match(await line.post([...events, { type: 7 } as never]), { status: 200 })
  await delivered()
  t.equal(braze.profiles, 10_000)
  t.ok(braze.stats.requests >= 10_000 / 75)
  t.ok(braze.stats.connections >= 1 && braze.stats.connections <= 8, `${braze.stats.connections} connections`)
  t.match((await server.health()).ledger, { friend: 10_000 })
})

t.test('a Braze that refuses is shown by health and metrics, and intake goes on', async (t) => {
  const { braze, serve, line: connect } = await stage(t)
  braze.setApiKey('another-key')
  const server = await serve()
  const line = connect(server.url)
  await line.post([line.events.follow(line.events.user())])
  await server.logged(({ msg }) => msg === 'delivery waits')
  t.match(await line.post([line.events.follow(line.events.user())]), { status: 200 })
  t.match(await server.health(), {
    status: 'degraded',
    delivery: { state: 'paused', reason: /401.*BRAZE_API_KEY.*BRAZE_REST_ENDPOINT/, pending: 2 },
  })
  t.match(await server.get('/health/ready'), { status: 200 })
  const { body } = await server.get('/metrics')
  t.match(body, 'line_braze_braze_requests_total{status="401"} 1')
  t.match(body, 'line_braze_pending{channel="default"} 2')
})

t.test('a database that cannot be used ends serve with one sentence', async (t) => {
  const { env, folder } = await stage(t)
  const refusal = async (url: string) => {
    const { code, stdout, stderr } = await run(['serve'], { env: { ...env, DATABASE_URL: url } })
    t.equal(code, 1)
    t.equal(stdout, '')
    t.equal(stderr.trim().split('\n').length, 1, stderr)
    return stderr
  }
  writeFileSync(join(folder, 'text.db'), 'this is no database at all\n'.repeat(50))
  t.match(await refusal(`file:${join(folder, 'text.db')}`), 'is no SQLite database')
  const newer = new Database(join(folder, 'newer.db'))
  newer.pragma('user_version = 99')
  newer.close()
  t.match(await refusal(`file:${join(folder, 'newer.db')}`), 'newer line-braze')
  const { db } = openDatabase(join(folder, 'corrupt.db'))
  const bytes = db.serialize()
  db.close()
  writeFileSync(join(folder, 'corrupt.db'), bytes.fill(0xff, 100, 3_000))
  t.match(await refusal(`file:${join(folder, 'corrupt.db')}`), /is damaged|is no SQLite database/)
  t.match(await refusal(`file:${folder}`), 'is a folder')
  // Linux lets nobody make a file there, root included.
  if (existsSync('/sys/kernel'))
    t.match(await refusal('file:/sys/kernel/line-braze.db'), /read-only|cannot be written/)
  if (process.getuid?.() !== 0) {
    mkdirSync(join(folder, 'locked'))
    chmodSync(join(folder, 'locked'), 0o500)
    t.match(await refusal(`file:${join(folder, 'locked', 'x.db')}`), 'cannot be written by this user')
  }
})

t.test('settings that are missing or wrong end with 2 and a line for each', async (t) => {
  const { env, folder } = await stage(t)
  const missing = await run(['serve'], { cwd: folder })
  t.match(missing, {
    code: 2,
    stdout: '',
    stderr: /^LINE_CHANNEL_SECRET is missing.*\nBRAZE_REST_ENDPOINT .*\nBRAZE_API_KEY .*\n$/,
  })
  t.match(await run(['serve'], { env: { ...env, PORT: 'x' } }), {
    code: 2,
    stderr: /^PORT is wrong; it must be a port.*\n$/,
  })
})

t.test('a port that is taken ends serve with one sentence', async (t) => {
  const { env, serve } = await stage(t)
  const { url } = await serve()
  const second = await run(['serve'], { env: { ...env, PORT: new URL(url).port } })
  t.match(second, {
    code: 1,
    stdout: '',
    stderr: /^Another program listens on port \d+ of 127\.0\.0\.1; .*\n$/,
  })
})

t.test('health and metrics at an address of their own', async (t) => {
  const { braze, serve, line: connectLine } = await stage(t)
  const server = await serve({ PRIVATE_PORT: '0' })
  const { privateUrl } = await server.logged(({ msg }) => msg === 'listening')
  t.match(privateUrl, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.not(privateUrl, server.url)
  const line = connectLine(server.url)
  const userId = line.events.user()
  t.match(await line.post([line.events.follow(userId)]), { status: 200 })
  await braze.until(() => braze.attribute(userId) === userId)
  for (const path of ['/health', '/health/live', '/health/ready', '/metrics']) {
    t.match(await server.get(path), { status: 404 }, `${path} is not where LINE can reach it`)
    t.equal((await fetch(`${privateUrl}${path}`)).status, 200, path)
  }
  const { status } = await connectLine(privateUrl as string).post([line.events.follow(userId)])
  t.equal(status, 404, 'and webhooks are taken at their own address only')
  t.match(await (await fetch(`${privateUrl}/metrics`)).text(), 'outcome="accepted"} 1')
  const idle = connect(Number(new URL(privateUrl as string).port), '127.0.0.1').on('error', () => {})
  await once(idle, 'connect')
  const [closed, ended] = [once(idle, 'close'), server.stop()]
  t.strictSame(await ended, { code: 0, signal: null })
  await closed
})

t.test('a private port that is taken ends serve with one sentence, and leaves nothing open', async (t) => {
  const { env, serve } = await stage(t)
  const { url } = await serve()
  const second = await runCli(['serve'], { env: { ...env, PRIVATE_PORT: new URL(url).port } })
  t.match(second, {
    code: 1,
    stdout: '',
    stderr: /^Another program listens on port \d+ .*set PRIVATE_PORT\.\n$/,
  })
})

t.test('settings from files and .env', async (t) => {
  const { env, folder } = await stage(t)
  writeFileSync(join(folder, 'secret'), `${SECRET}\n`)
  const { LINE_CHANNEL_SECRET: _, PORT: __, ...others } = env
  writeFileSync(join(folder, '.env'), 'PORT=70000\nBRAZE_API_KEY=key\n')
  const ended = await run(['serve'], {
    cwd: folder,
    env: { ...others, BRAZE_API_KEY: '', LINE_CHANNEL_SECRET_FILE: join(folder, 'secret') },
  })
  t.match(ended, { code: 2, stderr: /^BRAZE_API_KEY is missing.*\nPORT is "70000".*\n$/ })
})

t.test('serve warns of settings that are probably wrong, and starts', async (t) => {
  const { serve } = await stage(t)
  const secret = 'not-a-channel-secret'
  const server = await serve({ BRAZE_REST_ENDPOINT: 'http://name.invalid', LINE_CHANNEL_SECRET: secret })
  const warnings = server.lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg)
  t.match(warnings, [/^LINE_CHANNEL_SECRET: .* is not 32 /, /^BRAZE_REST_ENDPOINT .*https:/])
  t.notMatch(warnings.join(), secret)
})

t.test('a secret as HOST is not printed', async (t) => {
  const { env } = await stage(t)
  const HOST = '8c570fa6-dd20-1bb3-28f1-c1eac23a96d8'
  const ended = await run(['serve'], { env: { ...env, HOST } })
  t.match(ended, { code: 1, stderr: /Cannot listen on port 0 of HOST; set HOST and PORT/ })
  t.notMatch(ended.stderr, HOST)
})

t.test('migrate', async (t) => {
  const { env, folder } = await stage(t)
  const first = await runCli(['migrate', '--json'], { env: { DATABASE_URL: env.DATABASE_URL ?? '' } })
  t.match(first, { code: 0, stderr: '' })
  t.match(JSON.parse(first.stdout), { status: 'complete', migrated: ['0001_contacts.sql'] })
  t.match(await run(['migrate'], { env }), { code: 0, stdout: 'The database is up to date.\n' })
  t.equal(statSync(join(folder, 'data', 'ledger.db')).mode & 0o777, 0o600)
  writeFileSync(join(folder, 'text.db'), 'this is no database at all\n'.repeat(50))
  const failed = await run(['migrate', '--json'], {
    env: { DATABASE_URL: `file:${join(folder, 'text.db')}` },
  })
  t.match(failed, {
    code: 1,
    stdout: '{"status":"failed"}\n',
    stderr: /^The database .* is no SQLite database.*\n$/,
  })
})

t.test('--help and usage', async (t) => {
  const help = await runCli(['--help'])
  t.match(help, { code: 0, stderr: '' })
  for (const command of ['serve', 'migrate']) {
    t.match(help.stdout, command)
    t.match(await run([command, '--help']), { code: 0, stdout: /DATABASE_URL/, stderr: '' })
  }
  t.match(await run([]), { code: 2 })
  t.match(await run(['nonsense']), { code: 2, stderr: /unknown command 'nonsense'/ })
  t.match(await run(['serve', '--nonsense']), { code: 2, stderr: /unknown option '--nonsense'/ })
  const npx = spawn('npx', ['line-braze', '--help'], { cwd: ROOT })
  t.strictSame(await once(npx, 'close'), [0, null], 'npx line-braze --help, in a checkout')
})

t.test('a Node that is too old is told so in a sentence', async (t) => {
  const pretend = "data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'20.20.2'}})"
  const old = await runCli(['serve'], { env: { NODE_OPTIONS: `--import=${pretend}` } })
  t.match(old, {
    code: 1,
    stdout: '',
    stderr: /^line-braze needs Node\.js 22\.19 or newer, and this is 20\.20\.2\..*\n$/,
  })
})
