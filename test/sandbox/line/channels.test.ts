import t, { type Test } from 'tap'
import { type LineApiSandbox, startLineApiSandbox } from '../../../src/sandbox/line/api.ts'
import { ask, read } from '../client.ts'

async function start(t: Test): Promise<LineApiSandbox> {
  const line = await startLineApiSandbox({ followers: ['U1', 'U2'] })
  t.teardown(line.close)
  return line
}
const list = '/v2/bot/followers/ids'

t.test('each account has followers, a bot and tokens of its own', async (t) => {
  const line = await start(t)
  const shop = line.addChannel({ followers: ['U2', 'U3'] })
  t.equal(new Set([line.destination, shop.destination]).size, 2)
  t.equal(new Set([line.channelId, shop.channelId]).size, 2)
  t.equal(new Set([line.channelSecret, shop.channelSecret]).size, 2)
  t.same((await ask(line, list)).json, { userIds: ['U1', 'U2'] })
  t.same((await ask(line, list, { token: shop.token })).json, { userIds: ['U2', 'U3'] })
  t.equal((await ask(line, '/v2/bot/info')).json.userId, line.destination)
  t.equal((await ask(line, '/v2/bot/info', { token: shop.token })).json.userId, shop.destination)
  shop.follow('U4')
  line.unfollow('U2')
  t.same((await ask(line, list)).json, { userIds: ['U1'] })
  t.same([...shop.followers()], ['U2', 'U3', 'U4'])
})

t.test('a stateless token is the account’s that asked for it', async (t) => {
  const line = await start(t)
  const shop = line.addChannel()
  const issue = async (client_id: string, client_secret: string) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
    return read(await fetch(`${line.url}/oauth2/v3/token`, { method: 'POST', body }))
  }
  const { json } = await issue(shop.channelId, shop.channelSecret)
  t.equal((await ask(line, '/v2/bot/info', { token: json.access_token })).json.userId, shop.destination)
  t.equal((await issue(shop.channelId, line.channelSecret)).status, 400)
  shop.revokeTokens()
  for (const token of [shop.token, json.access_token])
    t.equal((await ask(line, '/v2/bot/info', { token })).status, 401)
  t.equal((await ask(line, '/v2/bot/info')).status, 200)
  shop.setToken('another')
  t.equal(shop.token, 'another')
  t.equal((await ask(line, '/v2/bot/info', { token: 'another' })).status, 200)
})

t.test('an account link is the account’s whose token asked for it', async (t) => {
  const line = await start(t)
  const shop = line.addChannel({
    followers: ['U3'],
    destination: 'Ushop',
    token: 't',
    channelId: '1',
    channelSecret: 's',
  })
  const issue = (userId: string, token: string) =>
    ask(line, `/v2/bot/user/${userId}/linkToken`, { method: 'POST', token })
  t.equal((await issue('U3', line.token)).status, 404, 'a friend of another account')
  const { linkToken } = (await issue('U3', shop.token)).json
  const told: string[] = []
  line.on('accountLink', ({ destination }) => told.push(destination))
  t.ok(line.finishAccountLink({ linkToken, nonce: '0123456789' }))
  t.same(told, ['Ushop'])
})

t.test('what one list is told to do, the others do not', async (t) => {
  const line = await start(t)
  const shop = line.addChannel({ followers: ['U3'] })
  shop.forbidList(true)
  shop.setInsight({ status: 'unready' })
  t.equal((await ask(line, list, { token: shop.token })).status, 403)
  t.equal((await ask(line, list)).status, 200)
  const insight = '/v2/bot/insight/followers?date=20260801'
  t.equal((await ask(line, insight, { token: shop.token })).json.status, 'unready')
  t.match((await ask(line, insight)).json, { status: 'ready', followers: 2 })
})
