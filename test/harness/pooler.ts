import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import pg from 'pg'
import type { Test } from 'tap'

/** The messages of a stream of the protocol, each whole; what a client says first has no type. */
function createReader(onMessage: (message: Buffer) => void, isFirstTyped: boolean) {
  let rest: Buffer = Buffer.alloc(0)
  let isTyped = isFirstTyped
  return (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const from = isTyped ? 1 : 0
      if (rest.length < from + 4) return
      const length = from + rest.readUInt32BE(from)
      if (rest.length < length) return
      const message = rest.subarray(0, length)
      rest = rest.subarray(length)
      isTyped ||= message.readUInt32BE(4) !== SSL_REQUEST
      onMessage(message)
    }
  }
}

const SSL_REQUEST = 80_877_103
const typed = (type: string, body: Buffer) => {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
const int = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
/** Welcome; the process that it names is none of PostgreSQL's. */
const WELCOME = Buffer.concat([
  typed('R', int(0)),
  typed('S', Buffer.from('client_encoding\0UTF8\0')),
  typed('K', Buffer.concat([int(1), int(1)])),
  typed('Z', Buffer.from('I')),
])
/** After each of these the server says when it is ready. */
const ENDS_IN_READY = ['Q', 'S']

interface Server {
  readonly socket: Socket
  client: Socket | null
  /** How often it has yet to say that it is ready. */
  owed: number
}

/**
 * A pooler as PgBouncer is in transaction mode: `size` connections to the PostgreSQL of `url`, of which a client has one
 * for a transaction, each time the one that was idle for longest. It ends with the test.
 */
export async function startPooler(t: Test, url: string, size = 3): Promise<string> {
  const idle: Server[] = []
  const waiting = new Set<() => void>()
  const sockets = new Set<Socket>()

  async function addServer() {
    const client = new pg.Client(url)
    client.on('error', () => {})
    await client.connect()
    const { stream: socket } = (client as unknown as { connection: { stream: Socket } }).connection
    socket.removeAllListeners('data').removeAllListeners('end')
    socket
      .setNoDelay(true)
      .on('error', () => {})
      .on('close', () => sockets.delete(socket))
    sockets.add(socket)
    const server: Server = { socket, client: null, owed: 0 }
    const read = createReader((message) => {
      server.client?.write(message)
      if (message.toString('latin1', 0, 1) !== 'Z') return
      server.owed -= 1
      if (server.owed === 0 && message.toString('latin1', 5, 6) === 'I') release(server)
    }, true)
    socket.on('data', read)
    release(server)
  }
  function release(server: Server) {
    server.client = null
    idle.push(server)
    const [next] = waiting
    if (!next) return
    waiting.delete(next)
    next()
  }

  const listener = createServer((client) => {
    sockets.add(client)
    let mine: Server | null = null
    let isGreeted = false
    const said: Buffer[] = []
    function pass() {
      if (mine?.client !== client) {
        mine = idle.shift() ?? null
        if (!mine) return void waiting.add(pass)
        mine.client = client
      }
      for (const message of said.splice(0)) {
        if (ENDS_IN_READY.includes(message.toString('latin1', 0, 1))) mine.owed += 1
        mine.socket.write(message)
      }
    }
    const read = createReader((message) => {
      if (!isGreeted) {
        if (message.readUInt32BE(4) === SSL_REQUEST) return void client.write('N')
        isGreeted = true
        return void client.write(WELCOME)
      }
      if (message.toString('latin1', 0, 1) === 'X') return void client.end()
      said.push(message)
      pass()
    }, false)
    client
      .setNoDelay(true)
      .on('data', read)
      .on('error', () => {})
    client.on('close', () => {
      sockets.delete(client)
      waiting.delete(pass)
      if (mine?.client !== client) return
      // In the middle of something: nobody else is to go on with that.
      mine.client = null
      mine.socket.destroy()
      if (listener.listening) addServer().catch(() => {})
    })
  })
  for (let i = 0; i < size; i++) await addServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => {
    listener.close()
    for (const socket of sockets) socket.destroy()
  })
  const pooled = new URL(url)
  pooled.port = String((listener.address() as { port: number }).port)
  return pooled.href
}
