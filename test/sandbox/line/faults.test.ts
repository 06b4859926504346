import t, { type Test } from 'tap'
import { request } from 'undici'
import {
  type LineApiSandbox,
  type LineApiSandboxOptions,
  startLineApiSandbox,
} from '../../../src/sandbox/line/api.ts'
import type { AnsweredPage } from '../../../src/sandbox/line/list.ts'
import { freePort } from '../../harness/ports.ts'
import { ask } from '../client.ts'

const list = '/v2/bot/followers/ids'
const info = '/v2/bot/info'
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

async function start(t: Test, options: LineApiSandboxOptions = {}): Promise<LineApiSandbox> {
  const line = await startLineApiSandbox(options)
  t.teardown(line.close)
  return line
}

t.test('scripted answers: a page before the next, the next before an outage', async (t) => {
  const line = await start(t, { followers: ['U1'] })
  line.setOutage({ status: 503 })
  line.answerNext({ status: 429, headers: { 'retry-after': '7' }, body: { message: 'slow down' } }, 2)
  line.answerPage(2, { status: 502 })
  const first = await ask(line, list)
  t.match(first, { status: 429, json: { message: 'slow down' } })
  t.equal(first.headers.get('retry-after'), '7')
  t.equal((await ask(line, list)).status, 502)
  t.equal((await ask(line, info)).status, 429)
  t.equal((await ask(line, '/oauth2/v3/token', { method: 'POST' })).status, 503)
  line.setOutage(null)
  line.answerPage(2, { status: 502 })
  line.answerPage(4, { status: 500 })
  t.equal((await ask(line, list)).status, 200)
  t.equal((await ask(line, list)).status, 500)
  t.equal((await ask(line, list)).status, 200)
  t.match(line.stats, { requests: 7, pages: 2, byPath: { [list]: 5, [info]: 1, '/oauth2/v3/token': 1 } })
  t.same(line.stats.byStatus, { 429: 2, 502: 1, 503: 1, 200: 2, 500: 1 })
})

t.test('every answer has a request id of its own', async (t) => {
  const line = await start(t)
  line.answerNext({ kind: 'html', status: 502 })
  const ids = new Set<string | null>()
  for (const path of [list, list, info, '/nowhere']) {
    ids.add((await ask(line, path)).headers.get('x-line-request-id'))
  }
  t.equal(ids.size, 4)
  for (const id of ids) t.match(id, uuid)
})

t.test('html, empty, not JSON, half, reset', async (t) => {
  const line = await start(t)
  line.answerNext({ kind: 'html', status: 502 })
  t.match(await ask(line, list), { status: 502, text: /^<html>/ })
  line.answerNext({ kind: 'empty' })
  t.match(await ask(line, list), { status: 200, text: '' })
  line.answerNext({ kind: 'not-json' })
  t.match(await ask(line, list), { status: 200, text: /^\{"userIds/, json: undefined })
  line.answerNext({ kind: 'half' })
  await t.rejects(ask(line, list))
  line.answerNext({ kind: 'reset' })
  await t.rejects(ask(line, list), { cause: { code: 'ECONNRESET' } })
  await line.until(() => line.stats.inFlight === 0)
  t.same(line.stats.byStatus, { 502: 1, 200: 3, 0: 1 })
})

t.test('an answer that begins and never ends', async (t) => {
  const line = await start(t)
  line.answerPage(1, { kind: 'stall' })
  const { statusCode, headers, body } = await request(line.url + list)
  t.equal(statusCode, 200)
  t.match(headers, { 'content-type': 'application/json', 'x-line-request-id': uuid })
  for await (const chunk of body) {
    t.match(String(chunk), /^\{"userIds":\["U[0-9a-f]{32}"\]$/)
    t.equal(line.stats.inFlight, 1)
    break
  }
  await line.until(() => line.stats.inFlight === 0)
  t.match(line.stats, { byStatus: { 0: 1 }, pages: 0 })
})

t.test('an answer of 100 MB', async (t) => {
  const line = await start(t)
  line.answerNext({ kind: 'huge' })
  const { body } = await request(line.url + list)
  let size = 0
  for await (const chunk of body) size += chunk.length
  t.ok(size > 100_000_000, `${size} bytes`)
})

t.test('an answer that never comes', async (t) => {
  const line = await start(t)
  line.answerNext({ kind: 'hang' })
  const giveUp = new AbortController()
  const hanging = t.rejects(ask(line, list, { signal: giveUp.signal }), { name: 'AbortError' })
  await line.until(() => line.stats.inFlight === 1)
  giveUp.abort()
  await hanging
  await line.until(() => line.stats.byStatus[0] === 1)
  t.equal(line.stats.inFlight, 0)
})

t.test('latency holds answers, which then say what is true', async (t) => {
  const line = await start(t, { followers: ['U1'], latencyMs: 20 })
  const startedAt = performance.now()
  const both = Promise.all([ask(line, list), ask(line, info)])
  await line.until(() => line.stats.inFlight === 2)
  line.follow('U2')
  const [page] = await both
  t.ok(performance.now() - startedAt >= 19)
  t.same(page.json, { userIds: ['U1', 'U2'] })
  t.match(line.stats, { inFlight: 0, maxInFlight: 2, connections: 2 })
})

t.test('tells of pages and requests, without tokens', async (t) => {
  const line = await start(t, { followers: ['U1', 'U2', 'U3'], keepRequests: true })
  const pages: AnsweredPage[] = []
  const requests: object[] = []
  const off = line.on('page', (page) => pages.push(page))
  line.on('request', (request) => requests.push(request))
  const { next } = (await ask(line, `${list}?limit=2`)).json
  line.appendRaw(7)
  await ask(line, `${list}?limit=2&start=${next}`)
  off()
  await ask(line, list, { token: 'wrong' })
  await ask(line, list)
  t.same(pages, [
    { page: 1, ids: 2, isLast: false },
    { page: 2, ids: 2, isLast: true },
  ])
  const get = { at: Number, method: 'GET', path: list }
  t.match(requests, [
    { ...get, query: { limit: '2' }, status: 200 },
    { ...get, query: { limit: '2', start: next }, status: 200 },
    { ...get, query: {}, status: 401 },
    { ...get, query: {}, status: 200 },
  ])
  t.same(line.requests, requests)
  t.notMatch(JSON.stringify(requests), line.token)
  t.equal(line.stats.pages, 3)
})

t.test('close ends everything', async (t) => {
  const port = await freePort()
  const line = await startLineApiSandbox({ port })
  line.answerNext({ kind: 'hang' })
  const cut = t.rejects(ask(line, list))
  await line.until(() => line.stats.inFlight === 1)
  const waiting = t.rejects(
    line.until(() => false),
    { message: /closed/ },
  )
  await line.close()
  await line.close()
  await Promise.all([cut, waiting])
  const again = await startLineApiSandbox({ port })
  t.equal(again.port, port)
  await t.rejects(startLineApiSandbox({ port }), { code: 'EADDRINUSE' })
  await again.close()
})
