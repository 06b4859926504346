import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createUnverifiedBodies } from '../../src/http/body.ts'
import { answerOn, follow, headOf, LIMIT, setUp, unsignedHead, until } from '../harness/http.ts'
import { bodyOf } from '../harness/people.ts'

const LARGE = 50_000
/** Room for two large bodies and a half. */
const UNVERIFIED = 125_000

/** Half sent bodies over a socket each, with their lengths stated or in chunks. */
const start = (isChunked: boolean) =>
  isChunked
    ? `${unsignedHead('transfer-encoding: chunked')}${(LARGE - 1).toString(16)}\r\n${'x'.repeat(LARGE - 1)}\r\n`
    : `${unsignedHead(`content-length: ${LARGE}`)}${'x'.repeat(LARGE - 1)}`
const end = (isChunked: boolean) => (isChunked ? '1\r\nx\r\n0\r\n\r\n' : 'x')

for (const isChunked of [false, true]) {
  t.test(`unverified bodies are held up to a limit${isChunked ? ', also in chunks' : ''}`, async (t) => {
    const { app, open, post, told } = await setUp(t, { unverifiedLimitBytes: UNVERIFIED })
    const served: Socket[] = []
    app.server.on('connection', (socket) => served.push(socket))
    const held = await Promise.all([open(), open()])
    for (const socket of held) socket.write(start(isChunked))
    await until(() => served.length === 2 && served.every(({ bytesRead }) => bytesRead > LARGE))
    const third = await open()
    third.write(start(isChunked))
    t.match(await answerOn(third), /^HTTP\/1.1 503 .*connection: close/is)
    t.match(await post(bodyOf(follow())), { status: 200 }, 'a webhook of ordinary size gets in all the same')

    held[0]?.write(end(isChunked))
    t.match(await answerOn(held[0] as never), /^HTTP\/1.1 401 /, 'the others go on')
    const fourth = await open()
    fourth.write(start(isChunked) + end(isChunked))
    t.match(await answerOn(fourth), /^HTTP\/1.1 401 /, 'what was refused has made room')

    held[1]?.destroy()
    await until(() => told('aborted') > 0)
    const two = await Promise.all([open(), open()])
    for (const socket of two) socket.write(start(isChunked) + end(isChunked))
    for (const socket of two) t.match(await answerOn(socket), /^HTTP\/1.1 401 /, 'and what was given up')
  })
}

t.test('nothing is held of a body that no route asks for', async (t) => {
  const { open } = await setUp(t)
  for (const path of ['/nothing', '/health', '/metrics', '/webhook/x']) {
    const socket = await open()
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50000\r\n\r\nhalf`,
    )
    t.match(await answerOn(socket), /^HTTP\/1.1 404 /, `${path} is answered before its body is here`)
  }
})

/** A body on its way through the guard: what comes out of it, and how to send it. */
function passing(limitBytes: number) {
  const bodies = createUnverifiedBodies(limitBytes)
  function send(statedBytes = Number.NaN) {
    const payload = new PassThrough()
    const request = new EventEmitter()
    const watched = bodies.watch(payload, statedBytes, request)
    const read = text(watched).catch((error) => error)
    return { payload, watched, read, end: () => request.emit('close') }
  }
  return { ...bodies, send }
}

t.test('bytes count until the body is read, and are given back however it ends', async (t) => {
  const { send, heldBytes } = passing(1_000_000)
  const whole = send()
  whole.payload.write('half ')
  await until(() => heldBytes() > 0)
  whole.payload.end('a body')
  t.equal(await whole.read, 'half a body')
  await until(() => heldBytes() === 0)

  const empty = send(50_000)
  empty.payload.end()
  t.equal(await empty.read, '')

  const broken = send()
  broken.payload.write('half')
  await until(() => heldBytes() > 0)
  broken.end()
  t.match(await broken.read, { statusCode: 400 })
  await until(() => heldBytes() === 0)
})

t.test('ordinary bodies pass as they are, up to what all connections together may send', async (t) => {
  const { send, heldBytes } = passing(1_000)
  const ordinary = send(16_384)
  t.equal(ordinary.watched, ordinary.payload)
  ordinary.payload.end('x'.repeat(16_384))
  t.equal((await ordinary.read).length, 16_384)
  t.equal(heldBytes(), 0)
  t.not(send(16_385).watched, ordinary.payload)
})

t.test('bodies beyond the limit are given back, and leave room for genuine ones', async (t) => {
  const { open, post } = await setUp(t, { unverifiedLimitBytes: 2.5 * LIMIT })
  for (let i = 0; i < 5; i += 1) {
    const socket = await open()
    const size = LIMIT + 1
    socket.write(
      `${unsignedHead('transfer-encoding: chunked')}${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`,
    )
    t.match(await answerOn(socket), /^HTTP\/1.1 413 /)
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  }
  t.match(await post(Buffer.concat([bodyOf(follow()), Buffer.alloc(LARGE, ' ')])), { status: 200 })
})

t.test('what comes behind a body beyond the limit, when there is no room, harms nobody', async (t) => {
  const { app, open, post } = await setUp(t, { unverifiedLimitBytes: 2 * LIMIT })
  const served: Socket[] = []
  app.server.on('connection', (socket) => served.push(socket))
  const held = await open()
  held.write(`${unsignedHead(`content-length: ${LIMIT}`)}${'x'.repeat(LIMIT - 5_000)}`)
  await until(() => Number(served[0]?.bytesRead) > LIMIT - 5_000)
  const socket = await open()
  const chunk = (size: number) => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`
  socket.write(unsignedHead('transfer-encoding: chunked') + chunk(LIMIT + 1) + chunk(1).repeat(9_000))
  t.match(await answerOn(socket), /^HTTP\/1.1 (413|503) /)
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  t.match(await post(bodyOf(follow())), { status: 200 })
})

t.test('the bytes of a webhook are let go while the ledger works', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { open, ledger, recorded } = await setUp(t)
  const stored = Promise.withResolvers<void>()
  ledger.record = async (evidence) => {
    recorded.push([...evidence])
    await stored.promise
  }
  const body = Buffer.concat([bodyOf(follow()), Buffer.alloc(LARGE, ' ')])
  const held = () => {
    collect()
    return process.memoryUsage().arrayBuffers
  }
  const before = held()
  const sockets = await Promise.all(Array.from({ length: 40 }, open))
  for (const socket of sockets) {
    socket.write(headOf(body))
    socket.write(body)
  }
  await until(() => recorded.length === 40)
  await until(() => held() - before < 10 * LARGE)
  stored.resolve()
  for (const socket of sockets) t.match(await answerOn(socket), /^HTTP\/1.1 200 /)
})

t.test('a body in tiny pieces counts as what it takes, not as what it says', async (t) => {
  const { send } = passing(100_000)
  const drops = send()
  const drip = () => drops.payload.write('x')
  const timer = setInterval(() => Array.from({ length: 50 }, drip), 0)
  t.teardown(() => clearInterval(timer))
  t.match(await drops.read, { statusCode: 503 })
})
