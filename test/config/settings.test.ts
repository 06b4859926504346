import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Environment, loadSettings, readDotenv, SettingsError } from '../../src/config/load.ts'
import { about, describeSettings } from '../../src/config/settings.ts'

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
    BRAZE_CREATE_PROFILES: true,
    BRAZE_SETTLE_MS: 5_000,
    BRAZE_REQUESTS_PER_SECOND: 1_000,
    BRAZE_CONCURRENCY: 8,
    BRAZE_TIMEOUT_MS: 10_000,
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

t.test('every setting, wrong, is one line that names it and says what would be right', async (t) => {
  const wrong: Record<string, string[]> = {
    LINE_CHANNEL_SECRET: ['a,,b', ',', 'a,', 'two words'],
    LINE_CHANNEL_ACCESS_TOKEN: ['two words'],
    LINE_CHANNEL_ID: ['U123', '-1'],
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
    ],
    BRAZE_API_KEY: ['two words', 'línea'],
    BRAZE_ATTRIBUTE: ['$set', '_update_existing_only', 'x'.repeat(256), 'external_id', 'user_alias'],
    BRAZE_ALIAS_LABEL: ['x'.repeat(256)],
    BRAZE_CREATE_PROFILES: ['yes', '2'],
    BRAZE_SETTLE_MS: ['-1', 'x', '600001'],
    BRAZE_REQUESTS_PER_SECOND: ['0', 'x', '1.5'],
    BRAZE_CONCURRENCY: ['0', '257'],
    BRAZE_TIMEOUT_MS: ['99', '120001'],
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
    21,
  )
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
  t.match(complaints({ ...REQUIRED, PORT_FILE: '/nowhere' }), [/\/nowhere/])
  writeFileSync(file, '\n')
  t.match(complaints({ ...others, BRAZE_API_KEY_FILE: file }), [/^BRAZE_API_KEY is missing/])

  t.equal(readDotenv(folder), '', 'no .env')
  writeFileSync(join(folder, '.env'), '# ours\nBRAZE_API_KEY="from .env"\nPORT=4000\n')
  t.match(complaints(others, readDotenv(folder)), [/^BRAZE_API_KEY is wrong/])
  writeFileSync(join(folder, '.env'), 'BRAZE_API_KEY=dotenv-key\nPORT=4000\n')
  const settings = loadSettings({ ...others, PORT: '5000' }, readDotenv(folder))
  t.match(settings, { BRAZE_API_KEY: 'dotenv-key', PORT: 5_000 }, 'the environment goes first')
})

t.test('a command asks for what it needs alone', async (t) => {
  t.strictSame(loadSettings({}, '', ['DATABASE_URL']), { DATABASE_URL: 'file:./data/line-braze.db' })
})
