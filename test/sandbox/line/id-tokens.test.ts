import t, { type Test } from 'tap'
import {
  type LineApiSandbox,
  type LineApiSandboxOptions,
  startLineApiSandbox,
} from '../../../src/sandbox/line/api.ts'
import { read } from '../client.ts'

const now = 1_800_000_000
const userId = `U${'a'.repeat(32)}`

async function start(t: Test, options: LineApiSandboxOptions = {}): Promise<LineApiSandbox> {
  const line = await startLineApiSandbox({ clock: () => now * 1000, ...options })
  t.teardown(line.close)
  return line
}

/** Has a token verified; `fields` go over those that are right. */
async function verify(line: LineApiSandbox, idToken: string, fields: Record<string, string> = {}) {
  const body = new URLSearchParams({ id_token: idToken, client_id: line.loginChannelId, ...fields })
  return read(await fetch(`${line.url}/oauth2/v2.1/verify`, { method: 'POST', body }))
}
const refused = (error_description: unknown) => ({
  status: 400,
  json: { error: 'invalid_request', error_description },
})

t.test('LINE says whose token it is', async (t) => {
  const line = await start(t)
  const { status, json } = await verify(line, line.issueIdToken(userId))
  t.equal(status, 200)
  t.match(json, {
    iss: 'https://access.line.me',
    sub: userId,
    aud: line.loginChannelId,
    exp: now + 3600,
    iat: now,
    amr: Array,
  })
  t.notOk('nonce' in json)
  const nonce = 'mine'
  const withNonce = line.issueIdToken(userId, { nonce })
  t.match(await verify(line, withNonce, { nonce, user_id: userId }), { status: 200, json: { nonce } })
  t.equal((await verify(line, withNonce)).status, 200, 'asked for nothing, so nothing to refuse')
  t.equal((await verify(line, withNonce)).status, 200, 'LINE does not mind a second time')
})

t.test('what LINE does not vouch for', async (t) => {
  const line = await start(t)
  const token = line.issueIdToken(userId, { nonce: 'mine' })
  const [header, , signature] = token.split('.')
  const forged = Buffer.from(JSON.stringify({ sub: 'U2' })).toString('base64url')
  for (const nonsense of ['', 'x', 'a.b.c', `${token}x`, `${token}.`, `${header}.${forged}.${signature}`])
    t.match(await verify(line, nonsense), refused('Invalid IdToken.'))
  const other = await start(t)
  t.match(await verify(line, other.issueIdToken(userId)), refused('Invalid IdToken.'), 'of another LINE')
  const refusals: [ReturnType<LineApiSandbox['issueIdToken']>, Record<string, string>, string][] = [
    [line.issueIdToken(userId, { issuer: 'https://example.com' }), {}, 'Invalid IdToken Issuer.'],
    [line.issueIdToken(userId, { expiresInSeconds: 0 }), {}, 'IdToken expired.'],
    [line.issueIdToken(userId, { loginChannelId: '7' }), {}, 'Invalid IdToken Audience.'],
    [token, { client_id: '7' }, 'Invalid IdToken Audience.'],
    [token, { nonce: 'yours' }, 'Invalid IdToken Nonce.'],
    [line.issueIdToken(userId), { nonce: 'mine' }, 'Invalid IdToken Nonce.'],
    [token, { user_id: 'U2' }, 'Invalid IdToken Subject Identifier.'],
  ]
  for (const [idToken, fields, description] of refusals)
    t.match(await verify(line, idToken, fields), refused(description), description)
  t.equal(
    (await verify(line, line.issueIdToken(userId, { loginChannelId: '7' }), { client_id: '7' })).status,
    200,
  )
})

t.test('a token expires', async (t) => {
  let seconds = now
  const line = await start(t, { clock: () => seconds * 1000 })
  const token = line.issueIdToken(userId, { expiresInSeconds: 60 })
  seconds += 59
  t.equal((await verify(line, token)).status, 200)
  seconds += 1
  t.match(await verify(line, token), refused('IdToken expired.'))
})

t.test('another provider knows the same person by another id', async (t) => {
  const line = await start(t)
  const { json } = await verify(line, line.issueIdToken(userId, { provider: 'other' }))
  t.match(json.sub, /^U[0-9a-f]{32}$/)
  t.not(json.sub, userId)
  t.equal((await verify(line, line.issueIdToken(userId, { provider: 'other' }))).json.sub, json.sub)
})

t.test('the request has to be a form with both fields', async (t) => {
  const line = await start(t, { loginChannelId: '12' })
  t.equal(line.loginChannelId, '12')
  const id_token = line.issueIdToken(userId)
  const post = async (body: string, contentType: string) =>
    read(
      await fetch(`${line.url}/oauth2/v2.1/verify`, {
        method: 'POST',
        body,
        headers: { 'content-type': contentType },
      }),
    )
  const form = 'application/x-www-form-urlencoded'
  t.equal((await post(`id_token=${id_token}&client_id=12`, form)).status, 200)
  t.match(await post(`id_token=${id_token}`, form), refused(String))
  t.match(await post('client_id=12', form), refused(String))
  t.match(await post(JSON.stringify({ id_token, client_id: '12' }), 'application/json'), refused(String))
  const asked = await fetch(`${line.url}/oauth2/v2.1/verify?id_token=${id_token}&client_id=12`)
  t.equal(asked.status, 400, 'GET verifies channel access tokens')
  line.answerNextOf('/oauth2/v2.1/verify', { status: 500 })
  t.equal((await verify(line, id_token)).status, 500)
})
