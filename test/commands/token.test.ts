import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { lastLine } from '../harness/stage.ts'
import { BLOCK, stageTokens } from '../harness/token-stage.ts'

const DAYS_30 = 30 * 86_400

t.test('rotate makes the block, then changes it; token says what is there, and whose it is', async (t) => {
  const { braze, line, token, content, takes } = await stageTokens(t)
  const empty = await token()
  t.equal(empty.code, 1)
  t.match(empty.result, {
    status: 'wrong',
    channels: [
      {
        channel: 'default',
        block: BLOCK,
        status: 'wrong',
        writtenBy: null,
        secondsLeft: null,
        liveTokens: 0,
      },
    ],
  })
  t.match(empty.stderr, /token rotate \(with LINE_ASSERTION_KEY\) or line-braze token put/)

  const first = await token(['rotate'])
  t.equal(first.code, 0, first.stderr)
  const [keyId] = line.keyIds()
  t.match(first.result, { status: 'rotated', channels: [{ channel: 'default', block: BLOCK, keyId }] })
  const held = content()
  t.ok(await takes(held))

  const shown = await token()
  t.equal(shown.code, 0, shown.stderr)
  const [state] = shown.result.channels
  t.match(state, { status: 'ok', keyId, writtenBy: 'line-braze', liveTokens: 1 })
  t.ok(state.secondsLeft > DAYS_30 - 60 && state.secondsLeft <= DAYS_30)
  t.match(
    state.message,
    /^The Content Block LINE_Channel_AccessToken holds the token .*, which line-braze has issued\. LINE takes it, for (29|30) days\. The channel has 1 of the 30 tokens/,
  )

  braze.createTag('keep')
  t.equal((await token(['rotate'])).code, 0)
  t.not(content(), held)
  t.ok(await takes(content()))
  t.ok(await takes(held), 'the one before ends by itself')
  t.equal(line.keyIds().length, 2)
  const all = [empty, first, shown].map(({ stdout, stderr }) => stdout + stderr).join()
  t.notOk(all.includes(String(held)), 'no token is printed')
})

t.test('the settings of a token: what is missing is told', async (t) => {
  const { token, braze } = await stageTokens(t)
  const without = await token(['rotate'], { LINE_ASSERTION_KEY: '' })
  t.equal(without.code, 2)
  t.match(
    without.stderr,
    /^LINE_ASSERTION_KEY is missing; tokens are issued by it: line-braze token keygen makes one/,
  )
  const nobody = await token([], { LINE_CHANNEL_ID: '' })
  t.equal(nobody.code, 2)
  t.match(nobody.stderr, /^LINE_CHANNEL_ID is missing, without which LINE_ASSERTION_KEY is of no use/)
  t.equal(braze.calls.length, 0)
})

t.test('put: a long-lived token from standard input or a file, checked before and after', async (t) => {
  const { token, line, braze, content, folder } = await stageTokens(t)
  const from = (text: string) => ({ stdin: Readable.from([Buffer.from(text)]) as never })
  const keyless = { LINE_ASSERTION_KEY: '' }
  const given = await token(['put'], keyless, from(`${line.token}\n`))
  t.equal(given.code, 0, given.stderr)
  t.match(given.result, { status: 'written', channel: 'default', block: BLOCK, secondsLeft: null })
  t.equal(content(), line.token)
  t.notOk((given.stdout + given.stderr).includes(line.token))
  const shown = await token([], keyless)
  t.match(shown.result, {
    status: 'ok',
    channels: [{ keyId: null, writtenBy: 'somebody else', secondsLeft: null, liveTokens: null }],
  })
  t.match(shown.result.channels[0].message, /LINE takes it, and it has no end\.$/)

  const file = join(folder, 'token')
  const next = line.reissueToken(60_000)
  writeFileSync(file, next)
  t.equal((await token(['put', '--file', file], { ...keyless, LINE_CHANNEL_ID: '' })).code, 0)
  t.equal(content(), next)

  const before = braze.calls.length
  for (const [text, code, pattern] of [
    ['', 2, /What was given is no channel access token/],
    ['{{ liquid }}', 2, /What was given is no channel access token/],
    ['two lines\nof it', 2, /What was given is no channel access token/],
    ['hunter2', 1, /LINE does not take this token.*the long-lived one of the LINE Developers Console/],
  ] as const) {
    const ended = await token(['put'], keyless, from(text))
    t.equal(ended.code, code, text)
    t.match(ended.stderr, pattern)
    t.notMatch(ended.stderr, /hunter2|liquid/)
  }
  const other = line.addChannel({ channelId: '4242' })
  const stranger = await token(['put'], keyless, from(other.token))
  t.equal(stranger.code, 1)
  t.match(stranger.stderr, /This is a token of the channel 4242, and LINE_CHANNEL_ID/)
  t.equal(content(), next, 'the block is left as it was')
  t.equal(braze.calls.length, before)
  t.match((await token(['put', '--file', join(folder, 'nowhere')])).stderr, /is not there; name another file/)
})

t.test('keygen: the private half for us alone, the public half for LINE, and it works', async (t) => {
  const { folder, line, token, content, takes } = await stageTokens(t)
  const made = await token(['keygen', 'key.json'], {}, { cwd: folder })
  t.equal(made.code, 0, made.stderr)
  const file = join(folder, 'key.json')
  t.equal(statSync(file).mode & 0o777, 0o600)
  const { publicKey } = made.result
  t.strictSame(Object.keys(publicKey).sort(), ['alg', 'e', 'kty', 'n', 'use'])
  t.match(made.result, { status: 'made', file: 'key.json' })
  t.match(
    made.stderr,
    /register this public key.*LINE shows a kid for it.*LINE_ASSERTION_KEY_FILE=key\.json/s,
  )
  const key = JSON.parse(readFileSync(file, 'utf8'))
  t.notOk((made.stdout + made.stderr).includes(key.d), 'the private half is in the file alone')

  const env = { LINE_ASSERTION_KEY: '', LINE_ASSERTION_KEY_FILE: file }
  const early = await token(['rotate'], env)
  t.equal(early.code, 2)
  t.match(early.stderr, /LINE_ASSERTION_KEY has no kid|has no kid, which the LINE Developers Console shows/)
  writeFileSync(file, JSON.stringify({ ...key, kid: line.registerKey(publicKey) }))
  t.equal((await token(['rotate'], env)).code, 0)
  t.ok(await takes(content()))

  const again = await token(['keygen', 'key.json'], {}, { cwd: folder })
  t.equal(again.code, 1)
  t.match(again.stderr, /key\.json is there already, and is left as it is/)
  const printed = await token(['keygen', '--print'], {}, { cwd: folder })
  t.match(printed.result, { file: null, privateKey: { kid: '', kty: 'RSA', alg: 'RS256' } })
})

t.test('what LINE says of a key or a clock is said with what to check', async (t) => {
  const { token, line, content } = await stageTokens(t)
  line.removeKey(JSON.parse((await stageTokens(t)).tokenEnv.LINE_ASSERTION_KEY as string).kid)
  const other = await stageTokens(t)
  const unknown = await token(['rotate'], { LINE_ASSERTION_KEY: other.tokenEnv.LINE_ASSERTION_KEY as string })
  t.equal(unknown.code, 1)
  t.match(unknown.stderr, /404 .*Cannot find channel key.*; LINE_ASSERTION_KEY and LINE_CHANNEL_ID/)
  t.equal(content(), undefined)

  for (const aheadMs of [16 * 60_000, -16 * 60_000]) {
    const skewed = await stageTokens(t, { line: { clock: () => Date.now() + aheadMs } })
    const late = await skewed.token(['rotate'])
    t.equal(late.code, 1)
    t.match(late.stderr, /Invalid exp.*; LINE takes an assertion .*check this machine's clock/)
  }
  for (const aheadMs of [14 * 60_000, -14 * 60_000]) {
    const skewed = await stageTokens(t, { line: { clock: () => Date.now() + aheadMs } })
    t.equal((await skewed.token(['rotate'])).code, 0, 'minutes do not matter')
  }
})

t.test(
  'a block that a person has touched: the token that it holds stays, and a sentence says what to do',
  async (t) => {
    const { token, braze, line, content } = await stageTokens(t)
    await token(['rotate'])
    const held = content()
    for (const listed of [true, false]) {
      braze.archiveContentBlock(BLOCK)
      braze.listArchivedBlocks(listed)
      const archived = await token(['rotate'])
      t.equal(archived.code, 1)
      t.match(archived.stderr, /archived, unarchive it on Braze's page/)
      t.equal(content(), held)
      braze.unarchiveContentBlock(BLOCK)
    }
    braze.archiveContentBlock(BLOCK)
    braze.listArchivedBlocks(true)
    const issued = line.keyIds().length
    t.equal((await token(['rotate'])).code, 1)
    t.equal(line.keyIds().length, issued, 'nothing is issued for a block that takes nothing')
    braze.unarchiveContentBlock(BLOCK)
    braze.draftContentBlock(BLOCK)
    t.equal((await token(['rotate'])).code, 0)
    t.equal(braze.contentBlock(BLOCK)?.state, 'active', 'a draft is of no use to messages')
    t.equal(line.keyIds().length, issued + 1)
    braze.editContentBlock(BLOCK, ` ${content()}\n`)
    t.match((await token()).result, { status: 'ok' }, 'templates strip it')
    braze.editContentBlock(BLOCK, 'Bearer hunter2')
    const edited = await token()
    t.equal(edited.code, 1)
    t.match(edited.result.channels[0], {
      status: 'wrong',
      writtenBy: 'somebody else',
      message: /LINE does not take what/,
    })
    t.notMatch(edited.stdout + edited.stderr, /hunter2/)
    for (const content of ['', '{% if %}']) {
      braze.editContentBlock(BLOCK, content)
      t.equal((await token(['rotate'])).code, 0, 'what Braze would not take back is replaced')
    }
    braze.renameContentBlock(BLOCK, 'other')
    t.equal((await token(['rotate'])).code, 0, 'whoever never knew it makes another')
  },
)

t.test(
  'a key of Braze without a permission: which, before a token is issued where that can be',
  async (t) => {
    const { token, braze, line } = await stageTokens(t)
    for (const name of ['list', 'create', 'info'] as const) {
      braze.answerNextOf(`/content_blocks/${name}`, { status: 403, body: { message: 'hunter2' } })
      const ended = await token(['rotate'])
      t.equal(ended.code, 1)
      t.match(
        ended.stderr,
        new RegExp(`needs the permission content_blocks\\.${name}, which cannot be added to a key`),
      )
      if (name === 'list') t.equal(line.keyIds().length, 0)
    }
    const issued = line.keyIds().length
    braze.answerNextOf('/content_blocks/update', { status: 403 })
    t.match((await token(['rotate'])).stderr, /needs the permission content_blocks\.update/)
    t.equal(line.keyIds().length, issued)
  },
)

t.test(
  'where another process works on the token it says that it waits, and goes on afterwards',
  async (t) => {
    const { command, ledger, tokenEnv, content } = await stageTokens(t)
    const all = await ledger()
    await all.holdLease('token-default', 'another process', 60_000, { endedMs: 0, lostMs: 0 })
    const sleep = () => new Promise(setImmediate)
    const quick = { LINE_TIMEOUT_MS: '500', BRAZE_TIMEOUT_MS: '500' }
    const rotate = command(['token', 'rotate'], { ...tokenEnv, ...quick }, { sleep })
    await rotate.said(/Another process works on the token, .* 2 seconds at most/)
    t.equal(content(), undefined)
    await all.releaseLease('token-default', 'another process', 0)
    t.equal((await rotate.ended).code, 0)
    t.type(content(), 'string')
  },
)

t.test('a key that LINE does not take keeps nobody from seeing what is in the block', async (t) => {
  const { token } = await stageTokens(t)
  await token(['rotate'])
  const other = await stageTokens(t)
  const shown = await token([], { LINE_ASSERTION_KEY: other.tokenEnv.LINE_ASSERTION_KEY as string })
  t.equal(shown.code, 1)
  t.match(shown.stderr, /Cannot find channel key.*; LINE_ASSERTION_KEY and LINE_CHANNEL_ID/)
  t.match(shown.result, { status: 'failed', channels: [{ status: 'ok', liveTokens: null }] })
})

t.test('an answer of Braze that repeats the token is not shown', async (t) => {
  const { token, braze, content } = await stageTokens(t)
  await token(['rotate'])
  const body = { message: `Content is malformed: ${content()} and eyJhbGciOiJIUzI1NiJ9.${'a'.repeat(60)}` }
  braze.answerNextOf('/content_blocks/update', { status: 400, body })
  const ended = await token(['rotate'])
  t.equal(ended.code, 1)
  t.match(ended.stderr, /Content is malformed: <secret> and <secret>/)
  braze.editContentBlock(BLOCK, 'hunter2')
  braze.answerNextOf('/content_blocks/update', { status: 400, body: { message: 'hunter2 is wrong' } })
  t.match((await token(['rotate'])).stderr, /\(<secret> is wrong\)/)
})

t.test("another channel's block is left alone", async (t) => {
  const { token, braze, line, content } = await stageTokens(t)
  const other = line.addChannel({ channelId: '4242' })
  braze.createContentBlock(BLOCK, other.token)
  const from = (text: string) => ({ stdin: Readable.from([Buffer.from(text)]) as never })
  const refused = /holds a token of the channel 4242, which LINE takes.*BRAZE_TOKEN_BLOCK/s
  for (const more of [{}, { LINE_CHANNEL_ID: '', LINE_ASSERTION_KEY: '' }]) {
    const put = await token(['put'], more, from(line.token))
    t.equal(put.code, 1)
    t.match(put.stderr, refused)
  }
  const rotated = await token(['rotate'])
  t.equal(rotated.code, 1)
  t.match(rotated.stderr, refused)
  t.equal(content(), other.token)
  t.equal(line.keyIds().length, 0)
  braze.editContentBlock(BLOCK, 'nothing')
  t.equal((await token(['rotate'])).code, 0)
})

t.test('several channels: each with its own block, and the key of each', async (t) => {
  const { token, line, folder, tokenEnv } = await stageTokens(t)
  const file = join(folder, 'channels.json')
  const [shop, cafe] = [
    {
      name: 'shop',
      secret: 'a',
      channelId: line.channelId,
      assertionKey: 'env:KEY',
      tokenBlock: 'shop_token',
    },
    { name: 'cafe', secret: 'b', attribute: 'cafe' },
  ]
  const env = {
    LINE_CHANNEL_ID: '',
    LINE_ASSERTION_KEY: '',
    LINE_CHANNELS_FILE: file,
    KEY: tokenEnv.LINE_ASSERTION_KEY as string,
  }
  writeFileSync(file, JSON.stringify([shop, cafe]))
  const rotated = await token(['rotate'], env)
  t.equal(rotated.code, 0, rotated.stderr)
  t.match(rotated.result.channels, [{ channel: 'shop', block: 'shop_token' }])
  t.equal(rotated.result.channels.length, 1)
  t.match((await token(['rotate', '--channel', 'cafe'], env)).stderr, /channel cafe: assertionKey is missing/)
  t.match((await token(['put'], env)).stderr, /Name the channel that the token is of: --channel NAME/)
  writeFileSync(file, JSON.stringify([{ ...shop, tokenBlock: BLOCK }, cafe]))
  const shared = await token(['put', '--channel', 'cafe'], env)
  t.equal(shared.code, 2)
  t.match(shared.stderr, /channel cafe and channel shop have the same tokenBlock; give each its own/)
  t.equal(lastLine((await token(['rotate'], env)).stdout).channels.length, 1)
  t.match((await token([], env)).result.channels, [{ channel: 'shop' }])
})

t.test('backfill asks LINE with the key alone: no secret, no token', async (t) => {
  const { command, line, tokenEnv } = await stageTokens(t, { line: { followers: [] } })
  const env = { ...tokenEnv, LINE_CHANNEL_SECRET: '' }
  const ended = await command(['backfill', '--dry-run', '--json'], env).ended
  t.equal(ended.code, 0, ended.stderr)
  t.equal(line.stats.tokensIssued, 1)
})
