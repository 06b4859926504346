import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http'
import type { Socket } from 'node:net'
import type { After } from '../wire/time.ts'

export interface ConnectionLimits {
  /** At most so many are open at a time. */
  readonly connections: number
  /** A client that reads nothing of what waits for it for so long loses its connection; at most twice as long. */
  readonly unreadMs: number
  readonly after: After
}

/**
 * Requests that a connection may have open at a time. A packet can carry two thousand, and nothing else runs until all of
 * them are begun; neither LINE nor a proxy sends the next one before the answer.
 */
const PIPELINED_LIMIT = 16

interface Connection {
  /** Raised with each request: who has the least has asked for nothing for the longest time. */
  turn: number
  /** Requests that are not answered to the last byte. */
  open: number
  /** The newest of them. Not kept any longer: what lives on after its request costs collecting. */
  newest: IncomingMessage | undefined
  /** Bytes that had left when unread ones were last looked for; undefined where none waited then. */
  leftBefore: number | undefined
}

/**
 * Keeps at most `connections` open. Where one more comes, the one goes on which we have waited longest for its client: for
 * a request, for the rest of one, or for the reading of an answer. A connection is never closed while it is our turn;
 * where it is our turn on all of them, the new one is refused. Node's own `maxConnections` refuses the new one always, so
 * that idle connections keep everybody out.
 *
 * `answered` has to be called for each request when its answer has left.
 */
export function createConnections({ connections, unreadMs, after }: ConnectionLimits) {
  const known = new Map<Socket, Connection>()
  /** Of all connections and requests so far. */
  let turns = 0

  function makeRoom(): boolean {
    let longest: Socket | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [socket, connection] of known) {
      if (connection.turn > least || isOurTurn(socket, connection)) continue
      longest = socket
      least = connection.turn
    }
    if (!longest) return false
    known.delete(longest)
    longest.destroy()
    return true
  }

  /** Looked at in turns: Node's own timeout would cost each webhook two timers. */
  function closeUnread() {
    for (const [socket, connection] of known) {
      const waits = socket.writableLength > 0
      if (waits && connection.leftBefore === leftOf(socket)) socket.destroy()
      connection.leftBefore = waits ? leftOf(socket) : undefined
    }
  }

  function meet(socket: Socket) {
    if (known.size >= connections && !makeRoom()) return socket.destroy()
    known.set(socket, { turn: ++turns, open: 0, newest: undefined, leftBefore: undefined })
    socket.once('close', () => known.delete(socket))
  }

  /** Whether the request may be taken. */
  function begin(request: IncomingMessage): boolean {
    const { socket } = request
    const connection = known.get(socket)
    // Closed already, and this came with the same packet.
    if (!connection || socket.destroyed) return false
    if (++connection.open > PIPELINED_LIMIT) {
      socket.destroy()
      return false
    }
    connection.turn = ++turns
    connection.newest = request
    return true
  }

  return {
    answered({ socket }: IncomingMessage) {
      const connection = known.get(socket)
      if (connection && --connection.open === 0) connection.newest = undefined
    },

    /** A server whose connections these are. */
    createServer(options: ServerOptions, handle: RequestListener): Server {
      const server = createServer(options, (request, response) => {
        if (begin(request)) handle(request, response)
      })
      let stop = after(unreadMs, look)
      function look() {
        closeUnread()
        stop = after(unreadMs, look)
      }
      server.once('close', () => stop())
      return server.on('connection', meet)
    },
  }
}

/** Nothing waits to be read by the client, and a whole request waits for us. */
const isOurTurn = (socket: Socket, { open, newest }: Connection) =>
  open > 0 && socket.writableLength === 0 && newest?.complete === true

/** Bytes that the operating system has taken. */
const leftOf = (socket: Socket) => socket.bytesWritten - socket.writableLength
