import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import about from '../../package.json' with { type: 'json' }
import { DELIVERY_LEASE } from '../../src/ledger/ledger.ts'
import { newKeyPair } from '../../src/token/key-pair.ts'
import { stageChannels } from '../harness/channels.ts'
import type { CommandOptions } from '../harness/command.ts'
import type { Env } from '../harness/process.ts'
import { lastLine, SECRET, stage } from '../harness/stage.ts'

interface Line {
  readonly name: string
  readonly channel?: string
  readonly status: string
  readonly message: string
}

const GIB = 2 ** 30
/** As Linux says it of ext4. */
const LOCAL = { type: 0xef53, bavail: 500 * GIB, bsize: 1 }

/** Whether a check has the status, and its message fits. */
type Expected = Readonly<Record<string, readonly [status: string, message?: RegExp | string]>>

/** A Braze, a LINE whose webhook URL is ours, and a database that a server has worked with. */
async function setUp(t: Test) {
  const parts = await stage(t, { applyMs: [0, 0] })
  const { line, env: staged } = await parts.lineApi({ channelSecret: SECRET })
  // Whatever has to be waited for to its end says so.
  const env = { ...staged, LINE_TIMEOUT_MS: '10000', BRAZE_TIMEOUT_MS: '10000' }
  line.setWebhook('https://your.host/webhook')
  const ledger = await parts.ledger()
  await ledger.claimAccount('default', line.destination, false)
  const sleep = () => new Promise(setImmediate)
  const statfs = async () => LOCAL
  const start = (args: readonly string[] = [], more: Env = {}, options: CommandOptions = {}) =>
    parts.command(['doctor', ...args], { ...env, ...more }, { sleep, statfs, ...options }).ended

  async function examine(args: readonly string[] = [], more: Env = {}, options: CommandOptions = {}) {
    const ended = await start([...args, '--json'], more, options)
    const { status, checks } = lastLine(ended.stdout) as { status: string; checks: Line[] }
    return { ...ended, status, checks }
  }

  return {
    ...parts,
    line,
    env,
    ledger,
    start,
    examine,
    /** Examines, and holds what is said against what is expected; all other checks are as in a set-up that is right. */
    async expect(
      t: Test,
      expected: Expected,
      more: Env = {},
      args: readonly string[] = [],
      options: CommandOptions = {},
    ) {
      const { checks, code, status, stdout, stderr } = await examine(args, more, options)
      for (const [name, [wanted, message]] of Object.entries(expected)) {
        const found = checks.filter((check) => check.name === name)
        const fits = found.find(
          (check) => check.status === wanted && (!message || check.message.match(message)),
        )
        t.ok(fits, `${name} is ${wanted}`, { found, message: String(message) })
      }
      const rest = checks.filter(({ name }) => !(name in expected) && !(name in WITHOUT_SERVER))
      t.strictSame(
        rest.filter(({ status }) => status !== 'ok'),
        [],
        'nothing else is wrong',
      )
      const isWrong = checks.some(({ status }) => status === 'wrong')
      t.equal(code, isWrong ? 1 : 0)
      t.equal(status, isWrong ? 'wrong' : 'ok')
      for (const secret of [SECRET, line.token, parts.braze.apiKey, line.destination])
        t.notMatch(stdout + stderr, secret, 'no secret is printed')
      return checks
    },
  }
}

/** What is said of a server where PORT is 0, and nobody delivers. */
const WITHOUT_SERVER: Expected = {
  server: ['not checked'],
  'server.version': ['not checked'],
  'server.lease': ['warning'],
}

const unknown = (...names: string[]): Expected =>
  Object.fromEntries(names.map((name) => [name, ['not checked']]))

t.test('healthy, beside a running server, with a webhook that LINE posts; nothing is changed', async (t) => {
  const { serve, line, braze, env, start, examine, folder } = await setUp(t)
  const server = await serve(env)
  await server.delivers()
  line.setWebhook(`${server.url}/webhook`)
  const [PORT, before] = [new URL(server.url).port, contentsOf(braze)]
  const { code, status, checks, stderr } = await examine(['--webhook-test', '--url', server.url], { PORT })
  t.strictSame(
    checks.filter(({ status }) => status !== 'ok'),
    [],
  )
  t.equal(code, 0, stderr)
  t.equal(status, 'ok')
  t.strictSame(
    checks.map(({ name }) => name),
    [
      'settings',
      'database',
      'database.disk',
      'clock',
      'line',
      'line.token',
      'line.secret',
      'line.account',
      'line.webhook',
      'line.webhook_test',
      'line.followers',
      'braze',
      'braze.key',
      'braze.users.track',
      'braze.users.export.ids',
      'braze.users.delete',
      'braze.segments.data_series',
      'server',
      'server.version',
      'server.lease',
    ],
  )
  t.ok(
    checks.every((check) => Object.keys(check).join() === 'name,status,message'),
    'as the contract has it',
  )
  await server.logged(({ msg, outcome }) => msg === 'webhook' && outcome === 'accepted')

  const { stdout } = await start([], { PORT })
  t.match(stdout, /^ok {11}settings {20}The settings are there/)
  t.equal(stdout.trim().split('\n').length, checks.length - 1, 'a line for each, without the test')
  t.match(
    stdout,
    /^ok {11}server {22}The server at http:\/\/127\.0\.0\.1:\d+ is well; it says delivering\.$/m,
  )
  t.strictSame(contentsOf(braze), before, 'Braze is as it was')
  t.equal(braze.stats.objects, 0)
  t.strictSame(Object.keys(braze.stats.byPath).sort(), [
    '/segments/data_series',
    '/users/delete',
    '/users/export/ids',
    '/users/track',
  ])
  t.ok(existsSync(join(folder, 'data', 'ledger.db')))
})

/** What Braze holds. */
const contentsOf = ({ profiles, contentBlock }: Awaited<ReturnType<typeof setUp>>['braze']) => ({
  profiles,
  block: contentBlock('LINE_Channel_AccessToken'),
})

t.test('half-configured: a line for each setting, and the rest is checked', async (t) => {
  const { expect, line } = await setUp(t)
  const ofBraze = unknown(
    'braze.key',
    'braze.users.track',
    'braze.users.export.ids',
    'braze.users.delete',
    'braze.segments.data_series',
  )
  await expect(
    t,
    { settings: ['wrong', /^BRAZE_API_KEY is missing; set it to .*\.$/], ...ofBraze },
    { BRAZE_API_KEY: '' },
  )
  const checks = await expect(
    t,
    {
      settings: ['wrong', /^BRAZE_REST_ENDPOINT is the address of Braze's dashboard/],
      braze: ['not checked', /BRAZE_REST_ENDPOINT/],
      'line.secret': ['not checked', /LINE_CHANNEL_SECRET is missing/],
    },
    { BRAZE_REST_ENDPOINT: 'https://dashboard-03.braze.com', LINE_CHANNEL_SECRET: '', PORT: 'x' },
  )
  t.equal(checks.filter(({ name }) => name === 'settings').length, 3)
  t.match(checks, [
    { message: /^LINE_CHANNEL_SECRET is missing/ },
    { message: /^BRAZE_REST_ENDPOINT is/ },
    { message: /^PORT is wrong/ },
  ])
  const none = unknown('line.token', 'line.secret', 'line.account', 'line.webhook', 'line.followers')
  await expect(t, none, { LINE_CHANNEL_ACCESS_TOKEN: '' })
  await expect(
    t,
    {
      settings: ['wrong', /^LINE_API_BASE_URL is "api\.line\.me"/],
      line: ['not checked'],
      'line.token': ['not checked'],
    },
    { LINE_API_BASE_URL: 'api.line.me' },
  )
  await expect(
    t,
    {
      settings: ['wrong', /^DATABASE_URL is wrong/],
      database: ['not checked'],
      'line.account': ['not checked'],
    },
    { DATABASE_URL: 'mysql://a' },
  )
  await expect(
    t,
    {
      settings: ['warning', /is not 32 digits/],
      'line.secret': ['wrong', /is not the secret of the channel/],
    },
    { LINE_CHANNEL_SECRET: '"quoted"' },
  )
  await expect(
    t,
    { 'line.secret': ['ok', /one of the 2 secrets.*take number 1 out/] },
    { LINE_CHANNEL_SECRET: `${'0'.repeat(32)},${SECRET}` },
  )
  t.equal(line.stats.byPath['/v2/bot/channel/webhook/test'], undefined, 'nobody has asked for that')
})

t.test('a .env that nobody may read, and files that everybody may', async (t) => {
  const { expect, env, folder } = await setUp(t)
  mkdirSync(join(folder, '.env'))
  await expect(t, { settings: ['wrong', /^\.env cannot be read \(EISDIR\)/] }, {}, [], { cwd: folder })
  const open = t.testdir({ '.env': '' })
  chmodSync(join(open, '.env'), 0o644)
  const { checks } = await (await setUp(t)).examine([], env, { cwd: open })
  const isOpen = checks.some(
    ({ status, message }) => status === 'warning' && message.includes('.env; chmod 600'),
  )
  t.equal(isOpen, true)
})

t.test('the database: none, older, newer, foreign, damaged, lone log, a folder, closed', async (t) => {
  const { expect, folder, env } = await setUp(t)
  const at = (name: string) => ({ DATABASE_URL: `file:${join(folder, name)}` })
  const fresh = unknown('line.account', 'server.lease')
  await expect(t, { ...fresh, database: ['warning', /has no ledger yet/] }, at('new/folder/none.db'))
  t.notOk(existsSync(join(folder, 'new')), 'nothing is made')

  const path = join(folder, 'data', 'ledger.db')
  const copy = (name: string, sql: string) => {
    const db = new Database(path, { readonly: true })
    writeFileSync(join(folder, name), db.serialize())
    db.close()
    const changed = new Database(join(folder, name))
    changed.exec(sql)
    changed.close()
    return at(name)
  }
  const broken = { ...fresh, server: ['not checked'] } as const
  await expect(
    t,
    { ...broken, database: ['warning', /schema 2 of \d+.*migrate/] },
    copy('old.db', 'PRAGMA user_version = 2'),
  )
  await expect(
    t,
    { ...broken, database: ['wrong', /newer line-braze/] },
    copy('newer.db', 'PRAGMA user_version = 99'),
  )
  await expect(
    t,
    { ...broken, database: ['wrong', /another program/] },
    copy('theirs.db', 'PRAGMA user_version = 0'),
  )
  await expect(
    t,
    { database: ['wrong', /copy that is not finished/] },
    copy('half.db', 'UPDATE identity SET is_complete = 0'),
  )
  writeFileSync(join(folder, 'damaged.db'), 'no database at all'.repeat(100))
  await expect(t, { ...broken, database: ['wrong', /is no SQLite database/] }, at('damaged.db'))
  writeFileSync(join(folder, 'gone.db-wal'), 'a log')
  await expect(t, { ...broken, database: ['wrong', /was removed or is empty, but its log/] }, at('gone.db'))
  mkdirSync(join(folder, 'folder.db'))
  await expect(t, { ...broken, database: ['wrong', /is a folder/] }, at('folder.db'))

  await (await setUp(t)).expect(t, { database: ['ok'] })
  const strangers = copy('strangers.db', "INSERT INTO counts VALUES ('cafe', 1, 0, 0, 0, 0, 0, 0)")
  await expect(t, { 'database.channels': ['warning', /knows the channel cafe/] }, strangers)
  const lone = at('old.db')
  const listing = readdirSync(folder)
  const hash = () =>
    createHash('sha256')
      .update(readFileSync(join(folder, 'old.db')))
      .digest('hex')
  const before = hash()
  await expect(t, { ...broken, database: ['warning'] }, lone)
  t.strictSame(readdirSync(folder), listing, 'no file was made')
  t.equal(hash(), before, 'nothing was migrated')
  t.ok(env)
})

t.test('a log that somebody has left is read, and not brought in', async (t) => {
  const { expect, folder } = await setUp(t)
  const left = join(folder, 'left.db')
  const files = [left, `${left}-wal`]
  for (const suffix of ['', '-wal']) copyFileSync(join(folder, 'data', `ledger.db${suffix}`), left + suffix)
  const before = files.map((file) => readFileSync(file))
  t.ok(before[1]?.length, 'the account is in there')
  await expect(t, { 'line.account': ['ok'] }, { DATABASE_URL: `file:${left}` })
  t.strictSame(
    files.map((file) => readFileSync(file)),
    before,
  )
})

t.test(
  'a database that cannot be written',
  { skip: process.getuid?.() === 0 && 'root may write all' },
  async (t) => {
    const { expect, folder } = await setUp(t)
    const broken = unknown('line.account', 'server.lease')
    chmodSync(join(folder, 'data', 'ledger.db'), 0o400)
    await expect(t, { ...broken, database: ['wrong', /cannot be written by this user/] })
    chmodSync(join(folder, 'data', 'ledger.db'), 0o600)
    chmodSync(join(folder, 'data'), 0o500)
    t.teardown(() => chmodSync(join(folder, 'data'), 0o700))
    await expect(t, { ...broken, database: ['wrong', /cannot be written by this user/] })
  },
)

t.test(
  'the disk: a network, memory, nearly full',
  { skip: process.platform !== 'linux' && 'Linux numbers them' },
  async (t) => {
    const { expect } = await setUp(t)
    const on = (statfs: CommandOptions['statfs'], status: string, message: RegExp) =>
      expect(t, { 'database.disk': [status, message] }, {}, [], { statfs })
    await on(async () => ({ ...LOCAL, type: 0x6969 }), 'wrong', /on a network \(NFS\)/)
    // As some Linux says it, with its sign.
    await on(async () => ({ ...LOCAL, type: 0xff534d42 | 0 }), 'wrong', /on a network \(CIFS\)/)
    await on(async () => ({ ...LOCAL, type: 0x01021994 }), 'warning', /tmpfs/)
    await on(async () => ({ ...LOCAL, bavail: 50 * 2 ** 20 }), 'wrong', /has 50 MiB free/)
    await on(async () => ({ ...LOCAL, bavail: 500 * 2 ** 20 }), 'warning', /has 500 MiB free/)
    const fails = async () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
    await on(fails, 'wrong', /cannot be used/)
  },
)

t.test('the clock: ours is wrong where nobody agrees with it', async (t) => {
  const { expect, line, braze } = await setUp(t)
  const in10Minutes = () => new Date(Date.now() + 600_000)
  line.setDate(in10Minutes)
  await expect(t, { clock: ['warning', /agrees with Braze's, and the Date of LINE is 10 minutes off/] })
  braze.setDate(in10Minutes)
  await expect(t, { clock: ['wrong', /clock is 10 minutes behind (LINE and Braze|Braze and LINE)/] })
  for (const each of [line, braze]) each.setDate(() => new Date(Date.now() - 90_000))
  await expect(t, { clock: ['warning', /clock is \d+ seconds ahead of/] })
  for (const each of [line, braze]) each.setDate(() => '')
  await expect(t, { clock: ['not checked', /Nobody who has answered/] })
  line.setDate(null)
  await expect(t, { clock: ['ok', /agrees with LINE's/] })
})

t.test('LINE: away, something else, a token that it does not take, another account', async (t) => {
  const { expect, line, braze, ledger } = await setUp(t)
  const all = unknown('line.token', 'line.secret', 'line.account', 'line.webhook', 'line.followers')
  line.setOutage({ kind: 'reset' })
  await expect(t, { ...all, line: ['wrong', /^LINE cannot be reached: .*LINE_API_BASE_URL/] })
  line.setOutage({ kind: 'hang' })
  await expect(t, { ...all, line: ['wrong', /no whole answer within/] }, { LINE_TIMEOUT_MS: '100' })
  line.setOutage({ kind: 'html', status: 502 })
  await expect(t, {
    ...all,
    line: ['wrong', /something else than LINE answers \(502\)/],
    'line.token': ['wrong', /502/],
  })
  line.setOutage(null)
  await expect(
    t,
    { ...all, line: ['ok'], 'line.token': ['wrong', /LINE answers 401/] },
    { LINE_API_BASE_URL: line.url, LINE_CHANNEL_ACCESS_TOKEN: 'another' },
  )
  t.ok(braze)
  const issued = { LINE_CHANNEL_ACCESS_TOKEN: '', LINE_CHANNEL_ID: line.channelId }
  await expect(t, { 'line.token': ['ok'], 'line.secret': ['ok'], 'line.account': ['ok'] }, issued)
  await expect(
    t,
    { ...all, 'line.token': ['wrong', /LINE_CHANNEL_ID and the first secret/] },
    { ...issued, LINE_CHANNEL_SECRET: '0'.repeat(32) },
  )
  line.forbidList(true)
  await expect(t, { 'line.followers': ['warning', /verified and premium/] })
  line.forbidList(false)
  await ledger.claimAccount('default', 'Uanother', true)
  await expect(t, { 'line.account': ['wrong', /of another LINE Official Account than the database/] })
})

t.test('a token that ends soon', async (t) => {
  const { expect, line } = await setUp(t)
  const answer = { status: 200, body: { client_id: line.channelId, expires_in: 3 * 86_400 } }
  line.setOutageOf('/oauth2/v2.1/verify', answer)
  await expect(t, { 'line.token': ['warning', /ends in 3 days, and nobody renews it/] })
})

t.test('the webhook URL: none, elsewhere, switched off', async (t) => {
  const { expect, line } = await setUp(t)
  line.setWebhook(null)
  const test = ['--webhook-test']
  await expect(
    t,
    {
      'line.webhook': ['wrong', /^The channel has no webhook URL/],
      'line.webhook_test': ['not checked', /404/],
    },
    {},
    test,
  )
  line.setWebhook('https://chat.example.com/hooks/not-to-be-told')
  const [found] = (
    await expect(t, { 'line.webhook': ['wrong', /is at chat\.example\.com, with a path that is not/] })
  ).filter(({ name }) => name === 'line.webhook')
  t.notMatch(found?.message, 'not-to-be-told')
  line.setWebhook('https://chat.example.com/webhook')
  await expect(t, { 'line.webhook': ['ok'] })
  await expect(t, { 'line.webhook': ['wrong', /another one than https:\/\/your\.host\/webhook/] }, {}, [
    '--url',
    'https://your.host',
  ])
  line.setWebhook('https://your.host/line/webhook/default')
  await expect(t, { 'line.webhook': ['ok'] }, {}, ['--url', 'https://your.host/line/'])
  line.setWebhook('https://line:not-to-be-told@your.host/webhook')
  await expect(t, { 'line.webhook': ['ok', 'LINE posts webhooks to https://your.host/webhook.'] })
  line.setWebhook('https://your.host/webhook', false)
  await expect(t, { 'line.webhook': ['wrong', /switch "Use webhook" on/] })
})

t.test('a webhook that LINE posts in vain', async (t) => {
  const { expect, line, braze, serve, env } = await setUp(t)
  const posted = (message: RegExp, more: Env = {}) =>
    expect(t, { 'line.webhook_test': ['wrong', message] }, more, ['--webhook-test'])
  line.setWebhook('http://127.0.0.1:9/webhook')
  await posted(/COULD_NOT_CONNECT\).*port 443/)
  line.setWebhook(`${braze.url}/webhook`)
  await posted(/ERROR_STATUS_CODE, 404\): the proxy does not hand/)
  const server = await serve({ ...env, LINE_CHANNEL_SECRET: '0'.repeat(32) })
  line.setWebhook(`${server.url}/webhook`)
  await posted(/ERROR_STATUS_CODE, 401\): the server's LINE_CHANNEL_SECRET is another/, { PORT: '0' })
})

t.test('Braze: away, something else, a key that it does not take', async (t) => {
  const { expect, braze } = await setUp(t)
  const permissions = ['users.track', 'users.export.ids', 'users.delete', 'segments.data_series'].map(
    (name) => `braze.${name}`,
  )
  const all = unknown('braze.key', ...permissions)
  braze.setOutage({ kind: 'reset' })
  await expect(t, { ...all, braze: ['wrong', /^Braze cannot be reached: .*BRAZE_REST_ENDPOINT/] })
  braze.setOutage({ kind: 'hang' })
  await expect(t, { ...all, braze: ['wrong', /within 500 ms/] }, { BRAZE_TIMEOUT_MS: '500' })
  braze.setOutage({ kind: 'html' })
  await expect(t, { ...all, braze: ['wrong', /something else than Braze answers \(200\)/] })
  braze.setOutage({ status: 503, body: { message: 'maintenance' } })
  await expect(t, { ...all, braze: ['wrong', /answers 503/] })
  braze.setOutage({ status: 404, body: { message: 'Not found' } })
  await expect(t, { ...all, braze: ['wrong', /404: check BRAZE_REST_ENDPOINT/] })
  braze.setOutage(null)
  await expect(
    t,
    { ...unknown(...permissions), 'braze.key': ['wrong', /401: check BRAZE_API_KEY/] },
    { BRAZE_API_KEY: 'another' },
  )
  braze.setLimit({ dialect: 'epoch', requests: 0, perMs: 60_000 })
  await expect(t, { 'braze.users.track': ['not checked', /429/] })
  braze.setLimit(null)
  braze.setOutageOf('/users/export/ids', { status: 400 })
  await expect(t, { 'braze.users.export.ids': ['not checked', /answers 400, which says nothing/] })
})

t.test('each permission that the settings need, and nothing is changed', async (t) => {
  const { expect, braze, env, line } = await setUp(t)
  braze.createContentBlock('LINE_Channel_AccessToken', 'token')
  const before = contentsOf(braze)
  const { publicKey, privateKey } = newKeyPair()
  const kid = line.registerKey(publicKey)
  const all: Env = {
    ...env,
    BRAZE_MERGE_PROFILES: 'true',
    LINE_CHANNEL_ID: line.channelId,
    LINE_ASSERTION_KEY: JSON.stringify({ ...privateKey, kid }),
  }
  const needed = [
    'users.track',
    'users.export.ids',
    'users.identify',
    'users.alias.update',
    'content_blocks.list',
    'content_blocks.info',
    'content_blocks.create',
    'content_blocks.update',
  ] as const
  await expect(t, Object.fromEntries(needed.map((name) => [`braze.${name}`, ['ok']])), all)
  for (const permission of needed) {
    braze.forbid(permission, true)
    const lacks = new RegExp(`lacks the permission ${permission}, .*create another one`)
    await expect(t, { [`braze.${permission}`]: ['wrong', lacks] }, all)
    braze.forbid(permission, false)
  }
  for (const permission of ['segments.data_series', 'users.delete', 'users.export.ids'] as const) {
    braze.forbid(permission, true)
    const lacks = new RegExp(`lacks the permission ${permission}`)
    await expect(t, { [`braze.${permission}`]: ['warning', lacks] }, { BRAZE_CHECK_CUSTOMERS: 'false' })
    braze.forbid(permission, false)
  }
  const asked = ['users.track', 'users.export.ids', 'users.delete', 'segments.data_series'] as const
  for (const permission of asked) braze.forbid(permission, true)
  const unasked = unknown(...asked.map((permission) => `braze.${permission}`))
  await expect(t, { ...unasked, 'braze.key': ['wrong', /403 to everything/] })
  t.strictSame(contentsOf(braze), before)
  t.equal(braze.stats.objects, 0)
})

t.test('a server: none, something else, another version, degraded, on another database', async (t) => {
  const { expect, braze, folder, env, ledger } = await setUp(t)
  const gone = { 'server.version': ['not checked'], 'server.lease': ['warning', /^Nobody delivers/] } as const
  await expect(
    t,
    { ...gone, server: ['warning', /^No server answers at http:\/\/127\.0\.0\.1:9 /] },
    { PORT: '9', HOST: '0.0.0.0' },
  )
  const { port } = new URL(braze.url)
  await expect(t, { ...gone, server: ['wrong', /^Something else than line-braze answers/] }, { PORT: port })
  await ledger.holdLease(DELIVERY_LEASE, 'somebody', 60_000, { endedMs: 0, lostMs: 0 })
  await expect(t, { 'server.lease': ['ok', /^Another process delivers/] })

  const other = await stage(t)
  const server = await other.serve({ PRIVATE_PORT: '0' })
  const { privateUrl } = await server.logged(({ msg }) => msg === 'listening')
  await server.delivers()
  const place = { PRIVATE_PORT: new URL(String(privateUrl)).port }
  await ledger.releaseLease(DELIVERY_LEASE, 'somebody', 0)
  await expect(
    t,
    { server: ['ok'], 'server.version': ['ok'], 'server.lease': ['wrong', /works on another one/] },
    place,
  )
  await expect(
    t,
    {
      database: ['warning', /has no ledger yet/],
      'line.account': ['not checked'],
      server: ['ok'],
      'server.version': ['ok'],
      'server.lease': ['wrong', /has no ledger: the server works on another one/],
    },
    { ...place, DATABASE_URL: `file:${folder}/nobodys.db` },
  )
  other.braze.setApiKey('another')
  other.line(server.url)
  const line = other.line(server.url)
  await line.deliver([line.events.follow('U1', Date.now())])
  await server.logged(({ msg }) => msg === 'delivery waits')
  await expect(t, { server: ['wrong', /is degraded: Braze answers 401/], 'server.lease': ['wrong'] }, place)
  t.ok(folder && env)
})

/** Somebody who answers to `/health`, as a server does. Returns the port. */
async function healthOf(t: Test, health: object): Promise<string> {
  const server = createServer((_, response) => response.end(JSON.stringify(health))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return String((server.address() as AddressInfo).port)
}

t.test('what the health of a server says: its version, and what is wrong with it', async (t) => {
  const { expect } = await setUp(t)
  const nobody = ['warning', /^Nobody delivers/] as const
  const standby = { status: 'ok', version: '0.0.9', ledger: {}, delivery: { state: 'standby', reason: null } }
  await expect(
    t,
    {
      server: ['ok', /standby/],
      'server.version': ['warning', /has the version 0\.0\.9, and this is/],
      'server.lease': nobody,
    },
    { PORT: await healthOf(t, standby) },
  )
  const { version: _, ...before } = standby
  await expect(
    t,
    { server: ['ok'], 'server.version': ['warning', /does not say which it is/] },
    { PORT: await healthOf(t, before) },
  )
  const degraded = {
    ...standby,
    version: about.version,
    status: 'degraded',
    ledger: { error: 'The disk is full' },
    delivery: { state: 'standby', reason: null, failed: 3, stumbling: 2 },
    tokens: [{ channel: 'default', problem: 'The block is archived' }, { problem: null }],
  }
  const all =
    /degraded: The disk is full; Braze has rejected 3 contacts; Braze fails over 2 contacts; The block is archived\.$/
  await expect(t, { server: ['wrong', all], 'server.version': ['ok'] }, { PORT: await healthOf(t, degraded) })
})

t.test('channels: each by itself, and one is chosen', async (t) => {
  const { command, run, lines, list, file, ledger } = await stageChannels(t)
  lines.shop.setWebhook('https://your.host/webhook/shop')
  lines.cafe.setWebhook('https://your.host/webhook/shop')
  await (await ledger()).claimAccount('shop', lines.shop.destination, true)
  const { code, result } = await run(['doctor'])
  const found = (name: string, channel: string) =>
    (result.checks as Line[]).find((check) => check.name === name && check.channel === channel)
  t.equal(code, 1)
  t.match(found('line.webhook', 'shop'), { status: 'ok' })
  t.match(found('line.webhook', 'cafe'), { status: 'wrong', message: /not \/webhook\/cafe/ })
  t.match(found('line.account', 'shop'), { status: 'ok' })
  t.match(found('line.account', 'cafe'), { status: 'not checked' })
  const { stdout } = await command(['doctor', '--channel', 'shop']).ended
  t.match(stdout, /^ok {11}line\.webhook \(shop\) /m)
  t.notMatch(stdout, '(cafe)')
  t.match(await command(['doctor', '--channel', 'none']).ended, {
    code: 2,
    stderr: /no channel of that name/,
  })

  const [shop, cafe] = list
  writeFileSync(
    file,
    JSON.stringify([{ ...shop, colour: 'red' }, { ...cafe, secret: 'env:NONE' }, { secret: 'x' }]),
  )
  const { result: broken } = await run(['doctor'])
  const settings = (broken.checks as Line[]).filter(({ name }) => name === 'settings')
  t.match(
    settings.map(({ message }) => message),
    [
      /channel shop: colour is none of the keys/,
      /channel cafe: secret names the variable NONE/,
      /channel number 3: name is missing/,
    ],
  )
  const ofCafe = (broken.checks as Line[]).filter(({ channel }) => channel === 'cafe')
  t.match(
    ofCafe.find(({ name }) => name === 'line.token'),
    { status: 'ok' },
    'what is right of it is checked',
  )
})

t.test('a command line that asks for what cannot be', async (t) => {
  const { start } = await setUp(t)
  for (const url of ['your.host', 'https://your.host/webhook', 'https://a:b@your.host'])
    t.match(await start(['--url', url]), { code: 2, stderr: /^--url must be/ }, url)
  t.match(await start(['--help']), { code: 0, stdout: /changes nothing/ })
})

t.test('an interruption ends it at once, and nothing is left', async (t) => {
  const { command, env, line } = await setUp(t)
  line.setOutage({ kind: 'hang' })
  const doctor = command(['doctor', '--json'], { ...env, LINE_TIMEOUT_MS: '60000' })
  await line.until(() => line.stats.requests > 0)
  const { code, stdout, stderr } = await doctor.kill('SIGINT')
  t.equal(code, 130)
  t.match(lastLine(stdout), { status: 'interrupted', checks: [] })
  t.match(stderr, 'Interrupted; nothing was changed.')
})
