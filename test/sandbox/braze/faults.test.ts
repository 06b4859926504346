import t, { type Test } from 'tap'
import { request } from 'undici'
import { type BrazeSandbox, startBrazeSandbox } from '../../../src/sandbox/braze/braze.ts'
import { object, track } from '../client.ts'

async function start(t: Test): Promise<BrazeSandbox> {
  const braze = await startBrazeSandbox({ applyMs: [0, 0] })
  t.teardown(braze.close)
  return braze
}
const one = [object('U1', 'U1')]

t.test('plain answers, so many times, with status, headers, body and delay', async (t) => {
  const braze = await start(t)
  braze.answerNext({ status: 429, headers: { 'retry-after': '7' }, body: { message: 'slow down' } }, 2)
  braze.answerNext({ body: 'hello', delayMs: 20 })
  for (let time = 0; time < 2; time++) {
    const answer = await track(braze, one)
    t.match(answer, { status: 429, json: { message: 'slow down' } })
    t.equal(answer.headers.get('retry-after'), '7')
  }
  const startedAt = performance.now()
  t.match(await track(braze, one), { status: 200, text: 'hello' })
  t.ok(performance.now() - startedAt >= 19)
  t.equal(braze.hasProfile('U1'), false, 'nothing was taken')
  t.equal((await track(braze, one)).status, 201)
  t.match(braze.stats, { requests: 4, accepted: 1 })
})

t.test('an outage lasts until it is over; single answers go before it', async (t) => {
  const braze = await start(t)
  braze.setOutage({ status: 503 })
  braze.answerNext({ status: 502 })
  t.equal((await track(braze, one)).status, 502)
  t.equal((await track(braze, one)).status, 503)
  t.equal((await track(braze, one)).status, 503)
  braze.setOutage(null)
  t.equal((await track(braze, one)).status, 201)
})

t.test('html, empty, not JSON', async (t) => {
  const braze = await start(t)
  braze.answerNext({ kind: 'html', status: 502 })
  const html = await track(braze, one)
  t.match(html, { status: 502, text: /^<html>/ })
  t.match(html.headers.get('content-type'), 'text/html')
  braze.answerNext({ kind: 'empty' })
  t.match(await track(braze, one), { status: 200, text: '' })
  braze.answerNext({ kind: 'not-json', status: 201 })
  const broken = await track(braze, one)
  t.match(broken, { status: 201, json: undefined })
  t.match(broken.headers.get('content-type'), 'json')
})

t.test('half an answer, and a reset connection', async (t) => {
  const braze = await start(t)
  braze.answerNext({ kind: 'half', status: 201 })
  await t.rejects(track(braze, one))
  braze.answerNext({ kind: 'reset' })
  await t.rejects(track(braze, one), { cause: { code: 'ECONNRESET' } })
  await braze.until(() => braze.stats.byStatus[0] === 1)
  t.same(braze.stats.byStatus, { 201: 1, 0: 1 })
  t.match(braze.stats, { accepted: 0, inFlight: 0 })
  t.equal((await track(braze, one)).status, 201)
})

t.test('an answer of 100 MB, to those who take it and to those who go', async (t) => {
  const braze = await start(t)
  braze.answerNext({ kind: 'huge' }, 2)
  const patient = await request(`${braze.url}/users/track`, { method: 'POST', body: '{}' })
  let size = 0
  for await (const chunk of patient.body) size += chunk.length
  t.ok(size > 100_000_000, `${size} bytes`)
  const hasty = await request(`${braze.url}/users/track`, { method: 'POST', body: '{}' })
  for await (const _ of hasty.body) break
  t.equal((await track(braze, one)).status, 201)
})

t.test('an answer that never comes', async (t) => {
  const braze = await start(t)
  braze.answerNext({ kind: 'hang' }, 2)
  const giveUp = new AbortController()
  const hanging = t.rejects(track(braze, one, { signal: giveUp.signal }), { name: 'AbortError' })
  await braze.until(() => braze.stats.inFlight === 1)
  giveUp.abort()
  await hanging
  await braze.until(() => braze.stats.inFlight === 0)
  t.same(braze.stats.byStatus, { 0: 1 })
  const cut = t.rejects(track(braze, one))
  await braze.until(() => braze.stats.inFlight === 1)
  await braze.close()
  await cut
})

t.test('an answer that begins and never ends', async (t) => {
  const braze = await start(t)
  braze.answerNext({ kind: 'stall', status: 201 })
  const { statusCode, body } = await request(`${braze.url}/users/track`, { method: 'POST', body: '{}' })
  t.equal(statusCode, 201)
  for await (const chunk of body) {
    t.equal(String(chunk), '{"message":"success"')
    t.equal(braze.stats.inFlight, 1)
    break
  }
  await braze.until(() => braze.stats.inFlight === 0)
  t.same(braze.stats.byStatus, { 0: 1 })
})

t.test('a client that goes during a delay', async (t) => {
  const braze = await start(t)
  braze.answerNext({ delayMs: 60_000 })
  const giveUp = new AbortController()
  const waiting = t.rejects(track(braze, one, { signal: giveUp.signal }))
  await braze.until(() => braze.stats.inFlight === 1)
  giveUp.abort()
  await waiting
  await braze.until(() => braze.stats.inFlight === 0)
  t.same(braze.stats.byStatus, { 0: 1 })
})

t.test('with apply, Braze has it and only the answer is lost', async (t) => {
  const braze = await start(t)
  for (const kind of ['reset', 'half', 'html', 'empty'] as const) {
    const userId = `U-${kind}`
    braze.answerNext({ kind, apply: true })
    await track(braze, [object(userId, 'x')]).catch(() => {})
    t.equal(braze.attribute(userId), 'x', kind)
  }
  braze.answerNext({ status: 500, apply: true })
  t.equal((await track(braze, [object('U5', 'x')])).status, 500)
  t.equal(braze.attribute('U5'), 'x')
  t.match(braze.stats, { accepted: 0, objects: 5 })
})

t.test('rate limit headers on scripted answers too', async (t) => {
  const braze = await start(t)
  braze.setLimit({ dialect: 'seconds', requests: 10, perMs: 60_000 })
  braze.answerNext({ status: 429 })
  t.equal((await track(braze, one)).headers.get('x-ratelimit-retry-after'), '60')
  braze.answerNext({ status: 500 })
  t.equal((await track(braze, one)).headers.get('x-ratelimit-remaining'), '10')
})
