import t from 'tap'
import { loadChannels } from '../../src/config/channels.ts'
import { loadSettings } from '../../src/config/load.ts'
import { warningsFor } from '../../src/config/warnings.ts'

const HEX = '8c570fa6dd201bb328f1c1eac23a96d8'
function warnings(more: Record<string, string> = {}) {
  const env = {
    LINE_CHANNEL_SECRET: HEX,
    BRAZE_REST_ENDPOINT: 'https://rest.jp-01.braze.com',
    BRAZE_API_KEY: 'key',
    ...more,
  }
  return warningsFor(loadSettings(env), loadChannels(env, '', 'webhooks').channels)
}

t.test('settings as they should be bring no warning', async (t) => {
  t.strictSame(warnings(), [])
  t.strictSame(warnings({ LINE_CHANNEL_SECRET: `${HEX}, ${HEX}` }), [])
})

t.test('a channel secret that is none of LINE', async (t) => {
  for (const secret of ['hunter2', `"${HEX}"`, HEX.toUpperCase(), HEX.slice(1), `${HEX}0`]) {
    const [warning = '', ...more] = warnings({ LINE_CHANNEL_SECRET: `${HEX},${secret}` })
    t.strictSame(more, [])
    t.match(warning, /^LINE_CHANNEL_SECRET: number 2 of 2 is not 32 .*; .*Basic settings/)
    t.notOk(warning.includes(secret), 'it is not printed')
  }
  t.match(warnings({ LINE_CHANNEL_SECRET: 'a,b' }), [/number 1 of 2/, /number 2 of 2/])
})

t.test('a channel secret of a file of channels: which channel it is of', async (t) => {
  const list = [
    { name: 'shop', secret: HEX },
    { name: 'cafe', secret: `${HEX},hunter2`, attribute: 'cafe_line_id' },
  ]
  const LINE_CHANNELS_FILE = `${t.testdir({ 'channels.json': JSON.stringify(list) })}/channels.json`
  const [warning, ...more] = warnings({ LINE_CHANNEL_SECRET: '', LINE_CHANNELS_FILE })
  t.match(warning, /^LINE_CHANNELS_FILE, channel cafe: secret: number 2 of 2 is not 32 /)
  t.strictSame(more, [])
})

t.test('an endpoint that others can listen to', async (t) => {
  for (const name of ['LINE_API_BASE_URL', 'BRAZE_REST_ENDPOINT']) {
    for (const url of [
      'http://rest.jp-01.braze.com',
      'http://10.0.0.1:80',
      'http://127.0.0.1.example',
      'http://[::2]',
    ])
      t.match(warnings({ [name]: url }), [new RegExp(`^${name} .*https://`)], url)
    for (const url of [
      'http://127.0.0.1:80',
      'http://127.9.9.9',
      'http://localhost',
      'http://[::1]:80',
      'http://LOCALHOST.',
    ])
      t.strictSame(warnings({ [name]: url }), [], url)
  }
})

t.test('a command that reads only some settings is warned of those', async (t) => {
  t.strictSame(warningsFor({}), [])
  t.equal(warningsFor({ LINE_API_BASE_URL: 'http://api.line.me' }).length, 1)
})
