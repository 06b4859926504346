import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { PassThrough, type Readable } from 'node:stream'
import t from 'tap'
import { createBodyReader } from '../../src/http/body.ts'
import { answerOn, bodyOf, follow, setUp, unsignedHead, until } from './stage.ts'

const LARGE = 50_000
/** Room for two large bodies and a half, and as much for ordinary ones. */
const UNVERIFIED = 250_000

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

/** What the reader says of each body, and how to send one. */
function reading(unverifiedLimitBytes: number) {
  const reader = createBodyReader({ limitBytes: 100_000, unverifiedLimitBytes })
  function send(statedBytes = Number.NaN) {
    const payload = new PassThrough()
    const ended = new Promise<{ error: Error | null; body?: Buffer; held: number }>((resolve) => {
      reader.read(payload, statedBytes, (error, body) =>
        resolve({ error, ...(body && { body }), held: reader.heldBytes() }),
      )
    })
    return { payload, ended }
  }
  return { ...reader, send }
}

t.test('bytes count until the body was looked at, and are given back however it ends', async (t) => {
  const { send, heldBytes } = reading(1_000_000)
  const whole = send()
  whole.payload.write('half ')
  await until(() => heldBytes() > 0)
  whole.payload.end('a body')
  const { error, body, held } = await whole.ended
  t.strictSame([error, String(body)], [null, 'half a body'])
  t.ok(held > 11, 'while it is looked at')
  t.equal(heldBytes(), 0)

  const empty = send(0)
  empty.payload.end()
  t.match(await empty.ended, { error: null, body: Buffer.alloc(0) })

  const tooLong = send()
  tooLong.payload.write(Buffer.alloc(60_000))
  tooLong.payload.write(Buffer.alloc(60_000))
  t.match(await tooLong.ended, { error: { statusCode: 413 } })
  t.match(await send(100_001).ended, { error: { statusCode: 413 } }, 'at its word')

  for (const cause of [new Error('aborted'), undefined]) {
    const broken = send()
    broken.payload.write('half')
    await until(() => heldBytes() > 0)
    broken.payload.destroy(cause)
    t.match(await broken.ended, { error: { statusCode: 400 } })
    t.equal(heldBytes(), 0)
  }
})

t.test('a body in tiny pieces counts as what it takes, not as what it says', async (t) => {
  const { send } = reading(100_000)
  const drops = send()
  const drip = () => drops.payload.write('x')
  const timer = setInterval(() => Array.from({ length: 50 }, drip), 0)
  t.teardown(() => clearInterval(timer))
  t.match(await drops.ended, { error: { statusCode: 503 } })
})

t.test('whoever looks at a body and fails gives its bytes back', async (t) => {
  const { read, heldBytes } = reading(1_000_000)
  const payload = new EventEmitter()
  read(payload as Readable, 4, () => {
    throw new Error('of the one who looked')
  })
  payload.emit('data', Buffer.from('body'))
  t.ok(heldBytes() > 4)
  t.throws(() => payload.emit('end'), { message: 'of the one who looked' })
  t.equal(heldBytes(), 0)
})
