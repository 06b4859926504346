import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Keeps at most `limit` connections open. Where one more comes, the one goes on which we have waited longest for its
 * client: for a request, for the rest of one, or for the reading of an answer. A connection is never closed while it
 * is our turn; where it is our turn on all of them, the new one is refused.
 *
 * Node's own `maxConnections` refuses the new one always, so that idle connections keep everybody out.
 */
export function limitConnections(server: Server, limit: number) {
  /** The newest request of each connection; who has asked for something last is last. */
  const open = new Map<Socket, ServerResponse | undefined>()

  function makeRoom(): boolean {
    for (const [socket, newest] of open) {
      if (newest && isOurTurn(newest)) continue
      open.delete(socket)
      socket.destroy()
      return true
    }
    return false
  }

  server.on('connection', (socket: Socket) => {
    if (open.size >= limit && !makeRoom()) return socket.destroy()
    open.set(socket, undefined)
    socket.once('close', () => open.delete(socket))
  })
  server.on('request', ({ socket }, response) => {
    // One that was closed to make room is not counted again.
    if (open.delete(socket)) open.set(socket, response)
  })
}

/** The request is here to its last byte, and its answer is not written yet. */
const isOurTurn = (response: ServerResponse) => response.req.complete && !response.writableEnded
