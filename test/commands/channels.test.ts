import { writeFileSync } from 'node:fs'
import t from 'tap'
import { friend, gone } from '../../src/contact/contact.ts'
import { SHOP_SECRET, stageChannels } from '../harness/channels.ts'
import { key, users } from '../harness/people.ts'

const HOUR_MS = 3_600_000

t.test('backfill brings in the list of each channel, one after the other', async (t) => {
  const { braze, run, command, taken, known } = await stageChannels(t, {
    shop: { followers: users(30), pageSize: 10 },
    cafe: { followers: [...users(5), 'Ucafe'] },
  })
  await known([friend(key('Ugone', 'cafe'), Date.now() - HOUR_MS)])
  const { code, result, stderr } = await run(['backfill'])
  t.equal(code, 0, stderr)
  t.match(result, {
    status: 'complete',
    pages: 4,
    listed: 36,
    new: 36,
    gone: 1,
    delivered: 37,
    channels: [
      { channel: 'shop', status: 'complete', pages: 3, listed: 30, new: 30, gone: 0, delivered: 30 },
      { channel: 'cafe', status: 'complete', pages: 1, listed: 6, new: 6, gone: 1, delivered: 7 },
    ],
  })
  t.match(stderr, /^cafe \(2 of 2\): listed 6 of 6.*, delivered 37 of 37/m)
  t.strictSame(taken('u0'), { line_id: 'u0', cafe_line_id: 'u0' })
  t.strictSame(taken('u29'), { line_id: 'u29' })
  t.strictSame(taken('Ugone'), { cafe_line_id: null })
  t.equal(braze.stats.objects, 37)

  const again = await command(['backfill']).ended
  t.equal(
    again.stdout,
    [
      'shop: LINE lists 30 followers on 3 pages: 0 new, 0 returned, 0 gone. Braze has accepted 0 changes.',
      'cafe: LINE lists 6 followers on 1 page: 0 new, 0 returned, 0 gone. Braze has accepted 0 changes.\n',
    ].join('\n'),
  )
})

t.test('--channel does one of them, and says nothing of several', async (t) => {
  const { run, command, lines, braze } = await stageChannels(t, {
    shop: { followers: users(3) },
    cafe: { followers: users(4) },
  })
  const { code, result, stderr } = await run(['backfill', '--channel', 'cafe'])
  t.equal(code, 0, stderr)
  t.match(result, { status: 'complete', listed: 4, delivered: 4 })
  t.notOk('channels' in result)
  t.equal(lines.shop.stats.pages, 0)
  t.equal(
    (await command(['backfill', '--channel', 'shop', '--dry-run']).ended).stdout.indexOf(
      'LINE lists 3 followers',
    ),
    0,
  )
  t.equal(braze.stats.objects, 4)
  for (const name of ['backfill', 'resync', 'verify']) {
    const { code, stderr } = await command([name, '--channel', 'hunter2']).ended
    t.equal(code, 2)
    t.match(stderr, /There is no channel of that name; there are shop, cafe\.\n$/)
    t.notMatch(stderr, 'hunter2')
  }
  const one = { LINE_CHANNELS_FILE: '', LINE_CHANNEL_SECRET: 'a', LINE_CHANNEL_ACCESS_TOKEN: 'a' }
  t.match(await command(['backfill', '--channel', 'shop'], one).ended, {
    code: 2,
    stderr: /there is default\.\n$/,
  })
})

t.test('a channel that fails keeps none of the others from being done', async (t) => {
  const { run, command, lines } = await stageChannels(t, {
    shop: { followers: users(30), pageSize: 10 },
    cafe: { followers: users(6) },
  })
  lines.shop.answerPage(2, { status: 404 })
  const { code, result, stderr } = await run(['backfill'])
  t.equal(code, 1)
  t.match(result, {
    status: 'failed',
    listed: 16,
    delivered: 16,
    channels: [
      { channel: 'shop', status: 'failed', listed: 10, delivered: 10 },
      { channel: 'cafe', status: 'complete', listed: 6, delivered: 6 },
    ],
  })
  t.match(stderr, /^shop: LINE answers 404 .* Run backfill again within 24 hours to go on after page 1\.\n$/m)

  lines.shop.forbidList(true)
  lines.cafe.setToken('another')
  const both = await command(['backfill']).ended
  t.equal(both.code, 1)
  t.equal(both.stdout, '')
  t.match(both.stderr, /^shop: LINE answers 403 .*\ncafe: LINE answers 401 .*\n$/m)

  lines.shop.forbidList(false)
  const last = await command(['backfill']).ended
  t.match(last, {
    code: 1,
    stderr: /^shop: Going on with the last run after page 1.*\n(.*\n)*cafe: LINE answers 401 .*\n$/m,
  })
  t.match(last.stdout, /^shop: LINE lists 30 followers on 3 pages: 30 new, .*\n$/)
})

t.test('interrupted: what is done, what goes on, and what has not begun', async (t) => {
  const { command, lines, list, file } = await stageChannels(t, {
    shop: { followers: users(3) },
    cafe: { followers: users(30), pageSize: 10 },
  })
  writeFileSync(file, JSON.stringify([...list, { ...list[0], name: 'bar', attribute: 'bar' }]))
  lines.cafe.answerPage(2, { kind: 'hang' })
  const started = command(['backfill', '--json', '--no-wait'], { LINE_TIMEOUT_MS: '60000' })
  await lines.cafe.until(() => lines.cafe.stats.byPath['/v2/bot/followers/ids'] === 2)
  const { code, stdout, stderr } = await started.kill('SIGINT')
  t.equal(code, 130)
  t.match(JSON.parse(stdout), {
    status: 'interrupted',
    channels: [
      { status: 'complete', listed: 3 },
      { status: 'interrupted' },
      { status: 'interrupted', listed: 0 },
    ],
  })
  t.match(stderr, /^shop: LINE lists 3 followers .*\ncafe: Interrupted[.;] .*\nbar: Not begun\.\n$/m)
})

t.test('a channel without a token: a line for each, before anything is done', async (t) => {
  const { command, list, file, lines } = await stageChannels(t)
  const [{ accessToken: _, ...shop } = { accessToken: '' }, cafe] = list
  writeFileSync(file, JSON.stringify([shop, cafe]))
  t.match(await command(['backfill'], { BRAZE_API_KEY: '' }).ended, {
    code: 2,
    stderr:
      /^BRAZE_API_KEY is missing.*\nLINE_CHANNELS_FILE, channel shop: accessToken is missing; set it to a channel access token, or channelId to the channel id, or choose another channel with --channel\n$/,
  })
  t.equal(lines.cafe.stats.requests, 0)
  t.match(await command(['backfill', '--channel', 'cafe']).ended, { code: 0 })
})

t.test('resync and verify: all channels, and one', async (t) => {
  const { braze, run, command, known, taken } = await stageChannels(t)
  braze.setExportLimit({ dialect: 'epoch', requests: 1_000, perMs: 60_000 })
  const at = (channel: string) => users(3).map((userId) => friend(key(userId, channel), 5))
  await known([...at('shop'), ...at('cafe'), friend(key('Ucafe', 'cafe'), 5), gone(key('Ugone', 'shop'), 5)])

  const found = await run(['verify'])
  t.equal(found.code, 1)
  t.match(found.result, {
    status: 'differ',
    checked: 8,
    agree: 1,
    unknown: 7,
    channels: [
      { channel: 'shop', status: 'differ', checked: 4, unknown: 3, agree: 1 },
      { channel: 'cafe', status: 'differ', checked: 4, unknown: 4, agree: 0 },
    ],
  })
  t.match(await run(['resync']), { code: 2, stderr: /up to 7 objects/ })
  t.match(await run(['resync', '--channel', 'shop']), { code: 2, stderr: /up to 3 objects/ })

  const told = await run(['resync', '--yes', '--channel', 'shop'])
  t.match(told, { code: 0, result: { status: 'complete', resent: 3, delivered: 3 } }, told.stderr)
  t.strictSame(taken('u0'), { line_id: 'u0' })
  await braze.whenApplied()
  const fixed = await run(['verify', '--fix', '--channel', 'cafe'])
  t.match(fixed, {
    code: 0,
    result: { status: 'fixed', checked: 4, missing: 3, unknown: 1, fixed: 4, delivered: 4 },
  })
  t.strictSame(taken('u0'), { line_id: 'u0', cafe_line_id: 'u0' })

  const all = await command(['resync', '--yes']).ended
  t.match(all, {
    code: 0,
    stdout: 'shop: Braze was told again of 3 contacts.\ncafe: Braze was told again of 4 contacts.\n',
  })
  const json = await run(['resync', '--yes'])
  t.match(json.result, {
    resent: 7,
    delivered: 7,
    channels: [
      { channel: 'shop', resent: 3 },
      { channel: 'cafe', resent: 4 },
    ],
  })
})

t.test('verify of several channels: a table of each, and a sample of each', async (t) => {
  const { braze, run, command, known } = await stageChannels(t)
  braze.setExportLimit({ dialect: 'epoch', requests: 1_000, perMs: 60_000 })
  await known(
    ['shop', 'cafe'].flatMap((channel) => users(5).map((userId) => friend(key(userId, channel), 5))),
  )
  for (const userId of users(5)) braze.createProfile(userId, { line_id: userId, cafe_line_id: userId })
  t.match(await run(['verify', '--sample', '2']), {
    code: 0,
    result: { checked: 4, channels: [{ checked: 2 }, { checked: 2 }] },
  })
  braze.createProfile('u0', { cafe_line_id: 'another' })
  const { stdout, stderr } = await command(['verify']).ended
  t.equal(
    stdout,
    [
      'shop:',
      '5  agree, of 5 compared',
      'cafe:',
      '4  agree, of 5 compared',
      '1  wrong: can be reached, and the attribute holds something else\n',
    ].join('\n'),
  )
  t.match(stderr, /1 profile differs/)
})

t.test('an alias profile that accounts share is never merged for one of them', async (t) => {
  const { command, list, file, known } = await stageChannels(t)
  await known([])
  const resync = () => command(['resync', '--yes'], { BRAZE_MERGE_PROFILES: 'true' }).ended
  const { code, stderr } = await resync()
  t.equal(code, 2)
  t.match(stderr, /BRAZE_MERGE_PROFILES is true and the channels shop, cafe have the same aliasLabel/)
  writeFileSync(file, JSON.stringify(list.map((each) => ({ ...each, aliasLabel: each.attribute }))))
  t.equal((await resync()).code, 0)
})

t.test(
  "serve asks LINE for each channel's quota of the month, and where there is no token, not",
  async (t) => {
    const { serve, lines, list, file } = await stageChannels(t)
    lines.shop.setQuota(500)
    lines.shop.setQuotaUsed(20)
    lines.cafe.setQuotaUsed(7)
    const bar = { name: 'bar', secret: 'a', attribute: 'bar_line_id' }
    writeFileSync(file, JSON.stringify([...list, bar]), { mode: 0o600 })
    const server = await serve()
    const said = (channel: string) =>
      server.logged((line) => line.channel === channel && /^LINE has said how many/.test(line.msg))
    await Promise.all([said('shop'), said('cafe')])
    const { body } = await server.get('/metrics')
    t.strictSame(body.match(/^line_braze_line_quota.*$/gm), [
      'line_braze_line_quota{channel="shop"} 500',
      'line_braze_line_quota_used{channel="shop"} 20',
      'line_braze_line_quota_used{channel="cafe"} 7',
    ])
  },
)

t.test('a LINE that does not answer keeps serve from nothing, also not from its end', async (t) => {
  const { serve, lines, line: connect, braze } = await stageChannels(t)
  for (const line of Object.values(lines)) line.setOutage({ kind: 'hang' })
  const server = await serve({ LINE_TIMEOUT_MS: '60000' })
  await lines.shop.until(() => lines.shop.stats.inFlight === 1)
  const shop = connect(server.url, { url: `${server.url}/webhook/shop`, secret: SHOP_SECRET })
  const userId = shop.events.user()
  t.match(await shop.post([shop.events.follow(userId)]), { status: 200 })
  await braze.until(() => braze.attribute(userId) === userId)
  t.strictSame(await server.stop(), { code: 0, signal: null })
})
