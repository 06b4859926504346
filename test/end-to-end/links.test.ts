import t from 'tap'
import type { LineEvent } from '../../src/sandbox/line/events.ts'
import { stage } from '../harness/stage.ts'

const TOKEN = 'a-token-of-the-brand'
const json = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }

t.test('a link comes in each of the three ways, and outlives a kill', async (t) => {
  const { lineApi, serve, line: connect, ledger } = await stage(t)
  const { line: api, env: withLine } = await lineApi({ followers: ['U1', 'U2', 'U3'] })
  const settings = {
    ...withLine,
    API_TOKENS: `another-api-token,${TOKEN}`,
    LINE_LOGIN_CHANNEL_ID: api.loginChannelId,
  }
  let server = await serve(settings)
  async function ask(method: string, path: string, body: object) {
    const url = `${server.url}/api/channels/default${path}`
    const answer = await fetch(url, { method, headers: json, body: JSON.stringify(body) })
    return { status: answer.status, body: (await answer.json()) as Record<string, string> }
  }
  const linked = async () => {
    const found: string[] = []
    for await (const page of (await ledger()).links('default'))
      for (const { userId, externalId } of page) found.push(`${userId} ${externalId}`)
    return found.sort()
  }

  t.match(await ask('PUT', '/contacts/U1/link', { externalId: 'customer-1' }), {
    status: 200,
    body: { userId: 'U1' },
  })

  const idToken = api.issueIdToken('U2', { nonce: 'n' })
  const login = { idToken, externalId: 'customer-2', nonce: 'n' }
  t.match(await ask('POST', '/links', login), {
    status: 200,
    body: { userId: 'U2', externalId: 'customer-2' },
  })
  for (const [token, reason] of [
    [api.issueIdToken('U2', { loginChannelId: '1' }), /another LINE Login channel/],
    [api.issueIdToken('U2', { expiresInSeconds: -1 }), /expired/],
    [api.issueIdToken('U2', { issuer: 'https://evil.example' }), /issued by somebody else/],
    [idToken.slice(0, -5), /no ID token of LINE/],
  ] as const)
    t.match(await ask('POST', '/links', { idToken: token, externalId: 'evil' }), {
      status: 422,
      body: { error: reason },
    })
  t.match(await ask('POST', '/links', { ...login, idToken: api.issueIdToken('U2', { nonce: 'm' }) }), {
    status: 422,
    body: { error: /another nonce/ },
  })

  const { linkToken } = (await ask('POST', '/link-tokens', { userId: 'U3' })).body
  t.match(await ask('POST', '/link-tokens', { userId: 'Ustranger' }), { status: 422 })
  const offer = await ask('POST', '/account-links', { linkToken, externalId: 'customer-3' })
  t.ok(offer.body.url?.startsWith(`${api.url}/dialog/bot/accountLink?linkToken=${linkToken}&nonce=`))
  const told: LineEvent[] = []
  api.on('accountLink', ({ event }) => told.push(event))
  t.equal((await fetch(offer.body.url as string)).status, 200, 'the person agrees')
  t.match(told, [{ type: 'accountLink', source: { userId: 'U3' } }])

  await server.stop('SIGKILL')
  server = await serve(settings)
  const webhooks = connect(server.url)
  t.equal(await webhooks.deliver(told), 1)
  t.equal(await webhooks.deliver(told), 1, 'and once more')
  t.strictSame(await linked(), ['U1 customer-1', 'U2 customer-2', 'U3 customer-3'])
  t.match(
    await ask('POST', '/links', login),
    { status: 200, body: { externalId: 'customer-2' } },
    'the answer was lost',
  )
  t.match(await ask('POST', '/links', { ...login, externalId: 'other' }), {
    status: 422,
    body: { error: /used for another link/ },
  })
  t.strictSame(await linked(), ['U1 customer-1', 'U2 customer-2', 'U3 customer-3'])

  const page = (await server.get('/metrics')).body
  t.match(page, 'line_braze_links_total{channel="default",source="account_link",outcome="linked"} 1')
  t.match(page, 'line_braze_linked{channel="default"} 3')
  api.setOutageOf('/oauth2/v2.1/verify', { status: 500 })
  t.match(await ask('POST', '/links', { ...login, idToken: api.issueIdToken('U2') }), { status: 502 })
  const logged = JSON.stringify(server.lines)
  for (const secret of [
    TOKEN,
    'customer-1',
    'customer-2',
    'customer-3',
    '"U1',
    '"U2',
    '"U3',
    idToken,
    linkToken as string,
  ])
    t.notOk(logged.includes(secret), secret)
})

t.test('without a token there is no /api', async (t) => {
  const { serve } = await stage(t)
  const server = await serve()
  const answer = await fetch(`${server.url}/api/channels/default/links`, {
    method: 'POST',
    headers: json,
    body: '{}',
  })
  t.equal(answer.status, 404)
})
