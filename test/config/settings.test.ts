import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadSettings, readDotenv, readSettings, SettingsError } from '../../src/config/load.ts'
import { about, describeSettings, partsOf } from '../../src/config/settings.ts'
import type { Environment } from '../../src/config/texts.ts'

const REQUIRED = {
  LINE_CHANNEL_SECRET: 'line-secret',
  BRAZE_REST_ENDPOINT: 'https://rest.jp-01.braze.com',
  BRAZE_API_KEY: 'braze-key',
}

/** The lines of the error that `env` brings. */
function complaints(env: Environment, dotenv = ''): string[] {
  try {
    loadSettings(env, dotenv)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.message.split('\n')
  }
  return []
}

t.test('defaults', async (t) => {
  t.strictSame(loadSettings(REQUIRED), {
    ...REQUIRED,
    LINE_API_BASE_URL: 'https://api.line.me',
    LINE_TIMEOUT_MS: 10_000,
    BRAZE_ATTRIBUTE: 'line_id',
    BRAZE_ALIAS_LABEL: 'line_id',
    BRAZE_CREATE_PROFILES: 'true',
    BRAZE_CHECK_CUSTOMERS: true,
    BRAZE_MERGE_PROFILES: false,
    BRAZE_TOKEN_BLOCK: 'LINE_Channel_AccessToken',
    BRAZE_SETTLE_MS: 5_000,
    BRAZE_REQUESTS_PER_SECOND: 1_000,
    BRAZE_CONCURRENCY: 8,
    BRAZE_TIMEOUT_MS: 10_000,
    MESSAGER_WINDOW_DAYS: 0,
    FORGET_DAYS: 7,
    DATABASE_URL: 'file:./data/line-braze.db',
    HOST: '0.0.0.0',
    PORT: 3_000,
    BODY_LIMIT_BYTES: 1_048_576,
    LOG_LEVEL: 'info',
  })
})

t.test('the private address is the one of the webhooks unless it is set', async (t) => {
  t.notOk('PRIVATE_PORT' in loadSettings(REQUIRED))
  const settings = loadSettings({ ...REQUIRED, PRIVATE_HOST: '127.0.0.1', PRIVATE_PORT: '0' })
  t.match(settings, { PRIVATE_HOST: '127.0.0.1', PRIVATE_PORT: 0 })
})

t.test('one line for each setting that is missing', async (t) => {
  const lines = complaints({})
  t.equal(lines.length, 3)
  for (const name of Object.keys(REQUIRED))
    t.ok(
      lines.some((line) => line.startsWith(`${name} is missing; set it to `)),
      name,
    )
  t.strictSame(complaints({ ...REQUIRED, BRAZE_API_KEY: '' }).length, 1, 'empty is missing')
  t.equal(loadSettings({ ...REQUIRED, PORT: ' ', BRAZE_SETTLE_MS: '' }).PORT, 3_000, 'and blank is empty')
})

t.test('the name of a Content Block has at most 99 characters', async (t) => {
  const longest = 'x'.repeat(99)
  t.equal(loadSettings({ ...REQUIRED, BRAZE_TOKEN_BLOCK: longest }).BRAZE_TOKEN_BLOCK, longest)
  t.equal(complaints({ ...REQUIRED, BRAZE_TOKEN_BLOCK: `${longest}x` }).length, 1)
})

t.test('every setting, wrong, is one line that names it and says what would be right', async (t) => {
  const wrong: Record<string, string[]> = {
    LINE_CHANNEL_SECRET: ['a,,b', ',', 'a,', 'two words'],
    LINE_CHANNEL_ACCESS_TOKEN: ['two words', 'tökén'],
    LINE_CHANNEL_ID: ['U123', '-1'],
    LINE_ASSERTION_KEY: ['{}', 'hunter2'],
    LINE_LOGIN_CHANNEL_ID: ['U123', '-1'],
    LINE_CHANNELS_FILE: ['folder/'],
    LINE_API_BASE_URL: ['api.line.me', 'ftp://x'],
    LINE_TIMEOUT_MS: ['0', '-1', '1.5', 'ten', '1e9', '1e3', '0x100'],
    BRAZE_REST_ENDPOINT: [
      'rest.jp-01.braze.com',
      'https://',
      'https://x?y',
      'https:// x',
      'https://x:99999',
      'https://[x',
      'https://%',
      'https://user:pass@x',
      'https://x#y',
      'https://rest.jp-01.braze.com/users/track',
      'https://rest.jp-01.braze.com//',
      'https://dashboard-03.braze.com',
      'https://dashboard.jp-01.braze.com/',
      'https://DASHBOARD-01.braze.eu',
    ],
    BRAZE_API_KEY: ['two words', 'línea'],
    BRAZE_ATTRIBUTE: ['$set', '_update_existing_only', 'x'.repeat(256), 'external_id', 'user_alias'],
    BRAZE_ALIAS_LABEL: ['x'.repeat(256)],
    BRAZE_CREATE_PROFILES: ['yes', '2', 'TRUE', 'never'],
    BRAZE_CHECK_CUSTOMERS: ['yes', '2', 'always'],
    BRAZE_MERGE_PROFILES: ['yes', '2', 'always'],
    BRAZE_TOKEN_BLOCK: ['a b', 'x'.repeat(100), 'tökén'],
    BRAZE_SETTLE_MS: ['-1', 'x', '600001'],
    BRAZE_REQUESTS_PER_SECOND: ['0', 'x', '1.5'],
    BRAZE_CONCURRENCY: ['0', '257'],
    BRAZE_TIMEOUT_MS: ['99', '120001'],
    MESSAGER_WINDOW_DAYS: ['-1', '3651', '7d', '1.5'],
    FORGET_DAYS: ['0', '-1', '1.5', '4000', 'a week'],
    API_TOKENS: [
      'too-short-token',
      'long-enough-for-one,short',
      'long enough but with spaces',
      'long-enough-for-one,,long-enough-for-two',
      'long-enough-in-latin-\u00e9',
      'long-enough-for-one,',
    ],
    DATABASE_URL: ['./data/x.db', 'mysql://x', 'file:', 'file:/folder/'],
    HOST: ['a b', 'http://x'],
    PORT: ['-1', '65536', '3000x'],
    PRIVATE_HOST: ['a b', 'http://x'],
    PRIVATE_PORT: ['-1', '65536', '3000x'],
    BODY_LIMIT_BYTES: ['1', 'x'],
    LOG_LEVEL: ['loud', 'INFO'],
  }
  t.strictSame(
    Object.keys(wrong).sort(),
    describeSettings()
      .map(({ name }) => name as string)
      .sort(),
    'none is left out',
  )
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const lines = complaints({ ...REQUIRED, [name]: value })
      t.equal(lines.length, 1, `${name}=${value}`)
      t.match(lines[0], new RegExp(`^${name} .*; it must be `))
      if (about(name as never).secret && value.length > 8)
        t.notOk(lines[0]?.includes(value), 'a secret is not printed')
    }
  }
  t.equal(
    complaints(Object.fromEntries(Object.entries(wrong).map(([name, [value]]) => [name, value]))).length,
    30,
  )
})

t.test('an endpoint of Braze: what is wrong with it', async (t) => {
  const told = (value: string) => complaints({ ...REQUIRED, BRAZE_REST_ENDPOINT: value })
  const right =
    'it must be the REST endpoint of your Braze instance without a path, such as https://rest.jp-01.braze.com'
  t.strictSame(told('https://rest.jp-01.braze.com/users/track'), [`BRAZE_REST_ENDPOINT has a path; ${right}`])
  for (const url of ['https://dashboard-03.braze.com', 'https://dashboard.us-10.braze.com/sign_in'])
    t.strictSame(told(url), [`BRAZE_REST_ENDPOINT is the address of Braze's dashboard; ${right}`])
  for (const url of [
    'https://rest.jp-01.braze.com/',
    'http://127.0.0.1:8080',
    'https://braze-proxy.example/',
  ])
    t.strictSame(told(url), [])
})

t.test('a value is shown only where it cannot be a secret', async (t) => {
  const told = (name: string, value: string) => complaints({ ...REQUIRED, [name]: value }).join()
  t.match(told('PORT', '65536'), /^PORT is "65536"; it must be a port/)
  t.match(told('BRAZE_SETTLE_MS', '-1'), /^BRAZE_SETTLE_MS is "-1"/)
  t.match(told('BRAZE_CREATE_PROFILES', 'Yes'), /^BRAZE_CREATE_PROFILES is "Yes"/)
  t.match(told('LOG_LEVEL', 'INFO'), /^LOG_LEVEL is "INFO"/)
  t.match(
    told('BRAZE_REST_ENDPOINT', 'rest.jp-01.braze.com'),
    /^BRAZE_REST_ENDPOINT is "rest\.jp-01\.braze\.com"/,
  )
  t.match(told('LINE_API_BASE_URL', 'api.line.me'), /^LINE_API_BASE_URL is "api\.line\.me"/)
  t.match(told('LOG_LEVEL', 'loud'), /^LOG_LEVEL is wrong; it must be one of/)

  const secrets = [
    '01234567-89ab-cdef-0123-456789abcdef',
    '8c570fa6dd201bb328f1c1eac23a96d8',
    '12345678901234567890123456789012',
    'eyJhbGciOiJIUzI1NiJ9.UnQ_o-GP0VtnwDjbK0C8E_NvK.a1b2',
    `${'Ab1/+'.repeat(34)}=`,
    'hunter2',
    'correct',
    'https://user:hunter2@rest.jp-01.braze.com',
    'https://rest.jp-01.braze.com/8c570fa6dd201bb3',
    'postgres://user:hunter2@127.0.0.1/line',
    'two words',
  ]
  for (const { name } of describeSettings()) {
    for (const secret of secrets) {
      t.notOk(told(name, secret).includes(secret), `${name}=${secret}`)
      const { [name as 'BRAZE_API_KEY']: _, ...others } = REQUIRED
      t.notOk(
        complaints({ ...others, [`${name}_FILE`]: secret })
          .join()
          .includes(secret),
        `${name}_FILE`,
      )
    }
  }
})

t.test('from files and from .env', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'key')
  writeFileSync(file, 'from-a-file\n')
  const { BRAZE_API_KEY: _, ...others } = REQUIRED
  t.equal(loadSettings({ ...others, BRAZE_API_KEY_FILE: file }).BRAZE_API_KEY, 'from-a-file')
  t.equal(
    loadSettings({ ...others, BRAZE_API_KEY: '', BRAZE_API_KEY_FILE: file }).BRAZE_API_KEY,
    'from-a-file',
  )
  t.match(complaints({ ...REQUIRED, BRAZE_API_KEY_FILE: file }), [
    /^BRAZE_API_KEY and BRAZE_API_KEY_FILE are both set/,
  ])
  const [line = ''] = complaints({ ...others, BRAZE_API_KEY_FILE: 'the-secret-itself' })
  t.match(line, /^BRAZE_API_KEY_FILE names a file .*ENOENT/)
  t.notMatch(line, 'the-secret-itself')
  t.match(complaints({ ...REQUIRED, PORT_FILE: '/nowhere' }), [/^PORT_FILE names a file .*ENOENT/])
  writeFileSync(file, '\n')
  t.match(complaints({ ...others, BRAZE_API_KEY_FILE: file }), [/^BRAZE_API_KEY is missing/])

  t.equal(readDotenv(folder), '', 'no .env')
  writeFileSync(join(folder, '.env'), '# ours\nBRAZE_API_KEY="from .env"\nPORT=4000\n')
  t.match(complaints(others, readDotenv(folder)), [/^BRAZE_API_KEY is wrong/])
  writeFileSync(join(folder, '.env'), 'BRAZE_API_KEY=dotenv-key\nPORT=4000\n')
  const settings = loadSettings({ ...others, PORT: '5000' }, readDotenv(folder))
  t.match(settings, { BRAZE_API_KEY: 'dotenv-key', PORT: 5_000 }, 'the environment goes first')
})

t.test('an empty variable goes before .env, too, and counts as absent', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'key')
  writeFileSync(file, 'from-a-file')
  const dotenv = `PORT=4000\nBRAZE_API_KEY_FILE=${file}\nLINE_CHANNEL_ACCESS_TOKEN=token\nLINE_CHANNEL_ID=123`
  const { BRAZE_API_KEY: _, ...others } = REQUIRED
  t.match(loadSettings(others, dotenv), { PORT: 4_000, BRAZE_API_KEY: 'from-a-file', LINE_CHANNEL_ID: '123' })
  const settings = loadSettings({ ...others, PORT: '', LINE_CHANNEL_ID: ' ' }, dotenv)
  t.match(settings, { PORT: 3_000, LINE_CHANNEL_ACCESS_TOKEN: 'token' })
  t.notOk('LINE_CHANNEL_ID' in settings)
  t.match(complaints({ ...others, BRAZE_API_KEY: '' }, dotenv), [/^BRAZE_API_KEY is missing/])
  t.match(complaints({ ...others, BRAZE_API_KEY_FILE: '' }, dotenv), [/^BRAZE_API_KEY is missing/])
  t.match(
    loadSettings({ ...others, BRAZE_API_KEY_FILE: '' }, 'BRAZE_API_KEY=key'),
    { BRAZE_API_KEY: 'key' },
    'each variable for itself',
  )
  t.equal(
    loadSettings({ ...REQUIRED, BRAZE_API_KEY: 'key' }, dotenv).BRAZE_API_KEY,
    'key',
    'a value in the environment does not clash with a file in .env',
  )
  t.equal(
    loadSettings({ ...others, BRAZE_API_KEY: '', BRAZE_API_KEY_FILE: file }, 'BRAZE_API_KEY=key')
      .BRAZE_API_KEY,
    'from-a-file',
  )
})

t.test('several tokens for the API, separated by commas', async (t) => {
  const API_TOKENS = '0123456789abcdef, another-token-of-ours!'
  const settings = loadSettings({ ...REQUIRED, API_TOKENS })
  t.strictSame(partsOf(settings.API_TOKENS ?? ''), ['0123456789abcdef', 'another-token-of-ours!'])
})

t.test('a channel secret is required only without a file of channels', async (t) => {
  const { LINE_CHANNEL_SECRET: _, ...others } = REQUIRED
  t.match(loadSettings({ ...others, LINE_CHANNELS_FILE: 'channels.json' }), others)
  t.match(loadSettings(others, 'LINE_CHANNELS_FILE=channels.json'), others)
  t.match(complaints({ ...others, LINE_CHANNELS_FILE: '' }), [/^LINE_CHANNEL_SECRET is missing/])
})

t.test('a command asks for what it needs alone', async (t) => {
  t.strictSame(loadSettings({}, '', ['DATABASE_URL']), { DATABASE_URL: 'file:./data/line-braze.db' })
})

t.test(
  'a PostgreSQL URL whose password would be taken for something else is refused, and not shown',
  async (t) => {
    const load = (url: string) => () => loadSettings({ DATABASE_URL: url }, '', ['DATABASE_URL'])
    for (const wrong of ['p@ss/SeCrEt', 'SeCrEt#1', '12?SeCrEt', '1/SeCrEt', '%zzSeCrEt', 'Se CrEt']) {
      const url = `postgres://user:${wrong}@127.0.0.1:5432/db`
      t.throws(load(url), {
        message: /^DATABASE_URL cannot be read; in its user and its password write @ as %40/,
      })
      t.throws(load(url), { message: /^((?!CrEt).)*$/ })
    }
    for (const right of [
      'postgres://user:p%40ss%2Fword%23@127.0.0.1:5432/db?sslmode=verify-full&sslrootcert=/etc/ca.pem',
      'postgresql://user@db.example.com/db?options=-c%20search_path%3Dx',
      'postgres://user:p@ss@[::1]:5432/db',
      'postgres://user@/db?host=/var/run/postgresql',
      'postgres:///db',
    ])
      t.match(load(right)(), { DATABASE_URL: right })
  },
)

t.test(
  'who can do with a part of them gets what is right, and no default in place of what is wrong',
  async (t) => {
    const { settings, problems } = readSettings({
      BRAZE_API_KEY: 'braze-key',
      BRAZE_TIMEOUT_MS: '5',
      DATABASE_URL: 'mysql://a',
      PORT: '80',
    })
    t.match(settings, { BRAZE_API_KEY: 'braze-key', PORT: 80, HOST: '0.0.0.0' })
    for (const name of ['LINE_CHANNEL_SECRET', 'BRAZE_REST_ENDPOINT', 'BRAZE_TIMEOUT_MS', 'DATABASE_URL'])
      t.notOk(name in settings, name)
    t.match(problems, [
      /^LINE_CHANNEL_SECRET is missing/,
      /^BRAZE_REST_ENDPOINT is missing/,
      /^BRAZE_TIMEOUT_MS is "5"/,
      /^DATABASE_URL is wrong/,
    ])
    t.strictSame(readSettings(REQUIRED).settings, loadSettings(REQUIRED))
  },
)
