/** The process that means ill: it knows no secret, and its sockets are its only means. */
import { connect, type Socket } from 'node:net'
import { answerCalls } from './child.ts'
import { buildRequests } from './webhooks.ts'

/** A signature of the right form, and of nothing. */
const SIGNATURE = `${'A'.repeat(43)}=`
const METRICS = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'
const LIVE = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'
const headOf = (bytes: number) =>
  `POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nx-line-signature: ${SIGNATURE}\r\nContent-Length: ${bytes}\r\n\r\n`
const UNSIGNED = `${headOf(20)}{"destination":"U0"}`

const sockets = new Set<Socket>()
let isAttacking = false

const methods = answerCalls({
  /** Pipelines `requests` of /metrics on each of `connections`, again and again. */
  async metrics(port: number, connections: number, requests: number) {
    repeat(port, connections, METRICS.repeat(requests))
  },

  /** Webhooks with a wrong signature, pipelined. */
  async unsigned(port: number, connections: number, requests: number) {
    repeat(port, connections, UNSIGNED.repeat(requests))
  },

  /** Opens `connections` that each send a body of `bytes` but for its last byte, and again when they are cut off. */
  async bodies(port: number, connections: number, bytes: number) {
    isAttacking = true
    const text = headOf(bytes) + 'x'.repeat(bytes - 1)
    await Promise.all(Array.from({ length: connections }, () => held(port, text)))
  },

  /** Opens `connections` that ask once and then stay. */
  async idle(port: number, connections: number) {
    isAttacking = true
    await Promise.all(Array.from({ length: connections }, () => held(port, LIVE)))
  },

  /** Signed webhooks of people from number `first` on, each over a connection of its own; returns how many got a 200. */
  async knock(port: number, first: number, people: number): Promise<number> {
    const requests = buildRequests({ kind: 'follows', first, people, eventsPerBody: 1 })
    let taken = 0
    for (const request of requests) if (await isTaken(port, request)) taken += 1
    return taken
  },

  /** Ends the attack. */
  stop() {
    isAttacking = false
    for (const socket of sockets) socket.destroy()
  },
})

export type Attacker = typeof methods

function open(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true }).on('error', () => {})
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
  return socket
}

/** Sends `text` on each connection as often as the server takes it; a connection that is closed is opened again. */
function repeat(port: number, connections: number, text: string) {
  isAttacking = true
  function attack() {
    if (!isAttacking) return
    const socket = open(port)
    const send = () => {
      while (isAttacking && !socket.destroyed && socket.write(text));
    }
    socket.once('connect', send).on('drain', send).once('close', attack).resume()
  }
  for (let i = 0; i < connections; i += 1) attack()
}

/** Resolves once the server has the text, as far as the socket can tell, or has closed it. */
function held(port: number, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = open(port)
    socket.once('connect', () => socket.write(text, () => resolve()))
    socket.once('close', () => {
      resolve()
      // A stubborn one comes back, in its own time.
      if (isAttacking) setTimeout(() => isAttacking && held(port, text), 1_000)
    })
    socket.resume()
  })
}

function isTaken(port: number, request: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => socket.write(request))
    socket.once('data', (bytes) => {
      resolve(bytes.toString('latin1').startsWith('HTTP/1.1 200 '))
      socket.destroy()
    })
    socket.on('error', () => {}).once('close', () => resolve(false))
  })
}
