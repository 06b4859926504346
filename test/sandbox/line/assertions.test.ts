import t, { type Test } from 'tap'
import { startLineApiSandbox } from '../../../src/sandbox/line/api.ts'
import { assertion, jwt, newKey } from '../assertion.ts'
import { ask, read } from '../client.ts'

const key = newKey()
const other = newKey()
const now = 1_800_000_000
const seconds = 30 * 24 * 60 * 60

/** A LINE whose clock stands, with a registered key; `token` asks for one, with changes to a right assertion. */
async function start(t: Test) {
  const line = await startLineApiSandbox({ clock: () => now * 1000 })
  t.teardown(line.close)
  const kid = line.registerKey(key.jwk)
  const right = { iss: line.channelId, sub: line.channelId, aud: 'https://api.line.me/', exp: now + 1800 }
  const sign = (claims: object = {}, header: object = {}, privateKey = key.privateKey) =>
    jwt(privateKey, { alg: 'RS256', typ: 'JWT', kid, ...header }, { ...right, token_exp: 60, ...claims })
  const post = async (path: string, body: URLSearchParams) =>
    read(await fetch(line.url + path, { method: 'POST', body }))
  const token = (claims: object = {}, header: object = {}, privateKey = key.privateKey) =>
    post('/oauth2/v2.1/token', assertion(sign(claims, header, privateKey)))
  return { line, kid, sign, post, token }
}

const invalid = (error_description: string) => ({
  status: 400,
  json: { error: 'invalid_client', error_description },
})

t.test('what an assertion must say, at each limit and beyond', async (t) => {
  const { token, line } = await start(t)
  for (const claims of [
    {},
    { exp: now + 1 },
    { token_exp: 1 },
    { token_exp: seconds },
    { token_exp: undefined },
  ])
    t.match(await token(claims), { status: 200 }, JSON.stringify(claims))
  t.equal((await token({ token_exp: undefined })).json.expires_in, seconds)
  for (const exp of [now, now - 600, now + 1801, undefined, 'soon'])
    t.match(await token({ exp }), invalid('Invalid exp'), `exp ${exp}`)
  for (const token_exp of [0, -1, seconds + 1, 1.5, '60', null])
    t.match(await token({ token_exp }), invalid('Invalid token_exp'), `token_exp ${token_exp}`)
  t.match(await token({ iss: '12' }), invalid('iss and clientId of key do not match'))
  t.match(await token({ sub: '12' }), invalid('Invalid sub'))
  for (const aud of ['https://api.line.me', 'https://api.line.me/oauth2', undefined])
    t.match(await token({ aud }), invalid('Invalid aud'))
  t.match(await token({}, { alg: 'HS256' }), invalid('Invalid alg'))
  t.match(await token({}, { alg: 'none' }), invalid('Invalid alg'))
  t.match(await token({}, { typ: undefined }), invalid('Invalid typ'))
  t.match(await token({}, { kid: undefined }), invalid('Invalid kid'))
  t.match(await token({}, {}, other.privateKey), invalid('Invalid signature'))
  t.match(line.keyIds().length, 6)
})

t.test('a key that the channel does not have', async (t) => {
  const { line, token, kid } = await start(t)
  const unknown = { status: 404, json: { message: 'Cannot find channel key that satisfies the conditions' } }
  t.match(await token({}, { kid: 'another' }), unknown)
  const second = line.addChannel()
  const theirs = second.registerKey(key.jwk)
  t.match(await token({}, { kid: theirs }), invalid('iss and clientId of key do not match'))
  line.removeKey(kid)
  t.match(await token(), unknown)
})

t.test('requests that are none', async (t) => {
  const { line, post, sign } = await start(t)
  const path = '/oauth2/v2.1/token'
  t.match(await post(path, assertion(sign(), { grant_type: 'password' })), { status: 400 })
  t.match(await post(path, assertion(sign(), { client_assertion_type: 'jwt' })), { status: 400 })
  for (const text of ['', 'a.b.c', `${sign()}.x`, 'e30.W10.x', sign().split('.').slice(0, 2).join('.')])
    t.match(await post(path, assertion(text)), { status: 400, json: { error: 'invalid_client' } }, text)
  const json = { method: 'POST', body: JSON.stringify(Object.fromEntries(assertion(sign()))) }
  t.equal((await ask(line, path, json)).status, 400)
  t.equal(line.keyIds().length, 0)
})

t.test('who shows a key needs no secret for a stateless token', async (t) => {
  const { line, post, sign } = await start(t)
  const { status, json } = await post('/oauth2/v3/token', assertion(sign({ token_exp: undefined })))
  t.match({ status, json }, { status: 200, json: { token_type: 'Bearer', expires_in: 900 } })
  t.equal((await ask(line, '/v2/bot/info', { token: json.access_token })).status, 200)
  t.match(await post('/oauth2/v3/token', assertion(sign({ exp: now }))), invalid('Invalid exp'))
  t.equal(line.stats.tokensIssued, 1)
  t.equal(line.keyIds().length, 0, 'they are not counted with the others')
})

t.test('keys that the console refuses', async (t) => {
  const { line } = await start(t)
  const { use: _, ...bare } = key.jwk
  t.type(line.registerKey({ ...bare, key_ops: ['verify'] }), 'string')
  for (const [jwk, why] of [
    [bare, /its use must be sig/],
    [{ ...bare, key_ops: ['verify', 'sign'] }, /its use must be sig/],
    [{ ...key.jwk, alg: 'PS256' }, /its alg must be RS256/],
    [{ ...key.jwk, kid: 'mine' }, /it may have no kid/],
    [{ ...key.jwk, kty: 'EC' }, /its kty must be RSA/],
    [{ ...key.privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }, /it is a private key/],
    [newKey(1024).jwk, /it must have 2048 bits/],
    [newKey(3072).jwk, /it must have 2048 bits/],
  ] as const)
    t.throws(() => line.registerKey(jwk), { message: why })
})

t.test('people who play register a key by HTTP', async (t) => {
  const { line, token } = await start(t)
  const register = (body: string) => ask(line, '/console/assertion-signing-key', { method: 'POST', body })
  const { status, json } = await register(JSON.stringify(other.jwk))
  t.equal(status, 200)
  t.equal((await token({}, { kid: json.kid }, other.privateKey)).status, 200)
  for (const body of ['', '[]', '{}', JSON.stringify({ ...other.jwk, kid: 'x' })])
    t.match(await register(body), { status: 400, json: { message: /^The key cannot be registered: / } })
})
