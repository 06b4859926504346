import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { signLine } from '../../src/sandbox/line/json.ts'
import { startCollector } from '../harness/collector.ts'
import { friends } from '../harness/people.ts'
import { startCli } from '../harness/process.ts'
import { SECRET, stage } from '../harness/stage.ts'

const USER = 'U00000000000000000000000000000042'
const PARENT = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
const TRACEPARENT = `00-${PARENT.traceId}-${PARENT.spanId}-01`
/** Of a message; nothing of it may be in a span. */
const TEXT = 'a word to nobody else'

const KINDS = { server: 2, client: 3 }
const ERROR = 2

const message = {
  type: 'message',
  mode: 'active',
  timestamp: Date.now(),
  webhookEventId: '01FZ74A0TDDPYRVKNK77XKC3ZR',
  deliveryContext: { isRedelivery: false },
  source: { type: 'user', userId: USER },
  message: { id: '1', type: 'text', text: TEXT },
}

/** Spans leave after so long, and not after 5 s; one that fails is given up after so long, and not after 10 s. */
const SOON = { OTEL_BSP_SCHEDULE_DELAY: '50' }
const GIVEN_UP = { OTEL_EXPORTER_OTLP_TIMEOUT: '300' }

async function post(url: string, more: Record<string, string> = {}) {
  const body = JSON.stringify({ destination: 'U00000000000000000000000000000001', events: [message] })
  const headers = { 'content-type': 'application/json', 'x-line-signature': signLine(body, SECRET), ...more }
  const answer = await fetch(`${url}/webhook`, { method: 'POST', headers, body })
  await answer.text()
  return answer.status
}

/** Sends half of a request, and goes. */
async function leaveEarly(url: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const head = `POST /webhook HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\nx-line-signature: ${signLine('', SECRET)}`
  socket.write(`${head}\r\ncontent-length: 100\r\n\r\n{`, () => socket.destroy())
  await once(socket, 'close')
}

const variables = (url: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  // None is tried again, which would be one more span.
  BRAZE_TIMEOUT_MS: '10000',
})

t.test('a span for each webhook, commit and request to Braze; the last ones leave at the stop', async (t) => {
  const collector = await startCollector(t)
  const all = await stage(t)
  const serve = await all.serve(variables(collector.url))
  await serve.delivers()
  t.equal(await post(serve.url, { traceparent: TRACEPARENT }), 200)
  t.equal(await post(serve.url, { 'x-line-signature': signLine('', SECRET) }), 401)
  await leaveEarly(serve.url)
  await serve.logged(({ outcome }) => outcome === 'aborted')
  await all.delivered()
  t.strictSame(await serve.stop(), { code: 0, signal: null })

  const spans = collector.spans()
  const webhooks = spans.filter(({ name }) => name === 'POST /webhook')
  t.match(webhooks, [
    {
      ...{ kind: KINDS.server, traceId: PARENT.traceId, parentSpanId: PARENT.spanId },
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/webhook',
        'http.response.status_code': 200,
        'line_braze.outcome': 'accepted',
      },
    },
    {
      parentSpanId: undefined,
      attributes: { 'http.response.status_code': 401, 'line_braze.outcome': 'unsigned' },
    },
    {
      status: { code: ERROR },
      attributes: { 'http.response.status_code': undefined, 'line_braze.outcome': 'aborted' },
    },
  ])
  const commits = spans.filter(({ name }) => name === 'commit')
  const ofWebhook = commits.filter(({ links }) => links.length > 0)
  t.equal(ofWebhook.length, 1, 'the commit names the webhook that it carries')
  t.match(ofWebhook[0]?.links, [{ traceId: PARENT.traceId, spanId: webhooks[0]?.spanId }])
  t.match(ofWebhook[0]?.attributes, {
    'line_braze.calls': 1,
    'line_braze.contacts': 1,
    'line_braze.answers': 0,
  })
  t.ok(
    commits.some(({ attributes }) => attributes['line_braze.answers'] === 1),
    'and so does what Braze answered have one',
  )
  const requests = spans.filter(({ name }) => name === 'POST /users/track')
  t.match(requests, [
    {
      kind: KINDS.client,
      parentSpanId: undefined,
      attributes: {
        'server.address': '127.0.0.1',
        'url.path': '/users/track',
        'http.response.status_code': 201,
      },
    },
  ])
  t.equal(all.braze.requests.length, requests.length)
  t.match(collector.resources()[0], { 'service.name': 'line-braze' })
  t.ok(
    spans.every(({ traceId, name }) => name === 'POST /webhook' || traceId !== PARENT.traceId),
    'what serves many is in no trace of one',
  )

  const said = collector.requests.map(({ body }) => body).join('\n')
  t.ok(collector.requests.every(({ url }) => url === '/v1/traces'))
  for (const secret of [USER, TEXT, SECRET, all.braze.apiKey, all.folder]) t.notMatch(said, secret)
})

t.test('the sampler is the one that the variables name, and what the proxy has sampled is', async (t) => {
  const collector = await startCollector(t)
  const all = await stage(t)
  const sampler = { OTEL_TRACES_SAMPLER: 'parentbased_always_off' }
  const serve = await all.serve({ ...variables(collector.url), ...sampler })
  t.equal(await post(serve.url), 200)
  t.equal(await post(serve.url, { traceparent: TRACEPARENT }), 200)
  t.equal(await post(serve.url, { traceparent: TRACEPARENT.replace(/01$/, '00') }), 200)
  await serve.stop()
  t.match(collector.spans(), [{ name: 'POST /webhook', parentSpanId: PARENT.spanId }])
  t.equal(collector.spans().length, 1)
})

t.test('what fails has a status, and no words', async (t) => {
  const collector = await startCollector(t)
  const all = await stage(t)
  const serve = await all.serve({
    ...variables(collector.url),
    OTEL_SERVICE_NAME: 'ours',
    BRAZE_REST_ENDPOINT: 'http://127.0.0.1:9',
  })
  t.equal(await post(serve.url), 200)
  await serve.logged(({ msg }) => msg === 'delivery waits')
  await serve.stop()
  const [request] = collector.spans().filter(({ name }) => name === 'POST /users/track')
  t.match(request, { status: { code: ERROR }, attributes: { 'error.type': 'NoAnswer' } })
  t.notOk(request?.status.message)
  t.match(collector.resources()[0], { 'service.name': 'ours' })
})

t.test('variables in .env count, and Protobuf is what is spoken when none says otherwise', async (t) => {
  const collector = await startCollector(t)
  const all = await stage(t)
  writeFileSync(join(all.folder, '.env'), `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${collector.url}/of/ours\n`)
  await (await all.ledger()).record(friends([USER]))
  const serve = startCli(['serve'], { ...all.env, LOG_LEVEL: 'debug' }, all.folder)
  t.teardown(() => serve.kill('SIGKILL'))
  await serve.said(/"Braze has answered"/)
  await serve.kill('SIGTERM')
  t.match(collector.requests[0], {
    url: '/of/ours',
    type: 'application/x-protobuf',
    body: /POST \/users\/track/,
  })
})

t.test('a collector that is away, or never answers, holds up neither webhooks nor the stop', async (t) => {
  const silent = await startCollector(t, { silent: true })
  for (const url of ['http://127.0.0.1:9', silent.url]) {
    const all = await stage(t)
    const serve = await all.serve({ ...variables(url), ...SOON, ...(url !== silent.url && GIVEN_UP) })
    t.equal(await post(serve.url), 200)
    await all.delivered()
    if (url === silent.url) await silent.asked()
    else
      t.match(await serve.logged(({ msg }) => msg.startsWith('traces do not leave')), {
        level: 'warn',
        said: /ECONNREFUSED/,
      })
    t.equal(await post(serve.url), 200)
    const began = performance.now()
    t.strictSame(await serve.stop(), { code: 0, signal: null })
    t.ok(performance.now() - began < 5_000, url)
    t.equal(serve.lines.filter(({ msg }) => msg.startsWith('traces do not leave')).length <= 2, true)
  }
})

t.test('nothing is loaded where no variable asks for it, and nothing is sent', async (t) => {
  const collector = await startCollector(t)
  const all = await stage(t)
  const loaded = ({ msg }: { msg: string }) => msg === 'loaded'
  const asked = await all.serve({ ...variables(collector.url), ...withHooks(TOLD) })
  t.ok(asked.lines.some(loaded), 'it would be noticed')
  await asked.stop()
  const sent = collector.requests.length
  for (const more of [{}, { ...variables(collector.url), OTEL_SDK_DISABLED: 'true' }]) {
    const serve = await all.serve({ ...more, ...withHooks(TOLD) })
    t.equal(await post(serve.url, { traceparent: TRACEPARENT }), 200)
    t.strictSame(await serve.stop(), { code: 0, signal: null })
    t.notOk(serve.lines.some(loaded))
  }
  t.equal(collector.requests.length, sent)
})

t.test('without the package the server says so in a sentence, and runs', async (t) => {
  const all = await stage(t)
  const serve = await all.serve({ ...variables('http://127.0.0.1:9'), ...withHooks(MISSING) })
  t.equal(await post(serve.url), 200)
  t.match(await serve.logged(({ msg }) => /traces/.test(msg)), {
    level: 'warn',
    msg: /^No traces are sent.*@opentelemetry\/sdk-node is not installed/,
  })
  t.strictSame(await serve.stop(), { code: 0, signal: null })
})

/** Node's own hooks, so that a process sees its packages otherwise than they are. */
const withHooks = (resolve: string) => {
  const source = `import { registerHooks } from 'node:module'
registerHooks({ resolve(name, context, next) {
  if (name === '@opentelemetry/sdk-node') { ${resolve} }
  return next(name, context)
} })`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` }
}
const MISSING = "throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })"
const TOLD = "console.error('loaded')"
