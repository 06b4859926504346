import { type ChildProcess, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import t, { type Test } from 'tap'
import { describeSettings } from '../../src/config/settings.ts'
import { freePort } from '../harness/ports.ts'
import { runCli, spawnNode } from '../harness/process.ts'

const BIN = resolve(import.meta.dirname, '../../bin/line-braze.js')
const FREE = ['--line-port', '0', '--braze-port', '0']
const hasCurl = spawnSync('curl', ['--version']).status === 0

/** What a stream says, as it comes. */
function listen(stream: NodeJS.ReadableStream) {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  return {
    text: () => text,
    /** The first match, already there or yet to come. */
    async find(pattern: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const match = pattern.exec(text)
        if (match) return match
        if (!stream.readable) throw new Error(`no ${pattern} in:\n${text}`)
        const heard = new AbortController()
        await Promise.race([once(stream, 'data', heard), once(stream, 'close', heard)])
        heard.abort()
      }
    },
  }
}

/** Starts a command in a folder, with what is there for its settings. */
function start(t: Test, args: readonly string[], cwd: string) {
  const child: ChildProcess = spawnNode([BIN, ...args], {
    cwd,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const [out, err] = [child.stdout, child.stderr].map((stream) => listen(stream as NodeJS.ReadableStream))
  return {
    out: out as ReturnType<typeof listen>,
    err: err as ReturnType<typeof listen>,
    /** Ends it, and says with which code. */
    async stop(signal: NodeJS.Signals) {
      child.kill(signal)
      return (await ended)[0]
    },
  }
}

async function taken(t: Test): Promise<{ port: number; free: () => Promise<unknown> }> {
  const server = createServer().listen(await freePort(), '127.0.0.1')
  await once(server, 'listening')
  const free = () => new Promise((done) => server.close(done))
  t.teardown(() => server.listening && free())
  return { port: (server.address() as AddressInfo).port, free }
}

const settingsIn = (text: string) => (text.match(/^[A-Z_]+=.*$/gm) ?? []).join('\n')
const curlsIn = (text: string) => text.match(/^(LINK_TOKEN=\$\()?curl(.*\\\n)*.*$/gm) ?? []

t.test(
  'who has curl plays with what is printed',
  { skip: !hasCurl && 'there is no curl here' },
  async (t) => {
    const folder = t.testdir()
    const { port, free } = await taken(t)
    const sandbox = start(t, ['sandbox', ...FREE, '--server-port', String(port)], folder)
    await sandbox.out.find(/until Ctrl-C/)
    const printed = sandbox.out.text()
    const env = parseEnv(settingsIn(printed))
    for (const { name, default: value } of describeSettings()) if (value === 'required') t.ok(env[name], name)
    writeFileSync(`${folder}/.env`, settingsIn(printed))

    await free()
    const server = start(t, ['serve'], folder)
    await server.err.find(/"listening"/)
    const doctor = await runCli(['doctor', '--webhook-test'], { cwd: folder })
    t.match(doctor, { code: 0, stdout: /^ok +line\.webhook_test +LINE has posted a webhook/m })
    t.notMatch(doctor.stdout, /^wrong/m)
    const curls = curlsIn(printed)
    t.equal(curls.length, 8)
    const [
      follow = '',
      link = '',
      unlink = '',
      unfollow = '',
      linkToken = '',
      offer = '',
      logIn = '',
      register = '',
    ] = curls
    const [userId] = /U[0-9a-f]{32}(?=")/.exec(follow.split('userId')[1] ?? '') ?? []
    const run = (command: string) =>
      spawnSync('sh', ['-c', command], { encoding: 'utf8', cwd: folder }).stdout
    const done = (who: string | undefined, what: string, times = 1) =>
      sandbox.err.find(new RegExp(`(^Braze  201  ${who} line_id ${what}$[^]*){${times}}`, 'm'))
    t.equal(run(follow), '{}')
    await done(userId, 'set')
    t.match(JSON.parse(run(link)), { userId, externalId: 'customer-1' })
    await done(userId, 'cleared')
    await done('customer-1', 'set')
    t.match(JSON.parse(run(unlink)), { userId, externalId: null })
    await done('customer-1', 'cleared')
    await done(userId, 'set', 2)
    t.equal(run(unfollow), '{}')
    await done(userId, 'cleared', 2)

    const backfill = await runCli(['backfill', '--json'], { cwd: folder })
    t.match(JSON.parse(backfill.stdout.trim().split('\n').at(-1) as string), { listed: 25, delivered: 25 })
    t.match(sandbox.err.text(), /^LINE {3}200 {2}GET \/v2\/bot\/followers\/ids$/m)
    const { url } = JSON.parse(run(`${linkToken}\n${offer}`))
    t.equal((await fetch(url)).status, 200, 'the person opens it, and agrees')
    await sandbox.err.find(/^LINE {3}200 {2}the server took the webhook accountLink$/m)
    await done('customer-2', 'set')
    t.match(JSON.parse(run(logIn)), { externalId: 'customer-3' })
    await done('customer-3', 'set')
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }
    writeFileSync(`${folder}/public.jwk`, JSON.stringify(jwk))
    t.match(JSON.parse(run(register)), { kid: String })
    t.equal((await runCli(['verify'], { cwd: folder })).code, 0)
    await sandbox.err.find(/^Braze {2}200 {2}POST \/users\/export\/ids$/m)
    t.equal(await server.stop('SIGTERM'), 0)
    t.equal(await sandbox.stop('SIGTERM'), 0)
    t.notMatch(sandbox.err.text(), /against the rules/)
    for (const name of ['LINE_CHANNEL_SECRET', 'LINE_CHANNEL_ACCESS_TOKEN', 'BRAZE_API_KEY', 'API_TOKENS'])
      t.notOk(sandbox.err.text().includes(env[name] as string), name)
  },
)

t.test('shows who breaks the rules, and what is wrong, in lines that move no cursor', async (t) => {
  const sandbox = start(t, ['sandbox', ...FREE], t.testdir())
  await sandbox.out.find(/until Ctrl-C/)
  const { BRAZE_REST_ENDPOINT, BRAZE_API_KEY, LINE_API_BASE_URL } = parseEnv(settingsIn(sandbox.out.text()))
  const post = (body: unknown, key = BRAZE_API_KEY) =>
    fetch(`${BRAZE_REST_ENDPOINT}/users/track`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    })
  const user_alias = { alias_name: 'U1', alias_label: 'line_id' }
  await post({ attributes: [{ user_alias, 'line\u001b[2J': 'x' }, 'nonsense'] })
  await sandbox.err.find(/^Braze {2}201 {2}U1 line\?\[2J set$/m)
  await sandbox.err.find(/^Braze {2}201 {2}an object that is wrong: /m)
  await sandbox.err.find(/^Braze {2}201 {2}against the rules: an object did not say _update_existing_only$/m)
  await post({}, 'wrong')
  await sandbox.err.find(/^Braze {2}401 {2}a request without attribute objects$/m)
  await fetch(`${LINE_API_BASE_URL}/v2/bot/info`)
  await sandbox.err.find(/^LINE {3}401 {2}GET \/v2\/bot\/info$/m)
  t.equal(await sandbox.stop('SIGINT'), 0)
})

t.test('its .env stays true, but for free ports; each time somebody else follows', async (t) => {
  const texts: string[] = []
  for (let time = 0; time < 2; time++) {
    const sandbox = start(t, ['sandbox', ...FREE], t.testdir())
    await sandbox.out.find(/until Ctrl-C/)
    texts.push(sandbox.out.text())
    t.equal(await sandbox.stop('SIGTERM'), 0)
  }
  const [first, second] = texts.map((text) => settingsIn(text).replaceAll(/:\d+$/gm, ':port'))
  t.equal(first, second)
  const [one, other] = texts.map((text) => curlsIn(text)[0])
  t.not(one, other)
})

t.test('a port that is taken, and one that is none', async (t) => {
  const { port } = await taken(t)
  for (const [option, other] of [
    ['--line-port', '--braze-port'],
    ['--braze-port', '--line-port'],
  ] as const) {
    const { code, stdout, stderr } = await runCli(['sandbox', option, String(port), other, '0'])
    t.strictSame([code, stdout], [1, ''])
    t.equal(
      stderr,
      `Another program listens on port ${port}; end it, or choose another port with ${option}.\n`,
    )
  }
  for (const text of ['x', '-1', '65536', '1e3']) {
    const { code, stderr } = await runCli(['sandbox', '--line-port', text])
    t.equal(code, 2)
    t.match(stderr, /must be a port from 0 to 65535/)
  }
})
