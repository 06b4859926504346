import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionLimits {
  /** At most so many are open at a time. */
  readonly connections: number
  /** An answer of which the client leaves something unread for so long ends the connection; at most twice as long. */
  readonly unreadMs: number
}

/**
 * Requests that a connection may have open at a time. A packet can carry two thousand, and nothing else runs until all of
 * them are begun; neither LINE nor a proxy sends the next one before the answer.
 */
const PIPELINED_LIMIT = 16

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/**
 * A server that keeps at most `connections` open. Where one more comes, the one goes on which we have waited longest for
 * its client: for a request, for the rest of one, or for the reading of an answer. A connection is never closed while it
 * is our turn; where it is our turn on all of them, the new one is refused. Node's own `maxConnections` refuses the new
 * one always, so that idle connections keep everybody out.
 */
export function createLimitedServer(
  options: ServerOptions,
  { connections, unreadMs }: ConnectionLimits,
  handle: Handler,
): Server {
  const open = new Map<Socket, Connection>()
  /** Of all connections and requests so far. */
  let turns = 0

  function makeRoom(): boolean {
    let longest: Socket | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [socket, { turn, answers }] of open) {
      if (turn > least || answers.some(isOurTurn)) continue
      longest = socket
      least = turn
    }
    if (!longest) return false
    open.delete(longest)
    longest.destroy()
    return true
  }

  const server = createServer(options, (request, response) => {
    const { socket } = request
    const connection = open.get(socket)
    // Closed already, and this came with the same packet.
    if (!connection || socket.destroyed) return
    const { answers } = connection
    while (answers[0]?.writableFinished) answers.shift()
    if (answers.push(response) > PIPELINED_LIMIT) return socket.destroy()
    connection.turn = ++turns
    handle(request, response)
  })
  // Looked at in turns: Node's own timeout costs each webhook two timers, 5 % of what it costs.
  const unread = new WeakSet<ServerResponse>()
  function closeUnread() {
    for (const [socket, { answers }] of open) {
      const oldest = answers.find(({ writableFinished }) => !writableFinished)
      if (!oldest?.writableEnded) continue
      if (unread.has(oldest)) socket.destroy()
      else unread.add(oldest)
    }
  }
  const looking = setInterval(closeUnread, unreadMs).unref()
  server.once('close', () => clearInterval(looking))
  server.on('connection', (socket: Socket) => {
    if (open.size >= connections && !makeRoom()) return socket.destroy()
    open.set(socket, { turn: ++turns, answers: [] })
    socket.once('close', () => open.delete(socket))
  })
  return server
}

interface Connection {
  /** Raised with each request: who has the least has asked for nothing for the longest time. */
  turn: number
  /** Those that are not sent yet, as far as anybody has looked; in the order of their requests. */
  readonly answers: ServerResponse[]
}

/** The request is here to its last byte, and its answer is not written yet. */
const isOurTurn = (response: ServerResponse) => response.req.complete && !response.writableEnded
