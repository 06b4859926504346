/**
 * The process that plays LINE. It has bare sockets and requests that were built before: on two cores, whatever the
 * sender costs may be missing where the server is measured.
 */
import { connect, type Socket } from 'node:net'
import { answerCalls } from './child.ts'
import { monotonicMs } from './clock.ts'
import { buildRequests, type Traffic } from './webhooks.ts'

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  /** When the first request left; see clock.ts. */
  readonly startedAtMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** The share of one core that this process took: near 1 it measured itself and not the server. */
  readonly cpu: number
}

let requests: Buffer[] = []

const methods = answerCalls({
  /** Builds what the next calls of `send` send. */
  prepare(traffic: Traffic) {
    requests = buildRequests(traffic)
  },

  /** Sends every request once, over `connections` sockets, shared among the ports, with one request at a time on each. */
  async send(ports: readonly number[], connections: number): Promise<LoadResult> {
    const sockets = await Promise.all(
      Array.from({ length: connections }, (_, i) => open(ports[i % ports.length] as number)),
    )
    const latenciesMs = new Float64Array(requests.length)
    const queue = requests.entries()
    const cpuBefore = process.cpuUsage()
    const startedAtMs = monotonicMs()
    await Promise.all(sockets.map((socket) => converse(socket, queue, latenciesMs)))
    const seconds = (monotonicMs() - startedAtMs) / 1000
    const { user, system } = process.cpuUsage(cpuBefore)
    for (const socket of sockets) socket.destroy()
    latenciesMs.sort()
    const percentile = (share: number) => latenciesMs[Math.floor((latenciesMs.length - 1) * share)] ?? 0
    return {
      requests: requests.length,
      seconds,
      startedAtMs,
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
      cpu: (user + system) / 1e6 / seconds,
    }
  },
})

export type Load = typeof methods

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Takes from `queue` until it is empty, each request after the answer to the one before. Rejects unless all are 200. */
function converse(
  socket: Socket,
  queue: Iterator<[number, Buffer]>,
  latenciesMs: Float64Array,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let place = 0
    let sentAtMs = 0
    let answer = ''
    function ask() {
      const { done, value } = queue.next()
      if (done) return resolve()
      place = value[0]
      sentAtMs = performance.now()
      socket.write(value[1])
    }
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1')
      if (!isWhole(answer)) return
      latenciesMs[place] = performance.now() - sentAtMs
      if (!answer.startsWith('HTTP/1.1 200 '))
        reject(new Error(`the server answered ${answer.slice(0, 300)}`))
      answer = ''
      ask()
    })
    socket.once('close', () => reject(new Error('the server closed a connection')))
    ask()
  })
}

/** Every answer here has a content-length. */
function isWhole(answer: string): boolean {
  const head = answer.indexOf('\r\n\r\n')
  if (head < 0) return false
  const length = Number(/content-length: (\d+)/i.exec(answer)?.[1])
  return answer.length >= head + 4 + length
}
