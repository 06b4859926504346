import { writeFileSync } from 'node:fs'
import t from 'tap'
import { CAFE_SECRET, SHOP_SECRET, stageChannels } from '../harness/channels.ts'

t.test('two accounts in one server: one profile with two attributes, and nothing mixed up', async (t) => {
  const { braze, serve, line, taken, delivered } = await stageChannels(t)
  const server = await serve({ LOG_LEVEL: 'debug' })
  t.match(await server.logged(({ msg }) => msg === 'listening'), {
    webhooks: [`${server.url}/webhook/shop`, `${server.url}/webhook/cafe`],
  })
  const shop = line(server.url, { url: `${server.url}/webhook/shop`, secret: SHOP_SECRET })
  const cafe = line(server.url, { url: `${server.url}/webhook/cafe`, secret: CAFE_SECRET })
  const { user, follow, unfollow } = shop.events
  const [both, shopper] = [user(), user()]
  const at = 1_700_000_000_000
  // Of one provider's accounts the same person has the same id.
  for (const [account, users] of [
    [shop, [both, shopper]],
    [cafe, [both]],
  ] as const)
    t.match(await account.post(users.map((userId) => follow(userId, at))), { status: 200 })
  await delivered()
  t.strictSame(taken(both), { line_id: both, cafe_line_id: both })
  t.strictSame(taken(shopper), { line_id: shopper })
  t.equal(braze.profiles, 2)
  t.equal(braze.stats.objects, 3)

  t.match(await shop.post([unfollow(both, at + 1)]), { status: 200 })
  await delivered()
  t.strictSame(taken(both), { line_id: null, cafe_line_id: both }, 'only where they blocked')

  const mixedUp = line(server.url, { url: `${server.url}/webhook/cafe`, secret: SHOP_SECRET })
  t.match(await mixedUp.post([unfollow(both, at + 2)]), { status: 401 }, "another channel's secret")
  for (const path of [
    '/webhook',
    '/webhook/',
    '/webhook/default',
    '/webhook/nobody',
    '/webhook/shop/x',
    '/webhook/Shop',
  ]) {
    const stranger = line(server.url, { url: server.url + path, secret: SHOP_SECRET })
    t.match(await stranger.post([unfollow(both, at + 2)]), { status: 404 }, path)
  }

  const { body } = await server.get('/metrics')
  for (const metric of [
    'line_braze_contacts{channel="shop",status="friend"} 1',
    'line_braze_contacts{channel="shop",status="gone"} 1',
    'line_braze_contacts{channel="cafe",status="friend"} 1',
    'line_braze_webhooks_total{channel="shop",outcome="accepted"} 2',
    'line_braze_webhooks_total{channel="cafe",outcome="unsigned"} 1',
    'line_braze_webhooks_total{channel="shop",outcome="unsigned"} 0',
    'line_braze_pending{channel="cafe"} 0',
  ])
    t.match(body, metric)
  const numbers = { messager: 0, pending: 0, failed: 0 }
  t.match(await server.health(), {
    ledger: { friend: 2, messager: 0, gone: 1 },
    delivery: { pending: 0, failed: 0 },
    channels: [
      { channel: 'shop', friend: 1, gone: 1, ...numbers },
      { channel: 'cafe', friend: 1, gone: 0, ...numbers },
    ],
  })
  t.ok(
    server.lines.some(
      ({ msg, channel, outcome }) => msg === 'webhook' && channel === 'cafe' && outcome === 'accepted',
    ),
  )
  for (const secret of [SHOP_SECRET, CAFE_SECRET]) t.notMatch(JSON.stringify(server.lines), secret)
  t.strictSame(await server.stop(), { code: 0, signal: null })
})

t.test(
  'what waits for Braze of a channel that the settings do not have is told, and goes when the channel is back',
  async (t) => {
    const { braze, serve, line, command, list, file } = await stageChannels(t)
    braze.setOutage({ status: 503 })
    const server = await serve()
    const cafe = line(server.url, { url: `${server.url}/webhook/cafe`, secret: CAFE_SECRET })
    t.match(await cafe.post([cafe.events.follow(cafe.events.user())]), { status: 200 })
    await server.stop()

    writeFileSync(file, JSON.stringify(list.slice(0, 1)))
    const sentence =
      /^The database knows the channel cafe \(1 reachable people, 1 change for Braze\), and the settings have no such channel/m
    // Who waits until Braze has heard of everything would wait for ever.
    for (const args of [['resync', '--yes'], ['backfill']])
      t.match(await command(args).ended, { code: 2, stderr: sentence })
    braze.setOutage(null)
    const without = await serve()
    t.ok(without.lines.some(({ level, msg }) => level === 'warn' && sentence.test(String(msg))))
    const shop = line(without.url, { url: `${without.url}/webhook/shop`, secret: SHOP_SECRET })
    await shop.post([shop.events.follow(shop.events.user())])
    await braze.until(() => braze.stats.accepted === 1)
    t.match(await without.health(), { delivery: { state: 'delivering', pending: 1, failed: 0 } })
    await without.stop()

    writeFileSync(file, JSON.stringify(list))
    const next = await serve()
    await next.delivers()
    await braze.until(() => braze.stats.accepted === 2)
    await next.stop()
    writeFileSync(file, JSON.stringify(list.slice(0, 1)))
    const last = await serve()
    t.match(
      await last.health(),
      { channels: [{ channel: 'shop' }, { channel: 'cafe', friend: 1 }] },
      'it is not forgotten',
    )
  },
)
