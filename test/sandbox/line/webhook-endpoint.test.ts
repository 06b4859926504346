import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { startLineApiSandbox } from '../../../src/sandbox/line/api.ts'
import { signLine } from '../../../src/sandbox/line/json.ts'
import { ask } from '../client.ts'

const endpoint = '/v2/bot/channel/webhook/endpoint'
const test = '/v2/bot/channel/webhook/test'

async function start(t: Test) {
  let now = Date.UTC(2026, 8, 1)
  const line = await startLineApiSandbox({ clock: () => now })
  t.teardown(line.close)
  const say = (method: string, path: string, body?: unknown) =>
    ask(line, path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })
  return { line, say, pass: (ms: number) => (now += ms) }
}

/** Somebody who takes webhooks, and answers with `status`. */
async function receiver(t: Test, status: number) {
  const taken: { body: string; signature: unknown }[] = []
  const server = createServer(async (request, response) => {
    taken.push({ body: await text(request), signature: request.headers['x-line-signature'] })
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => server.close())
  return { taken, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook` }
}

t.test('a webhook URL is set, read and switched off', async (t) => {
  const { line, say } = await start(t)
  t.match(await say('GET', endpoint), { status: 404, json: { message: 'Webhook endpoint not found' } })
  t.match(await say('PUT', endpoint, { endpoint: 'https://your.host/webhook' }), { status: 200, json: {} })
  t.match(await say('GET', endpoint), {
    status: 200,
    json: { endpoint: 'https://your.host/webhook', active: false },
  })
  line.setWebhook('https://other.host/webhook')
  t.match(await say('GET', endpoint), { json: { endpoint: 'https://other.host/webhook', active: true } })
  for (const bad of ['http://your.host/webhook', 'your.host', `https://a/${'a'.repeat(500)}`, 1, undefined])
    t.match(await say('PUT', endpoint, { endpoint: bad }), { status: 400 }, String(bad).slice(0, 30))
  t.match(await ask(line, endpoint, { headers: { authorization: '' } }), { status: 401 })
})

t.test('a test posts a signed webhook without events, and says how that went', async (t) => {
  const { line, say } = await start(t)
  t.match(await say('POST', test, {}), { status: 404, json: { message: 'Webhook endpoint not found' } })
  const { taken, url } = await receiver(t, 200)
  line.setWebhook(url)
  t.match(await say('POST', test, {}), {
    status: 200,
    json: {
      success: true,
      timestamp: '2026-09-01T00:00:00.000Z',
      statusCode: 200,
      reason: 'OK',
      detail: '200',
    },
  })
  const [{ body = '', signature } = {}] = taken
  t.strictSame(JSON.parse(body), { destination: line.destination, events: [] })
  t.equal(signature, signLine(body, line.channelSecret))

  const refusing = await receiver(t, 401)
  t.match(await say('POST', test, { endpoint: refusing.url }), {
    json: { success: false, statusCode: 401, reason: 'ERROR_STATUS_CODE', detail: '401' },
  })
  t.match(await say('POST', test, { endpoint: 'http://127.0.0.1:9/' }), {
    json: { success: false, statusCode: 0, reason: 'COULD_NOT_CONNECT' },
  })
  t.match(await say('POST', test, { endpoint: 'your.host' }), { status: 400 })
})

t.test('60 tests an hour', async (t) => {
  const { line, say, pass } = await start(t)
  line.setWebhook('http://127.0.0.1:9/')
  for (let i = 0; i < 60; i++) t.match(await say('POST', test, {}), { status: 200 })
  t.match(await say('POST', test, {}), { status: 429 })
  pass(3_600_001)
  t.match(await say('POST', test, {}), { status: 200 })
})
