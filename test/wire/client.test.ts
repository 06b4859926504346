import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { createHttpClient, type HttpRequest, NoAnswer } from '../../src/wire/client.ts'

const GET: HttpRequest = { method: 'GET', path: '/', headers: {} }

/** A client of a server that does `answer` with each connection. */
async function setUp(t: Test, answer: (socket: Socket) => void, { protocol = 'http', timeoutMs = 300 } = {}) {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    answer(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as { port: number }
  const client = createHttpClient({ baseUrl: `${protocol}://127.0.0.1:${port}`, timeoutMs })
  t.teardown(async () => {
    await client.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { client, port }
}

const saying = (text: string) => (socket: Socket) => void socket.once('data', () => socket.end(text))
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

t.test('no whole answer: whatever goes wrong on the way', async (t) => {
  const ways: Record<string, (socket: Socket) => void> = {
    reset: (socket) => socket.resetAndDestroy(),
    closed: (socket) => socket.destroy(),
    'cut short': saying('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok'),
    'cut short in the headers': saying('HTTP/1.1 200 OK\r\ncont'),
    'not HTTP': saying('220 mail.example ESMTP\r\n'),
    'headers without end': saying(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`),
    'no answer': () => {},
    'half an answer': (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok'),
  }
  for (const [name, way] of Object.entries(ways)) {
    const { client } = await setUp(t, way)
    await t.rejects(client.send(GET), NoAnswer, name)
  }
  const { client: tooLarge } = await setUp(t, saying(OK))
  await t.rejects(tooLarge.send({ ...GET, answerLimitBytes: 1 }), NoAnswer)
  const { client: noTls } = await setUp(t, saying(OK), { protocol: 'https' })
  await t.rejects(noTls.send(GET), NoAnswer)
})

t.test('nobody listens, and a name that nobody has', async (t) => {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  for (const baseUrl of [`http://127.0.0.1:${port}`, 'http://name.invalid']) {
    const client = createHttpClient({ baseUrl, timeoutMs: 5_000 })
    await t.rejects(client.send(GET), NoAnswer, baseUrl)
    await client.close()
  }
})

t.test('closed midway: its fate is unknown', async (t) => {
  const { client } = await setUp(t, () => void client.close(), { timeoutMs: 60_000 })
  await t.rejects(client.send(GET), NoAnswer)
})

t.test('a mistake of ours is not a server that cannot be reached', async (t) => {
  const { client } = await setUp(t, saying(OK), { timeoutMs: 10_000 })
  const mistakes: Record<string, object> = {
    'a header that cannot be sent': { headers: { authorization: 'Bearer a\nb' } },
    'a header that undici does not send': { headers: { expect: '100-continue' } },
    'a length that is not the body’s': { method: 'POST', headers: { 'content-length': '9' }, body: 'x' },
    'a body that is none': { method: 'POST', body: 7 },
    'a method that is none': { method: 'G T' },
    'headers that are none': { headers: 7 },
    // A TypeError with a code, as Node's own have one.
    'a signal that is none': { signal: { throwIfAborted() {} } },
    'no request at all': { headers: Object.defineProperty({}, 'a', { enumerable: true, get: broken }) },
  }
  for (const [name, mistake] of Object.entries(mistakes)) {
    const { signal, ...request }: HttpRequest & { signal?: AbortSignal } = { ...GET, ...mistake }
    const error = await client.send(request, signal).catch((error) => error)
    t.ok(error instanceof Error, name)
    t.notOk(error instanceof NoAnswer, `${name}: ${error}`)
  }
  t.match(await client.send(GET), { status: 200, body: 'ok' })
})

function broken(): never {
  throw new TypeError("Cannot read properties of undefined (reading 'x')")
}

t.test('a request that could leave only after its time does not, by either clock', async (t) => {
  for (const late of ['monotonic', 'clock'] as const) {
    const heard: string[] = []
    const times = { monotonic: 0, clock: 0 }
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .on('data', (data) => {
          heard.push(String(data).split(' ')[1] as string)
          // As if all had stood still: the timers, which have not fired, too.
          if (heard.length === 1) times[late] += 60_001
          socket.write(OK)
        }),
    )
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const client = createHttpClient({
      baseUrl: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
      timeoutMs: 60_000,
      connections: 1,
      monotonic: () => times.monotonic,
      clock: () => times.clock,
    })
    t.teardown(async () => {
      await client.close()
      server.close()
    })
    // The second one waits for the connection of the first one.
    const [first, second] = await Promise.allSettled([
      client.send(GET),
      client.send({ ...GET, path: '/second' }),
    ])
    t.match(first, { value: { status: 200 } })
    t.match(second, { reason: { name: 'NoAnswer', message: 'no whole answer within 60000 ms' } })
    t.match(await client.send({ ...GET, path: '/third' }), { status: 200 })
    t.strictSame(heard, ['/', '/third'])
  }
})
