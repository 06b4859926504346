import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ChannelNeed, channelSettings, loadChannels } from '../../src/config/channels.ts'
import { SettingsError } from '../../src/config/load.ts'
import type { Environment } from '../../src/config/texts.ts'
import { newAssertionKey } from '../harness/assertion-key.ts'

const SHOP = { name: 'shop', secret: 'shop-secret', channelId: '1', attribute: 'line_id' }
const BLOCK = 'LINE_Channel_AccessToken'
const CAFE = { name: 'cafe', secret: 'cafe-secret', accessToken: 'cafe-token', attribute: 'cafe_line_id' }

/** The settings that name a file with this list, or with this text. */
function fileOf(t: Test, content: unknown, others: Record<string, string> = {}) {
  const isWritten = typeof content === 'string' || content instanceof Buffer
  const text = isWritten ? content : JSON.stringify(content)
  return { LINE_CHANNELS_FILE: join(t.testdir({ 'channels.json': text, ...others }), 'channels.json') }
}

/** The lines of the error that `env` brings. */
function complaints(env: Environment, need: ChannelNeed = 'webhooks'): string[] {
  try {
    loadChannels(env, '', need)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.message.split('\n')
  }
  return []
}

t.test('the settings of one channel are the channel default, with what a command needs', async (t) => {
  const env = {
    LINE_CHANNEL_SECRET: 'new, old',
    LINE_CHANNEL_ACCESS_TOKEN: 'token',
    LINE_LOGIN_CHANNEL_ID: '5',
    BRAZE_ATTRIBUTE: 'line',
  }
  const braze = { name: 'default', attribute: 'line', aliasLabel: 'line_id', tokenBlock: BLOCK }
  const all = { ...braze, secrets: ['new', 'old'], accessToken: 'token', loginChannelId: '5' }
  const one = (env: Environment, need: ChannelNeed) => loadChannels(env, '', need)
  t.strictSame(one(env, 'webhooks'), { channels: [all], files: [] })
  t.strictSame(one(env, 'braze').channels, [{ ...braze, secrets: [] }])
  t.strictSame(one(env, 'line').channels, [{ ...braze, secrets: [], accessToken: 'token' }])
  const withId = { ...env, LINE_CHANNEL_ID: '7' }
  t.match(one(withId, 'line').channels, [{ secrets: ['new', 'old'], channelId: '7' }])

  t.match(complaints({}), [/^LINE_CHANNEL_SECRET is missing; set it to /])
  t.strictSame(complaints({}, 'braze'), [])
  t.match(complaints({ LINE_CHANNEL_ID: '7' }, 'line'), [/^LINE_CHANNEL_SECRET is missing; set it to /])
  t.ok(channelSettings('braze').includes('BRAZE_ATTRIBUTE'))
  t.notOk(channelSettings('braze').includes('LINE_CHANNEL_SECRET'))
})

t.test('a file of channels: values as they are, of the environment, of .env and of files', async (t) => {
  const list = [
    { ...SHOP, secret: 'env:SHOP_SECRET', channelId: 1234567890, loginChannelId: 'env:SHOP_LOGIN' },
    { ...CAFE, secret: 'file:secrets/cafe', accessToken: 'env:CAFE_TOKEN', aliasLabel: 'line' },
    { ...CAFE, name: 'bar-2', attribute: 'bar' },
  ]
  const files = { secrets: { cafe: 'one, two\n' } }
  const env = {
    ...fileOf(t, `\ufeff${JSON.stringify(list)}`, files as never),
    SHOP_SECRET: ' a ',
    CAFE_TOKEN: 'x',
  }
  const { channels, files: read } = loadChannels(env, 'SHOP_LOGIN=42\nCAFE_TOKEN=not-this-one', 'webhooks')
  const shop = {
    ...SHOP,
    channelId: '1234567890',
    aliasLabel: 'line_id',
    loginChannelId: '42',
    tokenBlock: BLOCK,
  }
  t.strictSame(
    channels.map(({ secrets, ...others }) => [others, secrets]),
    [
      [(({ secret: _, ...others }) => others)(shop), ['a']],
      [
        (({ secret: _, ...others }) => ({
          ...others,
          accessToken: 'x',
          aliasLabel: 'line',
          tokenBlock: BLOCK,
        }))(CAFE),
        ['one', 'two'],
      ],
      [
        (({ secret: _, ...others }) => ({
          ...others,
          name: 'bar-2',
          attribute: 'bar',
          aliasLabel: 'line_id',
          tokenBlock: BLOCK,
        }))(CAFE),
        ['cafe-secret'],
      ],
    ],
  )
  t.strictSame(
    read,
    [env.LINE_CHANNELS_FILE, join(env.LINE_CHANNELS_FILE, '../secrets/cafe')],
    'relative to the file',
  )
  t.match(loadChannels(fileOf(t, [{ name: 'only', secret: 'a' }]), '', 'braze').channels, [
    { attribute: 'line_id' },
  ])
})

t.test(
  'no such file, and what is no list of channels: one line, with nothing of what is there',
  async (t) => {
    const right = 'it must be a JSON file with a list of one or more channels'
    const told = (content: unknown) => complaints(fileOf(t, content))
    t.strictSame(complaints({ LINE_CHANNELS_FILE: '/nowhere/hunter2' }), [
      `LINE_CHANNELS_FILE names a file that cannot be read (ENOENT); ${right}`,
    ])
    t.match(complaints({ LINE_CHANNELS_FILE_FILE: '/nowhere/hunter2' }), [
      /^LINE_CHANNELS_FILE_FILE names a file that cannot be read \(ENOENT\)/,
    ])
    t.strictSame(told('[{"name": "shop", "secret": hunter2}]'), [
      `LINE_CHANNELS_FILE names a file that is not JSON; ${right}`,
    ])
    t.strictSame(told('[{"name": "shop",\n"secret": "hunter2"]'), [
      `LINE_CHANNELS_FILE names a file that is not JSON (line 2 column 20); ${right}`,
    ])
    t.strictSame(told(''), [`LINE_CHANNELS_FILE names a file that is not JSON; ${right}`])
    const latin1 = Buffer.from('[{"name": "shop", "secret": "hunter2", "attribute": "caf\xe9"}]', 'latin1')
    t.strictSame(told(latin1), [`LINE_CHANNELS_FILE names a file that is not UTF-8; ${right}`])
    for (const list of [{}, null, 'null', { shop: SHOP }, '5'])
      t.strictSame(told(list), [`LINE_CHANNELS_FILE names a file with no list; ${right}`])
    t.strictSame(told([]), [`LINE_CHANNELS_FILE names a file with an empty list; ${right}`])
    t.strictSame(told([SHOP, 'hunter2', null]), [
      'LINE_CHANNELS_FILE: channel number 2 is no object',
      'LINE_CHANNELS_FILE: channel number 3 is no object',
    ])
  },
)

t.test('all that is wrong is told together: a line each, by channel and key, without a secret', async (t) => {
  const list = [
    { ...SHOP, secret: 'env:SHOP_SECRET', attribute: '$line', hunter2: 1, acessToken: 'hunter2' },
    { ...CAFE, secret: 'file:hunter2', accessToken: 'hunter 2', channelId: 'hunter2', aliasLabel: null },
    { name: 'Hunter2', secret: ' ', channelId: ['hunter2'], attribute: '1' },
    { name: 'bar', secret: 'env:constructor', attribute: 'external_id', loginChannelId: 'hunter2' },
    { secret: 'a,,hunter2', attribute: '2', accessToken: 'hunter2' },
  ]
  const lines = complaints(fileOf(t, list))
  const expected = [
    /^LINE_CHANNELS_FILE, channel shop: attribute is wrong; it must be the name of a custom attribute/,
    /^LINE_CHANNELS_FILE, channel shop: secret names the variable SHOP_SECRET, which is not set; it must be the channel secret from/,
    /^LINE_CHANNELS_FILE, channel shop: what it has is none of the keys, which are name, secret, accessToken, channelId, attribute, aliasLabel, loginChannelId, assertionKey, tokenBlock$/,
    /^LINE_CHANNELS_FILE, channel shop: acessToken is none of the keys/,
    /^LINE_CHANNELS_FILE, channel cafe: secret names a file that cannot be read \(ENOENT\); it must be the channel secret/,
    /^LINE_CHANNELS_FILE, channel cafe: accessToken is wrong; it must be a channel access token without spaces/,
    /^LINE_CHANNELS_FILE, channel cafe: channelId is wrong; it must be the digits/,
    /^LINE_CHANNELS_FILE, channel cafe: aliasLabel is no text; it must be a label/,
    /^LINE_CHANNELS_FILE, channel number 3: name is wrong; it must be 1 to 64 of a to z/,
    /^LINE_CHANNELS_FILE, channel number 3: secret is missing; set it to the channel secret/,
    /^LINE_CHANNELS_FILE, channel number 3: channelId is no text/,
    /^LINE_CHANNELS_FILE, channel bar: secret names a variable, which is not set/,
    /^LINE_CHANNELS_FILE, channel bar: attribute is wrong/,
    /^LINE_CHANNELS_FILE, channel bar: loginChannelId is wrong/,
    /^LINE_CHANNELS_FILE, channel number 5: secret is wrong/,
    /^LINE_CHANNELS_FILE, channel number 5: name is missing/,
  ]
  for (const each of expected)
    t.ok(
      lines.some((line) => each.test(line)),
      String(each),
    )
  t.equal(lines.length, expected.length, lines.join('\n'))
  t.notMatch(lines.join('\n'), /hunter/i)
})

t.test('two channels of one name, and two of one attribute', async (t) => {
  const bar = { ...SHOP, name: 'bar' }
  t.strictSame(complaints(fileOf(t, [SHOP, CAFE, { ...CAFE, name: 'shop', attribute: 'other' }])), [
    'LINE_CHANNELS_FILE: channel number 1 and channel number 3 have the same name; give each its own',
  ])
  t.strictSame(complaints(fileOf(t, [SHOP, CAFE, bar])), [
    'LINE_CHANNELS_FILE: channel shop and channel bar have the same attribute; give each its own',
  ])
  const { attribute: _, ...nameless } = bar
  t.match(
    complaints(fileOf(t, [SHOP, nameless])),
    [/channel shop and channel bar have the same attribute/],
    'by default',
  )
})

t.test('a file of channels beside the settings of one', async (t) => {
  const env = fileOf(t, [SHOP])
  for (const [name, key] of [
    ['LINE_CHANNEL_SECRET', 'secret'],
    ['LINE_CHANNEL_ACCESS_TOKEN', 'accessToken'],
    ['LINE_CHANNEL_ID', 'channelId'],
    ['LINE_LOGIN_CHANNEL_ID', 'loginChannelId'],
    ['BRAZE_ATTRIBUTE', 'attribute'],
    ['BRAZE_ALIAS_LABEL', 'aliasLabel'],
    ['LINE_ASSERTION_KEY', 'assertionKey'],
    ['BRAZE_TOKEN_BLOCK', 'tokenBlock'],
  ] as const) {
    for (const more of [{ [name]: 'hunter2' }, { [`${name}_FILE`]: '/nowhere/hunter2' }])
      for (const need of ['webhooks', 'line', 'token', 'braze'] as const)
        t.strictSame(complaints({ ...env, ...more }, need), [
          `${name} and LINE_CHANNELS_FILE are both set; say it as ${key} in that file, and remove ${name}`,
        ])
    t.strictSame(complaints({ ...env, [name]: ' ' }), [], 'empty is absent')
  }
})

t.test('an assertion key: for its channel alone, and then no secret is needed to ask LINE', async (t) => {
  const key = JSON.stringify(newAssertionKey().privateKey)
  const env = { LINE_CHANNEL_ID: '7', LINE_ASSERTION_KEY: key }
  const [channel] = loadChannels(env, '', 'line').channels
  t.match(channel, { channelId: '7', assertionKey: key, secrets: [] })
  t.match(loadChannels({ ...env, BRAZE_TOKEN_BLOCK: 'Other-1' }, '', 'token').channels, [
    { assertionKey: key, tokenBlock: 'Other-1' },
  ])
  for (const need of ['line', 'token'] as const)
    t.match(complaints({ LINE_ASSERTION_KEY: key }, need), [
      /^LINE_CHANNEL_ID is missing, without which LINE_ASSERTION_KEY is of no use; set it to the digits of/,
    ])
  t.match(complaints(fileOf(t, [SHOP, { ...CAFE, assertionKey: key }])), [
    /^LINE_CHANNELS_FILE, channel cafe: channelId is missing, without which assertionKey is of no use; set it to/,
  ])
  const { channels, files } = loadChannels(
    fileOf(t, [{ ...SHOP, assertionKey: 'file:key.json' }], { 'key.json': key }),
    '',
    'braze',
  )
  t.match(channels, [{ assertionKey: key, tokenBlock: BLOCK }])
  t.equal(files.length, 2, 'a file whose readers are watched')
  t.match(complaints(fileOf(t, [{ ...SHOP, assertionKey: { kty: 'RSA' } }])), [
    /^LINE_CHANNELS_FILE, channel shop: assertionKey is no text; it must be the private JWK/,
  ])
})

t.test('two channels with a token in Braze need a block each; who has none there need not', async (t) => {
  const assertionKey = JSON.stringify(newAssertionKey().privateKey)
  const [shop, cafe] = [
    { ...SHOP, assertionKey },
    { ...CAFE, channelId: '2', assertionKey },
  ]
  const same = [
    'LINE_CHANNELS_FILE: channel shop and channel cafe have the same tokenBlock; give each its own',
  ]
  t.strictSame(complaints(fileOf(t, [shop, cafe])), same)
  t.strictSame(complaints(fileOf(t, [shop, { ...CAFE, tokenBlock: BLOCK }])), same)
  t.strictSame(complaints(fileOf(t, [SHOP, CAFE])), [])
  t.strictSame(complaints(fileOf(t, [shop, CAFE])), [])
  t.strictSame(complaints(fileOf(t, [shop, { ...cafe, tokenBlock: 'cafe' }])), [])
})
