import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { CUSTOMER, FORGET_MS, setUpApi } from '../harness/api.ts'
import { NOW } from '../harness/http.ts'
import { key, longUsers, USER } from '../harness/people.ts'

const pathOf = (userId: string, channel = 'default') => `/api/channels/${channel}/contacts/${userId}`
const DELETE = { method: 'DELETE' }

t.test('a person is forgotten: begun once that is on disk, and done when it says so', async (t) => {
  const { ask, db, lines, later } = await setUpApi(t)
  await db.record([friend(key(USER), 5)])
  const begun = await ask(pathOf(USER), DELETE)
  t.equal(begun.status, 202)
  t.strictSame(begun.body, {
    status: 'forgetting',
    receipt: begun.body.receipt,
    profile: null,
    forgottenAt: new Date(NOW).toISOString(),
    endsAt: null,
    problem: null,
  })
  t.match(await ask(pathOf(USER), DELETE), { status: 202, body: { receipt: begun.body.receipt } })
  const due = await db.due(10)
  await db.acknowledge(
    due.map(({ id, revision }) => ({ id, revision, failure: null })),
    0,
  )
  later(1)
  t.ok(await db.erase(begun.body.receipt, 'kept'))
  later(10)
  t.match(await ask(pathOf(USER), DELETE), {
    status: 200,
    body: {
      status: 'forgotten',
      receipt: begun.body.receipt,
      profile: 'kept',
      endsAt: new Date(NOW + 11 + FORGET_MS).toISOString(),
    },
  })
  t.match(
    lines.filter(({ message }) => message === 'forget').map(({ fields }) => fields),
    [
      { status: 'forgetting', receipt: begun.body.receipt },
      { status: 'forgetting' },
      { status: 'forgotten' },
    ],
  )
  t.notMatch(JSON.stringify(lines), USER)
})

t.test('with the profile, or without, by the last word', async (t) => {
  const { ask, db } = await setUpApi(t)
  await db.record([friend(key(USER), 5)])
  const wishes = []
  for (const query of ['', '?deleteProfile=true', '?deleteProfile=false', '?deleteProfile=true']) {
    t.match(await ask(pathOf(USER) + query, DELETE), { status: 202 })
    const rows = (await Array.fromAsync(db.dump())).flatMap((part) =>
      part.kind === 'forgotten' ? part.rows : [],
    )
    wishes.push(...rows.map(({ deletesProfile }) => deletesProfile))
  }
  t.strictSame(wishes, [false, true, false, true])
  t.match(await ask(`${pathOf(USER)}?deleteProfile=1`, DELETE), {
    status: 400,
    body: { error: /true or false/ },
  })
})

t.test('what it refuses', async (t) => {
  const { ask, db, lines } = await setUpApi(t)
  await db.record([friend(key(USER), 5)])
  const [stranger = ''] = longUsers(1)
  t.match(await ask(pathOf(stranger), DELETE), { status: 404, body: { error: /Nothing is known/ } })
  t.match(await ask(pathOf(USER, 'none'), DELETE), { status: 404, body: { error: /no channel/ } })
  t.match(await ask(pathOf('U%20123'), DELETE), { status: 400, body: { error: /none of LINE/ } })
  const unknown = await ask(pathOf(USER), { ...DELETE, token: 'wrong' })
  t.match(unknown, { status: 401, body: { error: /token/ } })
  t.match(unknown.headers.get('www-authenticate'), /^Bearer/)
  t.match(await ask(pathOf(USER), { ...DELETE, token: '' }), { status: 401 })
  t.match(await db.contacts('default', { userId: USER }), [{ status: 'friend' }])
  t.ok(lines.some(({ message }) => message === 'api request refused'))
})

t.test('a ledger that fails is told, and nobody is named', async (t) => {
  const { ask, db, api, lines } = await setUpApi(t)
  await db.record([friend(key(USER), 5)])
  api.ledger.forget = async () => {
    throw new Error('the disk is full')
  }
  const server = await setUpApi(t, { api: { ...api, ledger: { ...api.ledger } } })
  t.match(await server.ask(pathOf(USER), DELETE), { status: 503, body: { error: /send it again/ } })
  t.match(
    server.lines.filter(({ message }) => message === 'forget'),
    [{ level: 'warn', fields: { channel: 'default', error: 'the disk is full' } }],
  )
  t.notMatch(JSON.stringify([lines, server.lines]), USER)
  void ask
})

t.test('who is forgotten is linked to nobody, and whoever asks is told', async (t) => {
  const { ask, db, put, counted, customerOf, told, line } = await setUpApi(t)
  await db.record([friend(key(USER), 5)])
  await ask(pathOf(USER), DELETE)
  t.match(await put(CUSTOMER), { status: 409, body: { error: /asked to be forgotten/ } })
  line.vouched = { userId: USER, lifeMs: 3_600_000 }
  const byToken = await ask('/api/channels/default/links', {
    body: { idToken: 'head.claims.signature', externalId: CUSTOMER },
  })
  t.match(byToken, { status: 409 })
  t.equal(await customerOf(USER), undefined)
  t.equal(await counted('api', 'forgotten'), 1)
  t.strictSame(told(), ['default api forgotten', 'default id_token forgotten'])
})

t.test('how many are being forgotten is in health and metrics', async (t) => {
  const { get } = await setUpApi(t)
  t.match(JSON.parse((await get('/health')).body), { forgetting: { open: 1, oldestSeconds: 4 } })
  t.match((await get('/metrics')).body, /^line_braze_forgetting\{channel="default"\} 1$/m)
  t.match((await get('/metrics')).body, /^line_braze_oldest_forgetting_seconds\{channel="default"\} 4/m)
})
