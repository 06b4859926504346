import { connect, type Socket } from 'node:net'
import t from 'tap'
import { friend, gone, merge, statusOf, type Times } from '../../src/contact/contact.ts'
import { METRICS } from '../../src/http/metrics.ts'
import { follow, LIMIT, NOW, SECRETS, setUp, sign, until } from '../harness/http.ts'
import { bodyOf, key, USER } from '../harness/people.ts'

const KEY = key(USER)

t.test('a signed webhook is recorded, and then answered 200 {}', async (t) => {
  const { post, recorded, lines, get } = await setUp(t)
  const body = bodyOf(follow(), { ...follow(), type: 'unfollow' }, { type: 'unheardOf' }, null)
  t.strictSame(await post(body), { status: 200, body: '{}' })
  t.match(recorded, [[{ channel: 'default', userId: USER, friendAt: NOW - 1 }, { goneAt: NOW - 1 }]])
  t.strictSame(await post(bodyOf()), { status: 200, body: '{}' }, "the console's connection check")

  t.match(lines, [{ message: 'webhook', fields: { channel: 'default', outcome: 'accepted', events: 4 } }, {}])
  t.type(lines[0]?.fields.ms, 'number')
  t.notMatch(JSON.stringify(lines), USER, 'no user id in the log')
  const { body: page } = await get('/metrics')
  t.match(page, 'line_braze_webhooks_total{channel="default",outcome="accepted"} 2')
  for (const type of ['follow', 'unfollow', 'other', 'invalid']) {
    t.match(page, `line_braze_events_total{channel="default",type="${type}"} 1`)
  }
  t.notMatch(page, USER)
})

t.test("on a machine whose clock is a year behind LINE's own times count", async (t) => {
  const { post, recorded } = await setUp(t)
  const at = NOW + 365 * 86_400_000
  for (const [type, timestamp] of [
    ['follow', at],
    ['unfollow', at + 5_000],
  ])
    t.match(await post(bodyOf({ ...follow(), type, timestamp })), { status: 200 })
  t.strictSame(recorded.flat(), [friend(KEY, at), gone(KEY, at + 5_000)])
  // Known since before the clock went wrong: a block that is dated by it would be lost.
  t.equal(statusOf(recorded.flat().reduce<Times>(merge, friend(KEY, at))), 'gone')
})

t.test('each configured secret is valid, and counted', async (t) => {
  const { post, get } = await setUp(t)
  const body = bodyOf(follow())
  t.match(await post(body, { 'x-line-signature': sign(body, SECRETS[1]) }), { status: 200 })
  const { body: page } = await get('/metrics')
  t.match(page, 'line_braze_secret_matches_total{channel="default",secret="1"} 1')
})

t.test('401 for a signature that is missing or wrong, whatever the body', async (t) => {
  const { url, post, recorded, lines, told } = await setUp(t)
  const bodies = [bodyOf(follow()), '', 'null', '[]', '{', Buffer.from([0xff, 0xfe]), '['.repeat(10_000)]
  const signatures = {
    wrong: sign('something else'),
    empty: sign('', ''),
    'empty key': '',
    foreign: '',
    short: 'x',
  }
  for (const body of bodies) {
    for (const [name, signature] of Object.entries(signatures)) {
      const sent =
        name === 'empty key' ? sign(body, '') : name === 'foreign' ? sign(body, 'foreign') : signature
      t.match(await post(body, { 'x-line-signature': sent }), { status: 401 }, name)
    }
    for (const type of ['text/plain', 'nonsense', '', 'application/json/x']) {
      t.match(
        await post(body, { 'x-line-signature': sign('no'), 'content-type': type }),
        { status: 401 },
        type,
      )
    }
  }
  for (const init of [
    {},
    { body: bodyOf(follow()) as never },
    { body: 'x', headers: { 'content-type': 'text/html' } },
  ]) {
    t.equal((await fetch(`${url}/webhook`, { method: 'POST', ...init })).status, 401, 'no header')
  }
  t.strictSame(recorded, [])
  t.equal(told('unsigned'), bodies.length * 9 + 3, 'all are told of')
  t.ok(lines.every(({ level }) => level === 'warn'))
  const said = lines.map(({ fields }) => fields)
  t.ok(said.every(({ outcome, hint }) => outcome === 'unsigned' && typeof hint === 'string'))
  const hintOf = (signature: string) => said.find((line) => line.signature === signature)?.hint
  t.match(hintOf('missing'), 'missing')
  t.match(hintOf('malformed'), 'base64')
  t.match(hintOf('wrong'), /another channel's.*quotes around it in the environment or \.env.*proxy/)
})

t.test('400 for what is signed and is no webhook', async (t) => {
  const { url, post, lines } = await setUp(t)
  const malformed = [
    '',
    ' ',
    'null',
    '[]',
    '5',
    '{',
    '{}',
    '{"events":null}',
    '{"events":{}}',
    Buffer.from([0xff]),
  ]
  for (const body of malformed) {
    const { status, body: said } = await post(body)
    t.equal(status, 400, String(body))
    t.type(JSON.parse(said).error, 'string')
  }
  const nothing = await fetch(`${url}/webhook`, { method: 'POST', headers: { 'x-line-signature': sign('') } })
  t.equal(nothing.status, 415, 'neither body nor content type')
  t.ok(lines.slice(0, -1).every(({ fields }) => fields.outcome === 'malformed'))
})

t.test('deep nesting and unknown parts are no reason to refuse', async (t) => {
  const { post, recorded } = await setUp(t)
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
  const body = `{"x":${deep},"__proto__":{"a":1},"events":[{"type":"x","y":${deep}},${JSON.stringify(follow())}]}`
  t.match(await post(body), { status: 200 })
  t.match(recorded, [[{ userId: USER }]])
})

t.test('413 for a body over the limit, also when its length is not stated', async (t) => {
  const { url, post, told } = await setUp(t)
  t.match(await post('x'.repeat(LIMIT + 1)), { status: 413 })
  t.match(await post(' '.repeat(LIMIT)), { status: 400 }, 'at the limit it is read')
  const unsigned = await fetch(`${url}/webhook`, { method: 'POST', body: 'x'.repeat(LIMIT + 1) })
  t.equal(unsigned.status, 401, 'whatever the body')
  const chunks = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(50_000))
    },
  })
  // The answer may be lost, since the connection is cut while the client still sends.
  const init = { method: 'POST', headers: { 'x-line-signature': sign('x') }, body: chunks, duplex: 'half' }
  await fetch(`${url}/webhook`, init as RequestInit).catch(() => {})
  t.equal(told('too_large'), 2)
})

t.test('415 for a signed body that does not say that it is JSON', async (t) => {
  const { post } = await setUp(t)
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'nonsense',
    '',
  ]) {
    t.match(await post(bodyOf(follow()), { 'content-type': type }), { status: 415 }, type)
  }
  for (const type of ['application/json', 'Application/JSON;charset=UTF-8', 'application/json ; x=y']) {
    t.match(await post(bodyOf(follow()), { 'content-type': type }), { status: 200 }, type)
  }
})

t.test('the account that webhooks name is remembered once, and costs none of them', async (t) => {
  const { post, ledger, lines } = await setUp(t)
  const from = (destination?: unknown) => JSON.stringify({ destination, events: [] })
  const ours = 'U8e742f61d673b39c7fff3cecb7536ef0'
  for (const destination of [undefined, '', 5, ours, ours, ours, 'Uanother', 'Uanother']) {
    ledger.isBusy = ledger.accounts.length === 0
    t.match(await post(from(destination)), { status: 200 })
  }
  t.strictSame(ledger.accounts, [ours, ours, 'Uanother'], 'again only after it failed')
  t.match(
    lines.filter(({ message }) => message !== 'webhook').map(({ message, fields }) => ({ message, fields })),
    [
      { message: 'account not remembered', fields: { error: 'busy' } },
      {
        message: 'webhooks name another account than before',
        fields: { channel: 'default', hint: /DATABASE_URL/ },
      },
    ],
  )
})

t.test('503 when the evidence cannot be stored, and nothing of the reason leaves the house', async (t) => {
  const { post, ledger, lines, get } = await setUp(t)
  ledger.failure = new Error('disk /dev/secret is full')
  const { status, body } = await post(bodyOf(follow()))
  t.equal(status, 503)
  t.notMatch(body, 'secret')
  t.match(lines, [
    { message: 'webhook not stored', fields: { error: /full/ } },
    { fields: { outcome: 'unavailable' } },
  ])
  t.match(await get('/health/ready'), { status: 503 })
  t.match(await get('/health/live'), { status: 200 })
  t.match(await get('/health'), { status: 503, body: /"error":"disk .* is full"/ }, 'health says why')
  ledger.failure = undefined
  t.match(await post(bodyOf(follow())), { status: 200 })
})

t.test('health', async (t) => {
  const { get, ledger, delivery, time } = await setUp(t)
  let failed = 0
  ledger.counts = async () => [
    { channel: 'a', friend: 2, messager: 1, gone: 3, pending: 4, failed, linked: 0, waiting: 0 },
    { channel: 'b', friend: 1, messager: 0, gone: 0, pending: 1, failed: 0, linked: 0, waiting: 0 },
  ]
  const health = async () => {
    time.pass(1_000)
    return JSON.parse((await get('/health')).body)
  }
  t.match(await get('/health/live'), { status: 200 })
  t.match(await get('/health/ready'), { status: 200, body: '{"status":"ok"}' })
  t.strictSame(await health(), {
    status: 'ok',
    version: '1.2.3',
    ledger: { friend: 3, messager: 1, gone: 3 },
    delivery: {
      state: 'delivering',
      reason: null,
      stumbling: 0,
      pending: 5,
      oldestPendingSeconds: 9,
      failed: 0,
    },
    forgetting: { open: 1, oldestSeconds: 4 },
    channels: [
      { channel: 'default', friend: 0, messager: 0, gone: 0, pending: 0, failed: 0, linked: 0, waiting: 0 },
      { channel: 'a', friend: 2, messager: 1, gone: 3, pending: 4, failed: 0, linked: 0, waiting: 0 },
      { channel: 'b', friend: 1, messager: 0, gone: 0, pending: 1, failed: 0, linked: 0, waiting: 0 },
    ],
  })
  for (const [state, status] of [
    ['standby', 'ok'],
    ['waiting', 'degraded'],
    ['paused', 'degraded'],
  ] as const) {
    Object.assign(delivery, { state, reason: `because of ${state}` })
    t.match(await health(), { status, delivery: { state, reason: `because of ${state}` } })
    t.match(await get('/health'), { status: 200 }, "Braze's state does not count")
  }
  Object.assign(delivery, { state: 'delivering', reason: null, stumbling: 2 })
  t.match(await health(), { status: 'degraded', delivery: { stumbling: 2 } })
  delivery.stumbling = 0
  failed = 1
  t.match(await health(), { status: 'degraded', delivery: { failed: 1 } })
  ledger.counts = async () => {
    throw new Error('the ledger cannot be read')
  }
  t.match(await health(), {
    ledger: { error: 'the ledger cannot be read' },
    delivery: { state: 'delivering' },
  })
})

t.test('tokens in health and metrics: one that was not renewed for long is degraded', async (t) => {
  const { get, ledger, tokens, time } = await setUp(t)
  ledger.counts = async () => []
  const health = async () => {
    time.pass(1_000)
    return JSON.parse((await get('/health')).body)
  }
  const metric = async () => {
    time.pass(1_000)
    return (await get('/metrics')).body.match(/^line_braze_token_seconds_left.*$/gm)
  }
  t.notOk('tokens' in (await health()), 'without a key')
  const token = { channel: 'default', block: 'b', keyId: 'k', secondsLeft: 700_000, problem: null }
  tokens.push({ ...token, isStale: false })
  t.match(await health(), { status: 'ok' })
  t.strictSame((await health()).tokens, [token])
  t.strictSame(await metric(), ['line_braze_token_seconds_left{channel="default"} 700000'])
  tokens[0] = { ...token, secondsLeft: 600_000, problem: 'why', isStale: true }
  t.match(await health(), { status: 'degraded', tokens: [{ problem: 'why' }] })
  t.match(await get('/health/ready'), { status: 200 })
  tokens[0] = { ...token, secondsLeft: null, isStale: false }
  t.equal(await metric(), null, 'what is not known is no number')
})

t.test("the month's quota in metrics: what is not known, and what has no limit, is no number", async (t) => {
  const { get, quotas, time } = await setUp(t)
  const metric = async () => {
    time.pass(1_000)
    return (await get('/metrics')).body.match(/^line_braze_line_quota.*$/gm)
  }
  t.equal(await metric(), null)
  quotas.push(
    { channel: 'shop', quota: { limit: 500, used: 0 } },
    { channel: 'cafe', quota: { limit: null, used: 7 } },
    { channel: 'bar', quota: null },
  )
  t.strictSame(await metric(), [
    'line_braze_line_quota{channel="shop"} 500',
    'line_braze_line_quota_used{channel="shop"} 0',
    'line_braze_line_quota_used{channel="cafe"} 7',
  ])
  quotas[0] = { channel: 'shop', quota: null }
  t.strictSame(await metric(), ['line_braze_line_quota_used{channel="cafe"} 7'], 'an old number goes')
})

t.test('metrics', async (t) => {
  const { get, ledger, time } = await setUp(t)
  const { status, type, body } = await get('/metrics')
  t.equal(status, 200)
  t.match(type, 'text/plain')
  for (const line of [
    'line_braze_contacts{channel="default",status="friend"} 2',
    'line_braze_contacts{channel="default",status="messager"} 1',
    'line_braze_contacts{channel="default",status="gone"} 3',
    'line_braze_pending{channel="default"} 4',
    'line_braze_failed{channel="default"} 5',
    'line_braze_linked{channel="default"} 6',
    'line_braze_waiting{channel="default"} 7',
    'line_braze_oldest_pending_seconds 9',
    'line_braze_delivering 1',
    'line_braze_ready 1',
    'process_resident_memory_bytes',
    ...Object.values(METRICS).map(({ name }) => `# HELP ${name} `),
  ]) {
    t.match(body, line)
  }
  ledger.counts = async () => {
    throw new Error('no ledger')
  }
  time.pass(1_000)
  t.match(
    await get('/metrics'),
    { status: 200, body: 'process_resident_memory_bytes' },
    'the rest is shown all the same',
  )
  ledger.failure = new Error('the disk is full')
  time.pass(1_000)
  t.match((await get('/metrics')).body, '\nline_braze_ready 0\n')
})

t.test('each channel has a URL, secrets, a log and an account of its own', async (t) => {
  const channels = [
    { name: 'default', secrets: SECRETS },
    { name: 'shop', secrets: ['shop secret'] },
    { name: 'cafe', secrets: ['cafe secret', SECRETS[0]] },
  ]
  const { url, recorded, lines, get, ledger } = await setUp(t, { channels })
  const post = async (path: string, secret: string) => {
    const body = bodyOf(follow())
    const headers = { 'content-type': 'application/json', 'x-line-signature': sign(body, secret) }
    return (await fetch(url + path, { method: 'POST', headers, body: body as never })).status
  }
  for (const [path, secret, channel, status] of [
    ['/webhook', SECRETS[0], 'default', 200],
    ['/webhook/default', SECRETS[1], 'default', 200],
    ['/webhook/shop', 'shop secret', 'shop', 200],
    ['/webhook/cafe', 'cafe secret', 'cafe', 200],
    ['/webhook/cafe?x=y', SECRETS[0], 'cafe', 200],
    ['/webhook/cafe', 'shop secret', 'cafe', 401],
    ['/webhook', 'shop secret', 'default', 401],
  ] as const) {
    t.equal(await post(path, secret), status, `${path}, ${secret}`)
    t.equal(lines.at(-1)?.fields.channel, channel)
    if (status === 200) t.equal(recorded.at(-1)?.[0]?.channel, channel)
  }
  t.equal(recorded.length, 5)
  t.equal(ledger.accounts.length, 3, 'each is asked about once')
  const { body } = await get('/metrics')
  t.match(body, 'line_braze_secret_matches_total{channel="cafe",secret="1"} 1')
  t.match(body, 'line_braze_webhooks_total{channel="shop",outcome="accepted"} 1')

  const told = lines.length
  const large = { method: 'POST', headers: { 'x-line-signature': sign('') }, body: 'x'.repeat(LIMIT + 1) }
  for (const path of [
    '/webhook/',
    '/webhook/nobody',
    '/webhook/shop/',
    '/webhook/SHOP',
    '/webhook/__proto__',
  ])
    t.equal((await fetch(url + path, large)).status, 404, path)
  t.equal(lines.length, told, 'a scanner fills no log')
})

t.test(
  'without a channel default there is no /webhook, and thirty channels share what one has',
  async (t) => {
    const names = Array.from({ length: 30 }, (_, i) => `channel-${i}`)
    const channels = names.map((name) => ({ name, secrets: [`secret of ${name}`] }))
    const { url, get, recorded } = await setUp(t, { channels })
    const body = bodyOf(follow())
    const post = (path: string, secret: string) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-line-signature': sign(body, secret) },
        body: body as never,
      })
    t.equal((await post('/webhook', SECRETS[0])).status, 404)
    for (const name of names) t.equal((await post(`/webhook/${name}`, `secret of ${name}`)).status, 200, name)
    t.strictSame(
      recorded.map(([evidence]) => evidence?.channel),
      names,
    )
    const { channels: shown } = JSON.parse((await get('/health')).body)
    t.match(
      shown.slice(0, 30),
      names.map((channel) => ({ channel, friend: 0, pending: 0 })),
    )
    t.match(shown[30], { channel: 'default', friend: 2 }, 'who is known elsewhere is shown after them')
  },
)

t.test('anything else is 404', async (t) => {
  const { url, get, lines } = await setUp(t)
  for (const path of [
    '/',
    '/webhook',
    '/webhook/',
    '/health/x',
    '/metrics/x',
    '/%',
    '/webhook/%zz',
    '/..//webhook',
  ]) {
    const { status } = await get(path)
    t.equal(status, 404, path)
  }
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']) {
    t.equal((await fetch(`${url}/webhook`, { method })).status, 404, method)
  }
  for (const type of ['text/plain', 'application/json', 'nonsense']) {
    for (const [path, body] of [
      ['/health', '{'],
      ['/nothing', ''],
      ['/nothing', 'x'.repeat(LIMIT + 1)],
    ] as const) {
      const { status } = await fetch(url + path, { method: 'POST', body, headers: { 'content-type': type } })
      t.equal(status, 404, `POST ${path} ${type}`)
    }
  }
  t.strictSame(lines, [], 'a scanner fills no log')
})

t.test('what is not HTTP, half sent or given up stops nothing', async (t) => {
  const { url, post, app, told } = await setUp(t)
  const { port } = new URL(url)
  const open = async (text: string) => {
    const socket = connect(Number(port), '127.0.0.1')
    await new Promise<void>((resolve) => socket.write(text, () => resolve()))
    return socket
  }
  const ended = (socket: Socket) =>
    new Promise<string>((resolve) => {
      let said = ''
      socket.on('data', (chunk) => (said += chunk)).on('error', () => {})
      socket.on('close', () => resolve(said))
    })
  const head = `POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-line-signature: ${sign('')}\r\n`

  t.match(await ended(await open('\x16\x03\x01 no HTTP at all\r\n\r\n')), /^HTTP\/1.1 400/)
  t.match(await ended(await open(`${head}x: ${'y'.repeat(20_000)}\r\n\r\n`)), /^HTTP\/1.1 431/)
  t.match(await ended(await open(`${head}content-length: 5\r\ncontent-length: 6\r\n\r\n`)), /^HTTP\/1.1 400/)

  const halves = await Promise.all(
    Array.from({ length: 20 }, () => open(`${head}content-length: 5000\r\n\r\nhalf`)),
  )
  t.match(await post(bodyOf(follow())), { status: 200 }, 'others are served meanwhile')
  for (const socket of halves) socket.destroy()
  await Promise.all(halves.map(ended))
  t.match(await post(bodyOf(follow())), { status: 200 })
  await until(() => told('aborted') === 20)
  t.equal(told('aborted'), 20)
  t.equal(told('malformed'), 0, 'each is told of once')

  const { requestTimeout, headersTimeout, keepAliveTimeout } = app.server
  t.strictSame(
    { requestTimeout, headersTimeout, keepAliveTimeout },
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 65_000 },
  )
})

t.test('a sender that never finishes is cut off', async (t) => {
  const { url, app, lines } = await setUp(t)
  // Node looks once a second who is over them; which they are otherwise is tested above.
  Object.assign(app.server, { headersTimeout: 50, requestTimeout: 100 })
  const sendHalf = (text: string) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(`POST /webhook HTTP/1.1\r\nhost: x\r\n${text}`)
    return new Promise<string>((resolve) => {
      let said = ''
      socket.on('data', (chunk) => (said += chunk)).on('error', () => {})
      socket.on('close', () => resolve(said))
    })
  }
  const [head, body] = await Promise.all([
    sendHalf(''),
    sendHalf(`x-line-signature: ${sign('')}\r\ncontent-length: 500\r\n\r\nhalf a body`),
  ])
  t.match(head, /^HTTP\/1.1 408/)
  t.match(body, /^HTTP\/1.1 408/)
  t.match(
    lines,
    [{ message: 'webhook', fields: { events: 0 } }],
    'one line, for the one whose headers were whole',
  )
})
