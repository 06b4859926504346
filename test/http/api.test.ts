import { readFileSync } from 'node:fs'
import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { LineError, LineRefusal } from '../../src/line/call.ts'
import { CUSTOMER, idToken, setUpApi, TOKENS } from '../harness/api.ts'
import { answerOn, NOW, until } from '../harness/http.ts'
import { USER } from '../harness/people.ts'
import { turns } from '../harness/time.ts'

const LINKS = '/api/channels/default/links'
const ACCOUNT_LINKS = '/api/channels/default/account-links'
const LINK_TOKENS = '/api/channels/default/link-tokens'
const LINKED_AT = new Date(NOW).toISOString()

t.test('a contact is linked, once and for all, and unlinked', async (t) => {
  const { put, ask, linkPath, customerOf, told, lines, counted, later } = await setUpApi(t)
  const linked = { status: 200, body: { userId: USER, externalId: CUSTOMER, linkedAt: LINKED_AT } }
  t.match(await put(CUSTOMER), linked)
  t.equal(await customerOf(USER), CUSTOMER)
  later(5_000)
  t.match(
    await put(CUSTOMER),
    { status: 200, body: { externalId: CUSTOMER, linkedAt: new Date(NOW + 5_000).toISOString() } },
    'the same again, said later',
  )
  t.match(await put('another'), { status: 200, body: { externalId: 'another' } }, 'the later one counts')
  const removed = await ask(linkPath(), { method: 'DELETE' })
  t.strictSame(Object.keys(removed.body), ['userId', 'externalId', 'linkedAt'])
  t.match(removed, { status: 200, body: { userId: USER, externalId: null } })
  t.equal(await customerOf(USER), undefined)
  t.match(
    await ask(linkPath(), { method: 'DELETE', body: '', headers: { 'content-type': 'application/json' } }),
    { status: 200 },
    'as some clients send it',
  )

  t.strictSame(told(), [
    'default api linked',
    'default api unchanged',
    'default api linked',
    'default api unlinked',
    'default api unchanged',
  ])
  t.ok(lines.every(({ level, fields }) => level === 'info' && typeof fields.ms === 'number'))
  t.notMatch(JSON.stringify(lines), new RegExp(`${USER}|${CUSTOMER}|another|${TOKENS[0]}`))
  t.equal(await counted('api', 'linked'), 2)
  t.equal(await counted('api', 'unlinked'), 1)
})

t.test('all that is known of a person, and of nobody', async (t) => {
  const { ask, put, known, lines } = await setUpApi(t)
  const contact = '/api/channels/default/contacts/'
  const get = (path: string, more = {}) => ask(path, { method: 'GET', ...more })
  t.match(await get(contact + USER), { status: 404, body: { error: /^Nobody is known/ } })
  await put(CUSTOMER)
  await known.record([friend({ channel: 'default', userId: USER }, NOW - 1_000)])
  const { status, body } = await get(contact + USER)
  t.equal(status, 200)
  t.match(body, {
    userId: USER,
    channel: 'default',
    status: 'friend',
    reachable: true,
    inSegment: 'not yet',
    why: `Not yet: Braze is asked first whether it knows customer ${CUSTOMER}.`,
    externalId: CUSTOMER,
    linkedAt: LINKED_AT,
    friendAt: new Date(NOW - 1_000).toISOString(),
    messagedAt: null,
    goneAt: null,
    profiles: [
      { address: { userId: USER }, value: USER, accepted: false, failure: null },
      { address: { externalId: CUSTOMER }, value: null },
    ],
    next: [/.*/, /.*/, 'Nobody delivers: no server runs on this database.'],
  })
  t.match(await get(`/api/channels/bare/contacts/${USER}`), { status: 404 }, 'of another channel')
  t.match(await get(`/api/channels/none/contacts/${USER}`), { status: 404, body: { error: /no channel/ } })
  t.match(await get(`${contact}a%20b`), { status: 400 })
  lines.length = 0
  const refused = await get(contact + USER, { token: 'guessed' })
  t.match(refused, { status: 401, body: { error: /token/ } })
  t.equal(refused.headers.get('www-authenticate'), 'Bearer error="invalid_token"')
  t.match(lines, [{ level: 'warn', fields: { token: 'wrong' } }])
  t.notMatch(JSON.stringify(lines), new RegExp(`${USER}|${CUSTOMER}|guessed`))
})

t.test('a ledger that does not tell of a person in time', async (t) => {
  const { ask, api, lines, time } = await setUpApi(t)
  const path = `/api/channels/default/contacts/${USER}`
  api.inspect = () => Promise.reject(new Error('no disk'))
  t.match(await ask(path, { method: 'GET' }), { status: 503, body: { error: /does not answer/ } })
  t.match(lines, [{ level: 'warn', fields: { channel: 'default', error: 'no disk' } }])
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  api.inspect = () => {
    resolve()
    return new Promise(() => {})
  }
  const answer = ask(path, { method: 'GET' })
  await asked
  await turns(1)
  time.pass(1_800)
  t.match(await answer, { status: 503 })
})

t.test('user ids of other shapes than the usual, and external ids as brands have them', async (t) => {
  const { put, customerOf } = await setUpApi(t)
  for (const userId of [`U${'a'.repeat(67)}`, 'U4af4980629...', 'U/x?y#z%20', 'u'.repeat(255)]) {
    t.match(await put(CUSTOMER, userId), { status: 200, body: { userId } })
    t.equal(await customerOf(userId), CUSTOMER)
  }
  for (const externalId of ['1', '顧客 1', 'a@b.jp', 'x'.repeat(512), '__proto__'])
    t.match(await put(externalId), { status: 200, body: { externalId } })
})

t.test('each token of the list lets in, and nothing else does', async (t) => {
  const { ask, linkPath, put, customerOf, lines, time, counted } = await setUpApi(t)
  for (const token of TOKENS)
    t.match(await ask(linkPath(), { method: 'DELETE', token }), { status: 200 }, token)
  t.match(
    await ask(linkPath(), {
      method: 'DELETE',
      token: '',
      headers: { authorization: `bearer  ${TOKENS[0]} ` },
    }),
    { status: 200 },
    'the scheme as somebody else writes it',
  )
  lines.length = 0
  const [good] = TOKENS
  const wrong: Record<string, string>[] = [
    {},
    { authorization: '' },
    { authorization: good },
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: `Basic ${good}` },
    { authorization: `Bearer ${good}x` },
    { authorization: `Bearer ${good.slice(1)}` },
    { authorization: `Bearer ${TOKENS.join(',')}` },
    { authorization: `Bearer ${TOKENS.join(' ')}` },
    { 'x-api-key': good, cookie: `token=${good}` },
  ]
  const body = { externalId: CUSTOMER }
  for (const headers of wrong) {
    const answer = await ask(linkPath(), { method: 'PUT', token: '', headers, body })
    t.match(answer, { status: 401, body: { error: /Authorization/ } }, JSON.stringify(headers))
    t.match(answer.headers.get('www-authenticate'), /^Bearer/)
    t.equal(answer.headers.get('connection'), 'close')
  }
  const queries = ['access_token', 'token', 'api_token', 'x=1&API_KEY'].map((name) => `?${name}=${good}`)
  for (const query of queries) {
    for (const token of ['', good]) {
      const answer = await ask(linkPath() + query, { method: 'PUT', token, body })
      t.match(answer, { status: 401 }, `${query} ${token}`)
    }
  }
  t.match(
    await ask('/api/channels/none/links', { token: 'x', body }),
    { status: 401 },
    'whatever the channel',
  )
  t.notOk(await customerOf(USER), 'nothing was done')
  time.pass(1_000)
  const said = lines.map(({ fields }) => fields)
  t.ok(lines.every(({ level, message }) => level === 'warn' && message === 'api request refused'))
  t.equal(
    said.reduce((sum, { suppressed = 0 }) => sum + 1 + Number(suppressed), 0),
    wrong.length + queries.length * 2 + 1,
    'sampled, and none is lost from the count',
  )
  const hintOf = (token: string) => said.find((line) => line.token === token)?.hint
  t.match(hintOf('missing'), /API_TOKENS/)
  t.match(hintOf('wrong'), /API_TOKENS/)
  t.match(hintOf('in URL'), /logs of proxies/)
  t.notMatch(JSON.stringify(lines), good)
  t.match(await put(CUSTOMER), { status: 200 })
  t.equal(await counted('api', 'linked'), 1)
})

t.test('a stranger is answered before a byte of the body is read', async (t) => {
  const { open, lines } = await setUpApi(t)
  for (const [path, token, status] of [
    [LINKS, 'wrong', 401],
    ['/api/channels/none/links', TOKENS[0], 404],
  ]) {
    const socket = await open()
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\nhalf`,
    )
    t.match(await answerOn(socket), new RegExp(`^HTTP/1.1 ${status} .*connection: close`, 'is'))
  }
  t.equal(lines.length, 1)
})

t.test('without tokens nothing under /api exists, nor where webhooks are served alone', async (t) => {
  const paths = [LINKS, ACCOUNT_LINKS, LINK_TOKENS, '/api', '/api/']
  for (const [options, parts] of [
    [{ api: undefined }, undefined],
    [{}, ['webhooks'] as const],
  ] as const) {
    const { ask, linkPath, lines } = await setUpApi(t, options, parts)
    for (const path of paths) t.match(await ask(path, { body: {} }), { status: 404 }, path)
    for (const method of ['PUT', 'DELETE'])
      t.match(await ask(linkPath(), { method, body: {} }), { status: 404, body: { error: 'not found' } })
    t.strictSame(lines, [])
  }
  const { ask, post, linkPath } = await setUpApi(t, {}, ['private'])
  t.match(await ask(LINK_TOKENS, { body: { userId: USER } }), { status: 200 })
  t.match(await post('{}'), { status: 404 })
  for (const method of ['GET', 'POST', 'PATCH'])
    t.match(await ask(linkPath(), { method }), { status: 404 }, method)
})

t.test('a channel that there is not is 404, with a sentence', async (t) => {
  const { ask, linkPath, get, lines } = await setUpApi(t)
  for (const channel of ['none', 'Default', '__proto__', '%20', 'x'.repeat(500)]) {
    t.match(
      await ask(linkPath(USER, channel), { method: 'PUT', body: { externalId: CUSTOMER } }),
      { status: 404, body: { error: /LINE_CHANNELS_FILE/ } },
      channel,
    )
    t.match(await ask(`/api/channels/${channel}/links`, { body: {} }), { status: 404 })
  }
  t.strictSame(lines, [])
  t.notMatch((await get('/metrics')).body, /="(none|Default|__proto__|%20|x+)"/)
})

t.test('400 for ids that are none, each with a sentence', async (t) => {
  const { put, ask, linkPath, lines, time, customerOf, counted } = await setUpApi(t)
  const externalIds: [unknown, RegExp][] = [
    ['', /empty/],
    ['x'.repeat(513), /longer than 512 bytes/],
    ['顧'.repeat(171), /longer than 512 bytes/],
    ['a\u0000b', /control character/],
    ['a\nb', /control character/],
    ['a\u0085', /control character/],
    [' a', /space/],
    ['a\u3000', /space/],
    ['\ud800', /Unicode/],
    [5, /must be a text/],
    [null, /must be a text/],
    [{}, /must be a text/],
  ]
  for (const [externalId, sentence] of externalIds)
    t.match(await put(externalId), { status: 400, body: { error: sentence } }, String(sentence))
  const userIds = ['', 'U 1', 'Ü1', 'U1\u0000', 'u'.repeat(256), 'u'.repeat(9_000)]
  for (const userId of [...userIds, 'Udeadbeefdeadbeefdeadbeefdeadbeef']) {
    t.match(await put(CUSTOMER, userId), { status: 400, body: { error: /user id is none/ } }, userId)
    t.match(await ask(linkPath(userId), { method: 'DELETE' }), { status: 400 })
    t.match(await ask(LINK_TOKENS, { body: { userId } }), { status: 400, body: { error: /user id is none/ } })
  }
  t.equal(await customerOf(USER), undefined)
  time.pass(1_000)
  t.ok(lines.every(({ fields }) => fields.outcome === 'invalid'))
  t.equal(await counted('api', 'invalid'), externalIds.length + 14)
  t.equal(await counted('account_link', 'invalid'), 7)
})

t.test('400 for a body of another shape, with a sentence of ours', async (t) => {
  const { ask, linkPath } = await setUpApi(t)
  const link = (body: unknown) => ask(linkPath(), { method: 'PUT', body })
  for (const body of ['{', 'externalId', '{"externalId":"a"', "{'externalId':'a'}", ' '])
    t.match(await link(body), { status: 400, body: { error: 'The body is not JSON.' } }, body)
  t.match(await link(''), { status: 400 })
  t.match(await link(Buffer.from('{"externalId":"\xe4"}', 'latin1')), {
    status: 400,
    body: { error: 'The body is not UTF-8.' },
  })
  t.match(await link(Buffer.from('\ufeff{"externalId":"a"}')), { status: 200 }, 'with a BOM')
  for (const body of ['null', '[]', '"a"', '5', '[{"externalId":"a"}]'])
    t.match(await link(body), { status: 400, body: { error: /JSON object with "externalId"/ } }, body)
  t.match(await link('{}'), { status: 400, body: { error: 'The body has no "externalId".' } })
  for (const body of [
    '{"externalId":"a","linkedAt":5}',
    '{"externalId":"a","__proto__":{}}',
    '{"externalid":"a"}',
  ])
    t.match(await link(body), { status: 400, body: { error: /no other fields than "externalId"/ } }, body)
  t.match(await link(`{"externalId":${'['.repeat(5_000)}${']'.repeat(5_000)}}`), { status: 400 })

  const externalId = CUSTOMER
  for (const token of [undefined, '', 5, null, 'no.token', 'a.b.c.d', 'a.b.', 'ä.b.c', ' a.b.c', 'a.b=.c'])
    t.match(await ask(LINKS, { body: { idToken: token, externalId } }), { status: 400 }, String(token))
  for (const nonce of ['', 5, null, {}])
    t.match(await ask(LINKS, { body: { idToken: idToken(), externalId, nonce } }), {
      status: 400,
      body: { error: /nonce/ },
    })
  t.match(await ask(LINKS, { body: { idToken: idToken() } }), {
    status: 400,
    body: { error: /"externalId"/ },
  })
  for (const linkToken of [undefined, '', 5, 'a b', 'ä', 'x'.repeat(1_001)])
    t.match(await ask(ACCOUNT_LINKS, { body: { linkToken, externalId } }), { status: 400 }, String(linkToken))
})

t.test('413 and 415', async (t) => {
  const { ask, linkPath, open } = await setUpApi(t)
  const body = JSON.stringify({ externalId: CUSTOMER })
  const padded = (length: number) => body + ' '.repeat(length - body.length)
  const put = (sent: string, type = 'application/json') =>
    ask(linkPath(), { method: 'PUT', body: sent, headers: { 'content-type': type } })
  t.match(await put(padded(16_384)), { status: 200 })
  t.match(await put(padded(16_385)), { status: 413, body: { error: 'The body is too large.' } })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'nonsense', ''])
    t.match(await put(body, type), { status: 415, body: { error: /application\/json/ } }, type)
  t.match(await put(body, 'Application/JSON; charset=UTF-8'), { status: 200 })
  t.match(await ask(linkPath(), { method: 'PUT' }), { status: 415 }, 'neither body nor content type')

  const socket = await open()
  socket.write(
    `POST ${LINKS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKENS[0]}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n4001\r\n${'x'.repeat(0x4001)}\r\n`,
  )
  t.match(await answerOn(socket), /^HTTP\/1.1 413 .*connection: close/is, 'a length that is not stated')
})

t.test('a connection is kept for who has a token', async (t) => {
  const { open } = await setUpApi(t)
  const socket = await open()
  for (const [body, status] of [
    ['{}', 400],
    [JSON.stringify({ userId: USER }), 200],
  ] as const) {
    socket.write(
      `POST ${LINK_TOKENS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKENS[0]}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    const answer = await answerOn(socket)
    t.match(answer, new RegExp(`^HTTP/1.1 ${status} `))
    t.match(answer, /connection: keep-alive/i)
  }
})

t.test('503 when the ledger fails or hangs, and nothing of the reason leaves the house', async (t) => {
  const { put, ask, api, lines, time, line } = await setUpApi(t)
  const fail = async () => {
    throw new Error('disk /dev/secret is full')
  }
  Object.assign(api.ledger, { link: fail, linkOnce: fail, addNonce: fail })
  const requests = [
    () => put(CUSTOMER),
    () => ask(LINKS, { body: { idToken: idToken(), externalId: CUSTOMER } }),
    () => ask(ACCOUNT_LINKS, { body: { linkToken: 'a', externalId: CUSTOMER } }),
  ]
  for (const request of requests) {
    const answer = await request()
    t.match(answer, { status: 503, body: { error: /send it again/ } })
    t.notMatch(JSON.stringify(answer.body), 'secret')
  }
  t.match(
    lines.map(({ fields }) => fields),
    ['api', 'id_token', 'account_link'].map((source) => ({ source, outcome: 'unavailable', error: /full/ })),
  )
  t.equal(line.claims.length, 1)

  let calls = 0
  function hang() {
    calls += 1
    return new Promise<never>(() => {})
  }
  Object.assign(api.ledger, { link: hang, linkOnce: hang, addNonce: hang })
  for (const [i, request] of requests.entries()) {
    const answer = request()
    await until(() => calls > i)
    time.pass(1_799)
    t.equal(await Promise.race([answer, 'waits']), 'waits')
    time.pass(1)
    t.match(await answer, { status: 503 })
  }
})

t.test('who is vouched for by LINE is linked', async (t) => {
  const { ask, line, customerOf, told, counted, lines, onDisk } = await setUpApi(t)
  const body = { idToken: idToken(), externalId: CUSTOMER, nonce: 'nonce' }
  const linked = { status: 200, body: { userId: USER, externalId: CUSTOMER, linkedAt: LINKED_AT } }
  t.match(await ask(LINKS, { body }), linked)
  t.strictSame(line.claims, [{ idToken: idToken(), nonce: 'nonce' }])
  t.equal(await customerOf(USER), CUSTOMER)
  t.match(await ask(LINKS, { body }), linked, 'the same again, as when the answer was lost')
  t.strictSame(told(), ['default id_token linked', 'default id_token unchanged'])
  t.equal(await counted('id_token', 'linked'), 1)
  t.notMatch(JSON.stringify(lines), /head|claims|customer|U0/)
  t.notMatch(onDisk(), /head|claims/)
})

t.test('a replayed token is refused, in whatever way its signature is written', async (t) => {
  const { ask, put, customerOf, told, time } = await setUpApi(t)
  const post = (externalId: string, token = idToken()) => ask(LINKS, { body: { idToken: token, externalId } })
  t.match(await post(CUSTOMER), { status: 200 })
  for (const token of [idToken(), idToken('claims', 'signaturf')])
    t.match(await post('another', token), { status: 422, body: { error: /used for another link/ } })
  t.equal(await customerOf(USER), CUSTOMER)

  t.match(await put('another'), { status: 200 })
  t.match(await post(CUSTOMER), { status: 200, body: { externalId: 'another' } }, 'a late repetition')
  t.equal(await customerOf(USER), 'another', 'turns nothing back')
  t.match(await post(CUSTOMER, idToken('new-claims')), { status: 200 })
  t.equal(await customerOf(USER), CUSTOMER, 'another login does')
  time.pass(1_000)
  t.strictSame(
    told().filter((line) => line.endsWith('used')),
    ['default id_token used', 'default id_token used'],
  )
})

t.test('422 for what LINE does not vouch for, 502 where it cannot be asked', async (t) => {
  const { ask, line, customerOf, lines, counted, time } = await setUpApi(t)
  const post = () => ask(LINKS, { body: { idToken: idToken(), externalId: CUSTOMER } })
  line.vouched = new LineRefusal(
    'LINE does not vouch for this ID token: it has expired.',
    400,
    new Error('words'),
  )
  t.match(await post(), { status: 422, body: { error: /does not vouch.*expired/ } })
  line.vouched = new LineError('LINE cannot be reached (POST /x): ECONNREFUSED 10.0.0.7')
  const unreachable = await post()
  t.match(unreachable, { status: 502, body: { error: /LINE cannot be asked/ } })
  t.notMatch(unreachable.body.error, '10.0.0.7')

  const issue = () => ask(LINK_TOKENS, { body: { userId: USER } })
  line.linkToken = new LineRefusal('LINE gives no link token for this user.', 404)
  t.match(await issue(), { status: 422, body: { error: /no link token/ } })
  line.linkToken = new LineError('LINE answers 500', 500)
  t.match(await issue(), { status: 502 })
  line.linkToken = 'link-token'
  t.match(await issue(), { status: 200, body: { linkToken: `link-token-${USER}` } })

  t.equal(await customerOf(USER), undefined)
  t.match(
    lines.map(({ level, fields }) => ({ level, ...fields })),
    [
      { level: 'warn', source: 'id_token', outcome: 'refused', error: 'words' },
      { source: 'id_token', outcome: 'unreachable', error: /ECONNREFUSED/ },
      { source: 'account_link', outcome: 'refused' },
      { source: 'account_link', outcome: 'unreachable', error: 'LINE answers 500' },
    ],
  )
  t.equal(await counted('id_token', 'refused'), 1)
  t.equal(await counted('id_token', 'unreachable'), 1)
  time.pass(1_000)
  t.notMatch(JSON.stringify(lines), USER)
})

t.test('nobody waits for LINE longer than 15 seconds', async (t) => {
  const { ask, api, time, lines, customerOf } = await setUpApi(t)
  const asked = Promise.withResolvers<{ userId: string; lifeMs: number }>()
  Object.assign(api.channels.get('default') ?? {}, { verifyIdToken: () => asked.promise })
  const idle = time.timers()
  const answer = ask(LINKS, { body: { idToken: idToken(), externalId: CUSTOMER } })
  await until(() => time.timers() > idle)
  time.pass(14_999)
  t.equal(await Promise.race([answer, 'waits']), 'waits')
  time.pass(1)
  t.match(await answer, { status: 502, body: { error: /LINE cannot be asked/ } })
  t.match(lines, [{ fields: { outcome: 'unreachable', error: /LINE has not answered/ } }])
  asked.resolve({ userId: USER, lifeMs: 1_000 })
  await turns()
  t.equal(await customerOf(USER), undefined, 'who was told so is not linked later')
})

t.test('404 with what is missing where a channel is not set up for it', async (t) => {
  const { ask, linkPath } = await setUpApi(t)
  const externalId = CUSTOMER
  t.match(await ask('/api/channels/bare/links', { body: { idToken: idToken(), externalId } }), {
    status: 404,
    body: { error: /LINE_LOGIN_CHANNEL_ID/ },
  })
  t.match(await ask('/api/channels/bare/link-tokens', { body: { userId: USER } }), {
    status: 404,
    body: { error: /LINE_CHANNEL_ACCESS_TOKEN/ },
  })
  t.match(await ask(linkPath(USER, 'bare'), { method: 'PUT', body: { externalId } }), { status: 200 })
  const { body } = await ask('/api/channels/bare/account-links', { body: { linkToken: 'a', externalId } })
  t.match(body.url, 'https://access.line.me/dialog/bot/accountLink?')
})

t.test('a mistake of ours is 500, and is told in the log alone', async (t) => {
  const { put, api, lines } = await setUpApi(t)
  api.ledger.link = async () => []
  const answer = await put(CUSTOMER)
  t.match(answer, { status: 500, body: { error: 'The request failed.' } })
  t.match(lines, [
    { level: 'error', message: 'api failed', fields: { stack: /linking/ } },
    { fields: { outcome: 'error' } },
  ])
})

t.test('a body that its sender gave up is told of as such', async (t) => {
  const { open, counted, told } = await setUpApi(t)
  const socket = await open()
  await new Promise<void>((resolve) =>
    socket.write(
      `POST ${LINKS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKENS[0]}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\nhalf`,
      () => resolve(),
    ),
  )
  socket.end()
  await until(() => told().length > 0)
  t.strictSame(told(), ['default id_token aborted'])
  t.equal(await counted('id_token', 'aborted'), 1)
})

t.test('what is at stake is not compared by ===', async (t) => {
  const source = readFileSync(new URL('../../src/http/bearer.ts', import.meta.url), 'utf8')
  t.match(source, 'timingSafeEqual')
  t.notMatch(source, /===? (token|sent)\b/)
})
