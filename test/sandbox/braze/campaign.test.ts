import t, { type Test } from 'tap'
import { startBrazeSandbox } from '../../../src/sandbox/braze/braze.ts'
import type { Webhook } from '../../../src/sandbox/braze/webhook.ts'
import { startLineApiSandbox } from '../../../src/sandbox/line/api.ts'

const person = (number: number) => `U${number.toString(16).padStart(32, '0')}`
const people = Array.from({ length: 20 }, (_, number) => person(number))

/** As a person pastes it. */
const webhook: Webhook = {
  url: 'https://api.line.me/v2/bot/message/push',
  method: 'POST',
  headers: {
    'Content-Type': 'application/json',
    Authorization: 'Bearer {% capture t %}{{content_blocks.${token}}}{% endcapture %}{{t | strip}}',
    'X-Line-Retry-Key':
      '{% capture k %}{{campaign.${dispatch_id}}}{{custom_attribute.${line_id}}}{% endcapture %}{% assign h = k | md5 %}{{h | slice: 0, 8}}-{{h | slice: 8, 4}}-{{h | slice: 12, 4}}-{{h | slice: 16, 4}}-{{h | slice: 20, 12}}',
  },
  body: '{% if custom_attribute.${line_id} == blank %}{% abort_message("no line_id") %}{% endif %}{"to":"{{custom_attribute.${line_id}}}","messages":[{"type":"text","text":"Hi {{custom_attribute.${name} | default: "you" | json_escape}}"}]}',
}

/** A LINE that twenty people follow, and a Braze that knows them; the token's block has a line break too many. */
async function start(t: Test) {
  const line = await startLineApiSandbox({ followers: people, keepRequests: true })
  t.teardown(line.close)
  const braze = await startBrazeSandbox()
  t.teardown(braze.close)
  for (const [number, userId] of people.entries())
    if (number % 2 === 0) braze.createProfile(userId, { line_id: userId, name: '"A"\n😀' })
    else braze.createCustomer(`customer-${number}`, { line_id: userId })
  braze.createContentBlock('token', `${line.token}\n`)
  const hosts = { 'api.line.me': line.url }
  return {
    line,
    braze,
    send: (changes: Partial<Webhook> = {}, options = {}) =>
      braze.sendCampaign({ ...webhook, ...changes }, { hosts, ...options }),
  }
}

t.test('everybody with line_id gets one message', async (t) => {
  const { line, braze, send } = await start(t)
  braze.createProfile('U-blank', { line_id: ' ' })
  braze.createProfile('U-none')
  braze.createCustomer('none', { other: 'x' })
  const result = await send()
  t.match(result, { people: 20, received: 20, failed: 0, aborted: 0, retries: 0, byStatus: { 200: 20 } })
  t.same([...line.received].sort(), people.map((userId) => [userId, 1]).sort())
  t.equal(new Set(line.pushes.map(({ retryKey }) => retryKey)).size, 20)
})

t.test('whoever has blocked is counted as received, and gets nothing', async (t) => {
  const { line, send } = await start(t)
  line.unfollow(person(3))
  t.match(await send(), { received: 20 })
  t.equal(line.received.size, 19)
  t.equal(line.received.has(person(3)), false)
})

t.test('a person with two profiles gets it twice, but for the retry key', async (t) => {
  const { line, braze, send } = await start(t)
  braze.createCustomer('twin', { line_id: person(0) }, { tolerate: true })
  t.match(await send(), { people: 21, received: 20, failed: 1, byStatus: { 409: 1 } })
  const { 'X-Line-Retry-Key': _, ...headers } = webhook.headers
  t.match(await send({ headers }), { people: 21, received: 21 })
  t.equal(line.received.get(person(0)), 3)
})

t.test('another attribute is another segment', async (t) => {
  const { line, braze, send } = await start(t)
  braze.createProfile('x', { line_shop: person(1) })
  const body = webhook.body.replaceAll('line_id', 'line_shop')
  t.match(await send({ body }, { attribute: 'line_shop' }), { people: 1, received: 1 })
  t.same([...line.received], [[person(1), 1]])
})

t.test('Liquid is filled in when its turn comes, not when the segment is made', async (t) => {
  const { line, braze, send } = await start(t)
  braze.on('sent', () => {
    braze.editContentBlock('token', line.reissueToken(60_000))
    braze.removeCustomerAttribute('customer-19')
  })
  const result = await send({}, { concurrency: 1 })
  t.match(result, { people: 20, received: 19, aborted: 1, failed: 0 })
  t.equal(
    new Set(line.pushes.map(({ tokenHash }) => tokenHash)).size,
    19,
    'each with the token of its moment',
  )
  t.equal(line.received.has(person(19)), false)
})

t.test('what is not retried is lost: a dead token, a wrong body', async (t) => {
  const { line, braze, send } = await start(t)
  line.revokeTokens()
  t.match(await send(), { received: 0, failed: 20, retries: 0, byStatus: { 401: 20 } })
  braze.editContentBlock('token', line.reissueToken())
  const body = webhook.body.replace(' | json_escape', '')
  t.match(await send({ body }), { received: 10, failed: 10, retries: 0, byStatus: { 200: 10, 400: 10 } })
  for (const status of [403, 409]) {
    line.answerNext({ status }, 20)
    t.match(await send(), { received: 0, failed: 20, retries: 0, byStatus: { [status]: 20 } })
  }
  line.answerNext({ status: 302, headers: { location: '/v2/bot/info' } }, 20)
  t.match(await send(), { failed: 20, retries: 0, byStatus: { 302: 20 } })
})

t.test('what is retried, at most five times', async (t) => {
  const { line, braze, send } = await start(t)
  braze.createProfile('x', { solo: person(1) })
  const body = webhook.body.replaceAll('line_id', 'solo')
  const solo = () => send({ body }, { attribute: 'solo', secondMs: 0 })
  for (const answer of [
    { status: 408 },
    { status: 429 },
    { status: 500 },
    { status: 503 },
    { kind: 'reset' as const },
  ]) {
    line.answerNext(answer, 5)
    t.match(await solo(), { people: 1, received: 1, failed: 0, retries: 5, byStatus: { 200: 1 } })
    line.answerNext(answer, 6)
    t.match(await solo(), { received: 0, failed: 1, retries: 5, byStatus: { [answer.status ?? 0]: 1 } })
    t.match(await solo(), { received: 1, retries: 0 }, 'no seventh try has taken an answer')
  }
})

t.test('at the end of the month retries are in vain', async (t) => {
  const { line, send } = await start(t)
  line.setQuota(0)
  t.match(await send({}, { secondMs: 0 }), { received: 0, failed: 20, retries: 100, byStatus: { 429: 20 } })
  t.equal(line.received.size, 0)
})

t.test('Retry-After is obeyed, in place of the usual wait', async (t) => {
  const { line, send } = await start(t)
  line.answerNext({ status: 503, headers: { 'retry-after': '200' } })
  const startedAt = performance.now()
  t.match(await send({}, { secondMs: 1 }), { received: 20, retries: 1 })
  t.ok(performance.now() - startedAt >= 199)
})

t.test('a retry carries the first text, or a new one where a test asks for that', async (t) => {
  const { line, braze, send } = await start(t)
  const body = webhook.body.replaceAll('line_id', 'solo')
  braze.createProfile('x', { solo: person(1) })
  const solo = (renderAgain: boolean) => {
    braze.editContentBlock('token', line.token)
    line.answerNext({ status: 503 })
    return send({ body }, { attribute: 'solo', secondMs: 0, renderAgain })
  }
  line.on('request', () => braze.editContentBlock('token', 'another'))
  t.match(await solo(false), { people: 1, received: 1, retries: 1 })
  t.match(await solo(true), { people: 1, failed: 1, retries: 1, byStatus: { 401: 1 } })
})

t.test('what is about to be sent can be held back, with the token that it has', async (t) => {
  const { line, braze, send } = await start(t)
  line.answerNext({ status: 503 })
  let requests = 0
  const later = line.until(() => line.pushes.length === 9)
  const beforeRequest = async () => {
    if (++requests <= 10) return
    await later
    braze.editContentBlock('token', line.reissueToken(60_000))
  }
  const result = await send({}, { concurrency: 11, secondMs: 0, beforeRequest })
  t.match(result, { people: 20, received: 20, retries: 1 })
  t.equal(requests, 21, 'a retry is a request, too')
  const hashes = line.pushes.map(({ tokenHash }) => tokenHash)
  t.equal(hashes[9], hashes[0], 'it was filled in before')
  t.not(hashes.at(-1), hashes[0])
})

t.test('headers that are none fail without a try', async (t) => {
  const { line, braze, send } = await start(t)
  braze.editContentBlock('token', `a\r\nb`)
  t.match(await send({}, { secondMs: 0 }), { failed: 20, retries: 0, byStatus: { 0: 20 } })
  t.equal(line.stats.requests, 0)
})

t.test('Braze sends to the usual ports, and the sandbox to its own machine', async (t) => {
  const { line, send } = await start(t)
  t.match(await send({ url: `${line.url}/v2/bot/message/push` }), { received: 20 })
  await t.rejects(send({ url: 'https://api.line.me:8443/v2/bot/message/push' }), /ports 80 and 443/)
  await t.rejects(send({ url: 'https://example.com/' }), /no other machine/)
  await t.rejects(send({ method: 'TRACE' }), /GET or POST/)
  await t.rejects(send({ body: '{% if %}' }))
})

t.test('the test tab: a customised user', async (t) => {
  const { braze } = await start(t)
  const filled = braze.previewWebhook(webhook, { line_id: person(1), name: 'B' })
  t.match(filled, { url: webhook.url, headers: { Authorization: /^Bearer \w+$/ } })
  t.same(JSON.parse('body' in filled ? filled.body : '').messages, [{ type: 'text', text: 'Hi B' }])
  const url = 'https://api.line.me/?{{campaign.${dispatch_id}}}'
  t.match(braze.previewWebhook({ ...webhook, url }, { line_id: 'x' }), {
    url: 'https://api.line.me/?dispatch_id_for_unsent_campaign',
  })
  t.same(braze.previewWebhook(webhook, {}), { aborted: 'no line_id' })
})

t.test('a draft of the block leaves the header empty; an archived one is used as before', async (t) => {
  const { braze, send } = await start(t)
  braze.archiveContentBlock('token')
  t.match(await send(), { received: 20 })
  braze.draftContentBlock('token')
  t.match(await send(), { failed: 20, byStatus: { 401: 20 } })
})

t.test('closing ends a campaign', async (t) => {
  const { line, braze, send } = await start(t)
  line.setOutage({ kind: 'hang' })
  const sending = t.rejects(send(), /was closed/)
  await line.until(() => line.stats.inFlight === 16)
  await braze.close()
  await sending
})
