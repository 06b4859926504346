import t, { type Test } from 'tap'
import { type LineApiSandbox, startLineApiSandbox } from '../../../src/sandbox/line/api.ts'
import { assertion, jwt, newKey } from '../assertion.ts'
import { ask, read } from '../client.ts'

const key = newKey()

async function start(t: Test) {
  let now = 1_800_000_000_000
  const line = await startLineApiSandbox({ clock: () => now })
  t.teardown(line.close)
  const kid = line.registerKey(key.jwk)
  function signed(token_exp?: number) {
    const { channelId: iss } = line
    const claims = { iss, sub: iss, aud: 'https://api.line.me/', exp: now / 1000 + 60, token_exp }
    return assertion(jwt(key.privateKey, { alg: 'RS256', typ: 'JWT', kid }, claims))
  }
  const post = async (path: string, fields: URLSearchParams | Record<string, string>) =>
    read(await fetch(line.url + path, { method: 'POST', body: new URLSearchParams(fields) }))
  const get = async (path: string, fields: URLSearchParams | Record<string, string>) =>
    read(await fetch(`${line.url}${path}?${new URLSearchParams(fields)}`))
  return {
    line,
    post,
    issue: (seconds?: number) => post('/oauth2/v2.1/token', signed(seconds)),
    verify: (access_token: string) => get('/oauth2/v2.1/verify', { access_token }),
    kids: async () => (await get('/oauth2/v2.1/tokens/kid', signed())).json.kids,
    later(ms: number) {
      now += ms
    },
  }
}
const opens = async (line: LineApiSandbox, token: string) =>
  (await ask(line, '/v2/bot/info', { token })).status === 200

t.test('a token lives as long as was asked for, to the millisecond', async (t) => {
  const { line, issue, verify, kids, later } = await start(t)
  const { status, json } = await issue(100)
  t.match({ status, json }, { status: 200, json: { token_type: 'Bearer', expires_in: 100, key_id: String } })
  t.match(json.access_token, /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/)
  t.same(await kids(), [json.key_id])
  t.same((await verify(json.access_token)).json, {
    client_id: line.channelId,
    expires_in: 100,
    scope: 'profile chat_message.write',
  })
  later(99_999)
  t.equal(await opens(line, json.access_token), true)
  t.equal((await verify(json.access_token)).json.expires_in, 0)
  later(1)
  t.equal(await opens(line, json.access_token), false)
  t.match(await verify(json.access_token), {
    status: 400,
    json: { error: 'invalid_request', error_description: 'The access token expired' },
  })
  t.same(await kids(), [])
})

t.test('thirty live at a time, and the next is refused until one ends', async (t) => {
  const { line, issue, kids, later } = await start(t)
  const first = (await issue(10)).json
  for (let count = 1; count < 30; count++) t.equal((await issue(1000)).status, 200, String(count))
  t.equal((await kids()).length, 30)
  const full = {
    status: 400,
    json: { message: 'The maximum number of access tokens has already been issued' },
  }
  t.match(await issue(), full)
  t.equal(await opens(line, first.access_token), true, 'nobody else ends for it')
  later(10_000)
  t.equal((await issue(1000)).status, 200, 'the first one has expired')
  t.match(await issue(), full)
  line.revokeKeyId((await kids())[0])
  t.equal((await issue()).status, 200)
})

t.test('revoking needs the secret and the token itself', async (t) => {
  const { line, post, issue, verify } = await start(t)
  const { access_token } = (await issue()).json
  const right = { client_id: line.channelId, client_secret: line.channelSecret, access_token }
  const revoke = (fields: object) => post('/oauth2/v2.1/revoke', { ...right, ...fields })
  for (const fields of [{ client_secret: 'x' }, { client_id: 'x' }])
    t.match(await revoke(fields), { status: 400, json: { error: 'invalid_request' } })
  t.match(await revoke({ access_token: 'x' }), {
    status: 400,
    json: { error_description: 'The access token not JWS' },
  })
  t.match(
    await revoke({ access_token: 'a.b.c' }),
    { status: 200, text: '' },
    'one that nobody knows is no fault',
  )
  t.equal(await opens(line, access_token), true)
  t.match(await revoke({}), { status: 200, text: '' })
  t.equal(await opens(line, access_token), false)
  t.match(await verify(access_token), { status: 400, json: { error: 'invalid_request' } })
  t.match(await verify('x'), { status: 400, json: { error_description: 'The access token not JWS' } })
})

t.test('a token opens its own channel only', async (t) => {
  const { line, issue, verify } = await start(t)
  const second = line.addChannel()
  const { access_token } = (await issue()).json
  t.equal((await verify(access_token)).json.client_id, line.channelId)
  t.equal((await ask(line, '/v2/bot/info', { token: access_token })).json.userId, line.destination)
  t.equal((await ask(line, '/v2/bot/info', { token: second.token })).json.userId, second.destination)
})

t.test('long-lived tokens: reissued with and without grace, verified, revoked', async (t) => {
  const { line, post, later } = await start(t)
  const first = line.token
  const verify = (access_token: string) => post('/v2/oauth/verify', { access_token })
  t.match(await verify(first), { status: 200, json: { client_id: line.channelId } })
  const second = line.reissueToken(5_000)
  t.equal(line.token, second)
  later(4_999)
  t.equal(await opens(line, first), true)
  later(1)
  t.equal(await opens(line, first), false)
  t.match(await verify(first), { status: 400, json: { error: 'invalid_request' } })
  t.equal(await opens(line, second), true)
  const third = line.reissueToken()
  t.equal(await opens(line, second), false)
  t.match(await post('/v2/oauth/revoke', { access_token: third }), { status: 200, text: '' })
  t.equal(await opens(line, third), false)
  t.equal(await opens(line, line.reissueToken()), true)
})

t.test('tokens and assertions are not kept', async (t) => {
  const line = await startLineApiSandbox({ keepRequests: true })
  t.teardown(line.close)
  await fetch(`${line.url}/oauth2/v2.1/verify?access_token=secret`)
  await fetch(`${line.url}/oauth2/v2.1/tokens/kid?client_assertion=secret`)
  await line.until(() => line.requests.length === 2)
  t.notMatch(JSON.stringify(line.requests), /secret/)
})
