import t, { type Test } from 'tap'
import {
  type LineApiSandbox,
  type LineApiSandboxOptions,
  startLineApiSandbox,
} from '../../../src/sandbox/line/api.ts'
import { ask, read } from '../client.ts'

async function start(t: Test, options: LineApiSandboxOptions = {}): Promise<LineApiSandbox> {
  const line = await startLineApiSandbox(options)
  t.teardown(line.close)
  return line
}

/** Asks for a stateless token; `fields` go over the right ones. */
async function issue(line: LineApiSandbox, fields: Record<string, string> = {}) {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: line.channelId,
    client_secret: line.channelSecret,
    ...fields,
  })
  return read(await fetch(`${line.url}/oauth2/v3/token`, { method: 'POST', body }))
}
const status = async (line: LineApiSandbox, token: string) =>
  (await ask(line, '/v2/bot/info', { token })).status

t.test('nothing without a valid token', async (t) => {
  const line = await start(t)
  for (const headers of [
    {},
    { authorization: '' },
    { authorization: 'Bearer ' },
    { authorization: 'Bearer wrong' },
    { authorization: line.token },
  ]) {
    for (const path of ['/v2/bot/followers/ids', '/v2/bot/info', '/v2/bot/insight/followers?date=20260801']) {
      const answer = await ask(line, path, { headers })
      t.match(answer, { status: 401, json: { message: /^Authentication failed\. Confirm/ } })
    }
  }
  t.equal(await status(line, line.token), 200)
})

t.test('a stateless token lives for 15 minutes', async (t) => {
  let now = 5_000
  const line = await start(t, { clock: () => now })
  const { status: issued, json } = await issue(line)
  t.equal(issued, 200)
  t.match(json, { token_type: 'Bearer', access_token: /^eyJ/, expires_in: 900 })
  const other = (await issue(line)).json.access_token
  t.not(other, json.access_token)
  now += 899_999
  t.equal(await status(line, json.access_token), 200)
  t.equal(await status(line, other), 200)
  now += 1
  t.equal(await status(line, json.access_token), 401)
  t.equal(await status(line, line.token), 200, 'the long-lived one goes on')
  line.setTokenLife(2)
  const short = (await issue(line)).json
  t.equal(short.expires_in, 2)
  now += 2_000
  t.equal(await status(line, short.access_token), 401)
  t.equal(line.stats.tokensIssued, 3)
})

t.test('who may not have one', async (t) => {
  const line = await start(t)
  for (const fields of [{ client_id: 'x' }, { client_secret: 'x' }, { client_secret: '' }]) {
    t.match(await issue(line, fields), {
      status: 400,
      json: { error: 'invalid_request', error_description: "Invalid 'client_credentials'." },
    })
  }
  t.match(await issue(line, { grant_type: 'password' }), { status: 400, json: { error: String } })
  const body = JSON.stringify({ grant_type: 'client_credentials', client_id: line.channelId })
  const headers = { 'content-type': 'application/json' }
  t.equal((await ask(line, '/oauth2/v3/token', { method: 'POST', headers, body })).status, 400)
  t.equal((await ask(line, '/oauth2/v3/token')).status, 404)
  t.equal(line.stats.tokensIssued, 0)
})

t.test('tokens that end before their time', async (t) => {
  const line = await start(t, { token: 'long' })
  const first = (await issue(line)).json.access_token
  line.expireTokens()
  t.equal(await status(line, first), 401)
  t.equal(await status(line, 'long'), 200)
  const second = (await issue(line)).json.access_token
  line.revokeTokens()
  t.equal(await status(line, second), 401)
  t.equal(await status(line, 'long'), 401)
  const third = (await issue(line)).json.access_token
  t.equal(await status(line, third), 200, 'new ones can be had')
  line.setToken('longer')
  t.equal(line.token, 'longer')
  t.equal(await status(line, 'longer'), 200)
  t.equal(await status(line, 'long'), 401)
  t.equal(await status(line, third), 200)
})
