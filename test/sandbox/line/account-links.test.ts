import t, { type Test } from 'tap'
import type { AccountLink } from '../../../src/sandbox/line/account-links.ts'
import {
  type LineApiSandbox,
  type LineApiSandboxOptions,
  startLineApiSandbox,
} from '../../../src/sandbox/line/api.ts'
import { asRedelivery, createEvents } from '../../../src/sandbox/line/events.ts'
import { seededRandom } from '../../../src/sandbox/random.ts'
import { ask } from '../client.ts'

async function start(t: Test, options: LineApiSandboxOptions = {}): Promise<LineApiSandbox> {
  const line = await startLineApiSandbox({ random: seededRandom(1), followers: ['U1', 'U2'], ...options })
  t.teardown(line.close)
  return line
}
const issue = (line: LineApiSandbox, userId: string, token = line.token) =>
  ask(line, `/v2/bot/user/${userId}/linkToken`, { method: 'POST', token })
const tokenFor = async (line: LineApiSandbox, userId: string): Promise<string> =>
  (await issue(line, userId)).json.linkToken
const nonce = 'a nonce+of/ours=='
const minute = 60_000

t.test('whoever opens their link and has it confirmed is told of by webhook', async (t) => {
  const now = 1_800_000_000_000
  const line = await start(t, { clock: () => now })
  const told: AccountLink[] = []
  line.on('accountLink', (link) => told.push(link))
  const event = line.finishAccountLink({ linkToken: await tokenFor(line, 'U1'), nonce })
  t.match(event, {
    type: 'accountLink',
    source: { type: 'user', userId: 'U1' },
    link: { result: 'ok', nonce },
    timestamp: now,
    mode: 'active',
    replyToken: String,
    webhookEventId: /^.{26}$/,
    deliveryContext: { isRedelivery: false },
  })
  t.same(told, [{ destination: line.destination, event }])
  if (event !== null) t.match(asRedelivery(event), { ...event, deliveryContext: { isRedelivery: true } })
})

t.test('a link that somebody else opens has failed', async (t) => {
  const line = await start(t)
  const linkToken = await tokenFor(line, 'U1')
  const event = line.finishAccountLink({ linkToken, nonce, by: 'U2' })
  t.match(event, { type: 'accountLink', link: { result: 'failed', nonce } })
  t.notOk(event?.source)
  t.notOk(event?.replyToken)
  t.equal(line.finishAccountLink({ linkToken, nonce, by: 'U1' }), null, 'and is used')
})

t.test('no event for a token that is used, expired or unknown', async (t) => {
  let now = 1_800_000_000_000
  const line = await start(t, { clock: () => now })
  line.on('accountLink', ({ event }) => told.push(event.type))
  const told: string[] = []
  const linkToken = await tokenFor(line, 'U1')
  now += 10 * minute - 1
  t.ok(line.finishAccountLink({ linkToken, nonce }))
  t.equal(line.finishAccountLink({ linkToken, nonce }), null)
  const late = await tokenFor(line, 'U1')
  now += 10 * minute
  t.equal(line.finishAccountLink({ linkToken: late, nonce }), null)
  const revoked = await tokenFor(line, 'U1')
  line.expireLinkTokens()
  t.equal(line.finishAccountLink({ linkToken: revoked, nonce }), null)
  t.equal(line.finishAccountLink({ linkToken: 'nonsense', nonce }), null)
  t.equal(told.length, 1)
})

t.test('a nonce has 10 to 255 characters', async (t) => {
  const line = await start(t)
  const linkToken = await tokenFor(line, 'U1')
  for (const wrong of ['', 'x'.repeat(9), 'x'.repeat(256)])
    t.equal(line.finishAccountLink({ linkToken, nonce: wrong }), null)
  t.ok(line.finishAccountLink({ linkToken, nonce: 'x'.repeat(10) }), 'the token was not used by that')
  t.ok(line.finishAccountLink({ linkToken: await tokenFor(line, 'U1'), nonce: 'x'.repeat(255) }))
})

t.test('the dialog can be opened over HTTP, without a channel’s token', async (t) => {
  const line = await start(t)
  const told: unknown[] = []
  line.on('accountLink', ({ event }) => told.push(event.link))
  const query = new URLSearchParams({ linkToken: await tokenFor(line, 'U1'), nonce })
  const url = `${line.url}/dialog/bot/accountLink`
  t.equal((await fetch(`${url}?${query}`)).status, 200)
  t.same(told, [{ result: 'ok', nonce }])
  t.equal((await fetch(`${url}?${query}`)).status, 400)
  t.equal((await fetch(url)).status, 400)
  t.equal((await fetch(`${url}?${query}`, { method: 'POST' })).status, 404)
  t.equal(told.length, 1)
})

t.test('link tokens are for friends, and for who has a token of the channel', async (t) => {
  const line = await start(t)
  const tokens = new Set([await tokenFor(line, 'U1'), await tokenFor(line, 'U1'), await tokenFor(line, 'U2')])
  t.equal(tokens.size, 3)
  line.unfollow('U2')
  t.match(await issue(line, 'U2'), { status: 404, json: { message: String } })
  t.equal((await issue(line, 'U3')).status, 404)
  t.equal((await issue(line, 'U1', 'wrong')).status, 401)
  t.equal((await issue(line, 'U1/x')).status, 404)
  t.equal((await ask(line, '/v2/bot/user/U1/linkToken')).status, 404, 'GET')
  t.equal(line.stats.byPath['/v2/bot/user/{userId}/linkToken'], 7)
})

t.test('what is scripted for one path leaves the others alone', async (t) => {
  const line = await start(t)
  const path = '/v2/bot/user/{userId}/linkToken'
  line.answerNextOf(path, { status: 500 }, 2)
  line.answerNextOf(path, { kind: 'reset' })
  line.setOutageOf('/v2/bot/info', { status: 503 })
  line.answerNext({ status: 502 })
  t.equal((await issue(line, 'U1')).status, 500)
  t.equal((await ask(line, '/v2/bot/info')).status, 503)
  t.equal((await issue(line, 'U2')).status, 500)
  await t.rejects(issue(line, 'U1'))
  t.equal((await issue(line, 'U1')).status, 502)
  t.equal((await issue(line, 'U1')).status, 200)
  line.setOutageOf('/v2/bot/info', null)
  t.equal((await ask(line, '/v2/bot/info')).status, 200)
})

t.test('builds both events', async (t) => {
  const make = createEvents(seededRandom(2))
  t.match(make.accountLink('U1', nonce, 5), {
    timestamp: 5,
    source: { userId: 'U1' },
    link: { result: 'ok', nonce },
    replyToken: String,
  })
  t.match(make.accountLink('U1', nonce, 5, { mode: 'standby' }), { mode: 'standby', replyToken: undefined })
  t.same(Object.keys(make.accountLinkFailed(nonce, 5)).sort(), [
    'deliveryContext',
    'link',
    'mode',
    'timestamp',
    'type',
    'webhookEventId',
  ])
})
