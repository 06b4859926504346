import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A request that has arrived whole. */
export interface Arrival {
  /** When its headers came, in epoch milliseconds. */
  at: number
  method: string
  /** With its query. */
  path: string
  authorization: string
  contentType: string
  /** Null: larger than a sandbox takes. */
  body: string | null
  res: ServerResponse
  socket: Socket
}

/** Most bytes of a body: as many as Braze takes. [TRACK] */
const maxBytes = 4 * 1024 * 1024

/**
 * Listens on 127.0.0.1; `onArrival` gets each request with its whole body. Clients that go before that are none of its business.
 * Rejects where the port cannot be had. `close` cuts every connection.
 */
export async function listen(port: number, onArrival: (arrival: Arrival) => void, onConnection: () => void) {
  const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
    const at = Date.now()
    collect(req, (body) => {
      const { method = '', url: path = '', headers, socket } = req
      const { authorization = '', 'content-type': contentType = '' } = headers
      onArrival({ at, method, path, authorization, contentType, body, res, socket })
    })
  })
  server.on('connection', onConnection)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })

  function close(): Promise<void> {
    if (!server.listening) return Promise.resolve()
    return new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }

  return { port: (server.address() as AddressInfo).port, close }
}

function collect(req: IncomingMessage, onBody: (body: string | null) => void) {
  const chunks: Buffer[] = []
  let size = 0
  req.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
  })
  req.once('end', () => onBody(size > maxBytes ? null : Buffer.concat(chunks, size).toString()))
}
