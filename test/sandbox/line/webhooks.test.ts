import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createEvents, dummyUser, type LineEvent, noiseKinds } from '../../../src/sandbox/line/events.ts'
import { signLine, toLineJson } from '../../../src/sandbox/line/json.ts'
import { createLineSandbox } from '../../../src/sandbox/line/webhooks.ts'
import { seededRandom } from '../../../src/sandbox/random.ts'

interface Received {
  headers: IncomingHttpHeaders
  body: string
}

/** A receiver that answers as `statuses` say, then 200; 0 cuts the connection. */
async function receiver(t: Test, ...statuses: number[]) {
  const received: Received[] = []
  const server = createServer(async (req, res) => {
    let body = ''
    for await (const chunk of req.setEncoding('utf8')) body += chunk
    received.push({ headers: req.headers, body })
    const status = statuses.shift() ?? 200
    if (status === 0) res.destroy()
    else if (status !== -1) res.writeHead(status).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook?a=1`
  const line = createLineSandbox({ url, secret: 's3cret', random: seededRandom(1), concurrency: 4 })
  t.teardown(line.close)
  return { line, received, url }
}

t.test('signs as the worked example of LINE', async (t) => {
  const body = '{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
  t.equal(signLine(body, '8c570fa6dd201bb328f1c1eac23a96d8'), 'GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=')
})

t.test('writes some characters as escapes and others raw', async (t) => {
  const value = { text: 'こんにちは 🎉 <a & b> = "c"' }
  const json = toLineJson(value)
  t.equal(json, '{"text":"こんにちは \\ud83c\\udf89 \\u003ca \\u0026 b\\u003e \\u003d \\"c\\""}')
  t.same(JSON.parse(json), value)
  t.not(JSON.stringify(JSON.parse(json)), json)
})

t.test('posts signed events', async (t) => {
  const { line, received } = await receiver(t, 200, 503)
  const events = [line.events.follow(line.events.user()), line.events.message(line.events.user())]
  t.match(await line.post(events), { status: 200, body: '{}' })
  t.match(await line.post([]), { status: 503 })
  const [first, second] = received as [Received, Received]
  t.same(JSON.parse(first.body), { destination: line.destination, events })
  t.match(line.destination, /^U[0-9a-f]{32}$/)
  t.equal(first.headers['x-line-signature'], signLine(first.body, 's3cret'))
  t.equal(first.headers['content-type'], 'application/json; charset=utf-8')
  t.same(JSON.parse(second.body).events, [])
})

t.test('posts a wrong signature or none when asked to', async (t) => {
  const { line, received } = await receiver(t)
  await line.post([], { signature: 'nonsense' })
  await line.post([], { signature: null })
  t.equal(received[0]?.headers['x-line-signature'], 'nonsense')
  t.notOk('x-line-signature' in (received[1]?.headers ?? {}))
})

t.test('delivers until it is taken, saying that it is a redelivery', async (t) => {
  const { line, received } = await receiver(t, 503, 302, 0)
  const event = line.events.message('U1', 1_700_000_000_000)
  t.equal(await line.deliver([event]), 4)
  const sent = received.map(({ body }) => JSON.parse(body).events[0] as LineEvent)
  t.same(
    sent.map(({ deliveryContext }) => deliveryContext.isRedelivery),
    [false, true, true, true],
  )
  for (const again of sent) t.same({ ...again, deliveryContext: event.deliveryContext }, event)
  for (const { headers, body } of received) t.equal(headers['x-line-signature'], signLine(body, 's3cret'))
})

t.test('no answer in time or no one there is status 0', async (t) => {
  const { line } = await receiver(t, 0)
  t.match(await line.post([]), { status: 0, body: /closed|socket/ })
  const nobody = createLineSandbox({ url: 'http://127.0.0.1:1/', secret: 'x' })
  t.match(await nobody.post([]), { status: 0, body: /ECONNREFUSED/ })
  await nobody.close()
  const { url } = await receiver(t, -1)
  const hasty = createLineSandbox({ url, secret: 'x', timeoutMs: 30 })
  t.match(await hasty.post([]), { status: 0, body: /[Tt]imeout/ })
  await hasty.close()
})

t.test('stops when told to', async (t) => {
  const { line, received } = await receiver(t, ...Array(50).fill(503), ...Array(50).fill(-1))
  const stop = new AbortController()
  const delivering = t.rejects(line.deliver([], { signal: stop.signal }), { message: 'enough' })
  while (received.length < 2) await line.post([])
  stop.abort(new Error('enough'))
  await delivering
  const closed = t.rejects(line.deliver([]), { message: /closed/ })
  await line.close()
  await closed
})

t.test('plays every body', async (t) => {
  const { line, received } = await receiver(t, 500, 500)
  const bodies = Array.from({ length: 20 }, (_, at) => [line.events.follow('U1', at)])
  await line.play(bodies)
  t.equal(received.length, 22)
  const times = new Set(received.map(({ body }) => JSON.parse(body).events[0].timestamp))
  t.equal(times.size, 20)
})

t.test('builds events as LINE does', async (t) => {
  const make = createEvents(seededRandom(2))
  const userId = make.user()
  const at = 1_767_225_600_000
  t.match(userId, /^U[0-9a-f]{32}$/)
  const common = { timestamp: at, mode: 'active', deliveryContext: { isRedelivery: false } }
  const ulid = /^[0-9A-HJKMNP-TV-Z]{26}$/
  const source = { type: 'user', userId }
  t.match(make.follow(userId, at), {
    ...common,
    type: 'follow',
    source,
    replyToken: String,
    webhookEventId: ulid,
  })
  const time = [...make.follow(userId, at).webhookEventId.slice(0, 10)]
  const value = time.reduce((sum, letter) => sum * 32 + '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(letter), 0)
  t.equal(value, at, 'an id begins with its time')
  t.match(make.unfollow(userId, at), { ...common, type: 'unfollow', source, replyToken: undefined })
  t.match(make.message(userId, at), {
    ...common,
    type: 'message',
    source,
    message: { type: 'text', text: String },
  })
  t.match(make.noise('groupMessage', userId, at), {
    type: 'message',
    source: { type: 'group', groupId: /^C/, userId },
  })
  t.match(make.noise('roomMessage', userId, at), {
    type: 'message',
    source: { type: 'room', roomId: /^R/, userId },
  })
  t.match(make.message(userId, at, { mode: 'standby' }), { mode: 'standby', replyToken: undefined })
  t.match(make.follow(userId, at, { timestamp: 'soon', source: null }), { timestamp: 'soon', source: null })
})

t.test('builds every event that says nothing', async (t) => {
  const make = createEvents(seededRandom(2))
  for (const kind of noiseKinds) {
    const event = make.noise(kind, 'U1', 5)
    t.match(event, { type: String, timestamp: 5, webhookEventId: /^.{26}$/ }, kind)
    t.notOk(event.from, kind)
    const reaches = ['follow', 'unfollow', 'message'].includes(event.type) && event.source?.type === 'user'
    t.ok(!reaches || event.source?.userId === dummyUser || event.source?.userId === undefined, kind)
  }
  t.equal(make.noise('accountLinkFailed', 'U1').source, undefined)
})
