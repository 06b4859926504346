import { once } from 'node:events'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { answerOn, follow, headOf, saidBy, setUp, unsignedHead, until } from '../harness/http.ts'
import { bodyOf } from '../harness/people.ts'

const LIMIT = 4
const LIVE = 'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n'

/** A connection that has asked once and stays. */
async function idle(t: Test, open: () => Promise<Socket>) {
  const socket = await open()
  socket.write(LIVE)
  t.match(await answerOn(socket), /^HTTP\/1.1 200 /)
  return socket
}

t.test('idle connections make room for new ones, the oldest first', async (t) => {
  const { open, app } = await setUp(t, { connectionsLimit: LIMIT })
  const [first, second, third, fourth] = [
    await idle(t, open),
    await idle(t, open),
    await idle(t, open),
    await idle(t, open),
  ]
  first.write(LIVE)
  await answerOn(first)
  const closed = once(second, 'close')
  await idle(t, open)
  await closed
  for (const socket of [first, third, fourth]) {
    socket.write(LIVE)
    t.match(await answerOn(socket), /^HTTP\/1.1 200 /, 'the others stay')
  }
  const getConnections = () => new Promise((resolve) => app.server.getConnections((_error, n) => resolve(n)))
  t.equal(await getConnections(), LIMIT)
})

t.test('any number of idle connections keeps nobody out', async (t) => {
  const { open, post } = await setUp(t, { connectionsLimit: LIMIT })
  for (let round = 0; round < 10; round += 1) {
    for (let i = 0; i < LIMIT; i += 1) await idle(t, open)
    t.match(await post(bodyOf(follow()), { connection: 'close' }), { status: 200 })
  }
})

t.test('neither do those that say nothing, or half a head, or half a body', async (t) => {
  const { open } = await setUp(t, { connectionsLimit: LIMIT })
  for (const text of ['', 'POST /webhook HTTP/1.1\r\nhost', `${headOf(Buffer.alloc(500))}half`]) {
    for (let i = 0; i < LIMIT; i += 1) {
      const socket = await open()
      if (text) await new Promise<void>((resolve) => socket.write(text, () => resolve()))
    }
    await idle(t, open)
  }
})

t.test(
  'a webhook that is being stored is never cut off; where all are, the new one is refused',
  async (t) => {
    const { open, ledger, recorded } = await setUp(t, { connectionsLimit: LIMIT })
    const stored = Promise.withResolvers<void>()
    let under = 0
    ledger.record = async (evidence) => {
      under += 1
      await stored.promise
      recorded.push([...evidence])
    }
    const body = bodyOf(follow())
    const request = headOf(body) + body
    const senders = await Promise.all(Array.from({ length: LIMIT }, open))
    for (const sender of senders) sender.write(request)
    await until(() => under === LIMIT)
    const refused = await open()
    t.equal(await saidBy(refused.resume()), '')
    const answers = senders.map(answerOn)
    stored.resolve()
    for (const answer of await Promise.all(answers)) t.match(answer, /^HTTP\/1.1 200 /)
    t.match(await idle(t, open), {})
  },
)

t.test(
  'who sends more at a time than anybody needs is cut off, and costs nobody else his turn',
  async (t) => {
    let rendered = 0
    const { open, post, lines } = await setUp(t, {
      metricsText: async () => {
        rendered += 1
        return { contentType: 'text/plain', text: 'page' }
      },
    })
    const few = await open()
    few.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(16))
    let said = ''
    few.on('data', (chunk) => {
      said += chunk
    })
    await until(() => said.split('HTTP/1.1 200').length === 17)
    const many = await open()
    const ended = saidBy(many)
    many.write(LIVE.repeat(1_000))
    t.ok((await ended).split('HTTP/1.1 200').length <= 17)
    // The last one would end the connection in peace, so that this ends where it is not cut off, too.
    const oneMore = await open()
    const cut = saidBy(oneMore)
    oneMore.write(LIVE.repeat(16) + LIVE.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'))
    t.equal(await cut, '')
    const unsigned = await open()
    const cutOff = saidBy(unsigned)
    unsigned.write('POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'.repeat(1_000))
    await cutOff
    t.ok(lines.length <= 17)
    t.equal(rendered, 1)
    t.match(await post(bodyOf(follow())), { status: 200 })
  },
)

const UNREAD_MS = 100
const TEXT = 'x'.repeat(1_000_000)
const ASK = 'GET /metrics HTTP/1.1\r\nhost: x\r\n'

/** A client that has asked for more than is on its way at a time, and the server's end of its connection. */
async function unread(t: Test) {
  const { app, open, time } = await setUp(t, {
    unreadMs: UNREAD_MS,
    metricsText: async () => ({ contentType: 'text/plain', text: TEXT }),
  })
  const accepted = once(app.server, 'connection') as Promise<[Socket]>
  const socket = await open()
  socket.pause()
  const [served] = await accepted
  socket.write(`${`${ASK}\r\n`.repeat(14)}${ASK}connection: close\r\n\r\n`)
  await until(() => served.writableLength > TEXT.length)
  return { socket, served, time }
}

t.test('who never reads his answers is closed', async (t) => {
  const { served, time } = await unread(t)
  await until(() => {
    time.pass(UNREAD_MS)
    return served.destroyed
  })
})

t.test('who reads slowly, but reads, is served to the end', async (t) => {
  const { socket, served, time } = await unread(t)
  const left = () => served.bytesWritten - served.writableLength
  let bytes = 0
  socket.on('data', (chunk) => {
    bytes += chunk.length
  })
  const closed = once(socket, 'close')
  let looks = 0
  for (; served.writableLength > 0; looks += 1) {
    const before = left()
    socket.resume()
    await until(() => left() > before || served.destroyed)
    socket.pause()
    time.pass(UNREAD_MS)
  }
  socket.resume()
  await closed
  t.ok(bytes > 15 * TEXT.length)
  t.ok(looks > 2, 'for longer than one answer may be unread')
})

t.test(
  'who sends what is not taken is not listened to any longer, so that floods have to knock each time',
  async (t) => {
    const { open } = await setUp(t)
    const malformed = Buffer.from('{')
    const refused: [status: number, request: string][] = [
      [401, `${unsignedHead('content-length: 2')}{}`],
      [401, 'POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'],
      [400, headOf(malformed) + malformed],
    ]
    for (const [status, request] of refused) {
      const socket = await open()
      socket.write(request)
      t.match(await answerOn(socket), new RegExp(`^HTTP/1.1 ${status} .*connection: close`, 'is'), request)
      if (!socket.closed) await once(socket, 'close')
    }
  },
)

t.test('a webhook that could not be stored may be sent again over the same connection', async (t) => {
  const { open, ledger } = await setUp(t)
  const body = bodyOf(follow())
  const socket = await open()
  ledger.failure = new Error('disk full')
  socket.write(Buffer.concat([Buffer.from(headOf(body)), body]))
  const refusal = await answerOn(socket)
  t.match(refusal, /^HTTP\/1.1 503 /)
  if (!t.notMatch(refusal, /connection: close/i)) return
  ledger.failure = undefined
  socket.write(Buffer.concat([Buffer.from(headOf(body)), body]))
  t.match(await answerOn(socket), /^HTTP\/1.1 200 /)
})
