import { EventEmitter } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { giveAnswer, type Reply, type ScriptedAnswer } from './answers.ts'

export interface ServiceOptions {
  /** Default 0: a free one. Always on 127.0.0.1. */
  port?: number
  /** Delay before its own answers. Default 0. */
  latencyMs?: number
  /** Keeps the newest requests in memory, for `requests`. Default false. */
  keepRequests?: boolean
}

/** A request that has arrived whole. */
export interface Arrival {
  /** When its headers came, in epoch milliseconds. */
  at: number
  method: string
  /** Without its query. */
  path: string
  query: Record<string, string>
  authorization: string
  contentType: string
  /** By their names in small letters. */
  headers: IncomingHttpHeaders
  /** Null: larger than a sandbox takes. */
  body: string | null
  /** Whether its client has hung up. */
  isCut: () => boolean
}

/** How a play meets one request. */
export interface Turn<Kept> {
  /** Given in place of its own answer. */
  scripted: ScriptedAnswer | null
  /** Its own answer, asked for when the latency is over. */
  reply: () => Reply | Promise<Reply>
  /** How a good body begins, for answers that end too early: an object without its closing brace. */
  opening: string
  /** Sets the headers that every answer has. */
  stamp?: (res: ServerResponse, status: number) => void
  /** What is recorded of the request; null: it counts for nothing but `connections`. */
  kept: Kept | null
  /** It is over: `status` is 0 where no answer was given or the client had gone, `accepted` a 2xx of the play's own. */
  ended?: (status: number, accepted: boolean) => void
}

/** What every request that is over tells. */
export interface Answered {
  /** When it came, in epoch milliseconds. */
  at: number
  /** 0: no answer was given, or the client had gone. */
  status: number
}

/** Most bytes of a body: as many as Braze takes. [TRACK] */
const maxBytes = 4 * 1024 * 1024
const maxKept = 100_000

/**
 * A scriptable HTTP service on 127.0.0.1. `play` meets each request; `takeScripted` gives it the answer that a test has asked for, if any.
 * `Told` are events of the play's own. Rejects where the port cannot be had.
 */
export async function startService<Kept extends object, Told extends object = object>(
  { port = 0, latencyMs = 0, keepRequests = false }: ServiceOptions,
  play: (arrival: Arrival, takeScripted: () => ScriptedAnswer | null) => Turn<Kept>,
) {
  type Events = Told & { request: Answered & Kept }
  const stats = {
    /** Requests that arrived whole, answered or not. */
    requests: 0,
    /** Requests that the play itself answered with 2xx. */
    accepted: 0,
    /** Requests by the status of their answer; 0 for none, or for one that never ended. */
    byStatus: {} as Record<number, number>,
    /** Requests that arrived and are not answered. */
    inFlight: 0,
    /** Without latency a request is answered in the turn in which it arrives, and this says 1. */
    maxInFlight: 0,
    /** Connections that were ever opened; few, where a client keeps them alive. */
    connections: 0,
  }
  const requests: (Answered & Kept)[] = []
  const next: ScriptedAnswer[] = []
  let outage: ScriptedAnswer | null = null
  let dateOf: (() => Date | string) | null = null
  const listeners = new EventEmitter()
  const waits = createWaits()

  function tell<Name extends keyof Events & string>(name: Name, detail: Events[Name]) {
    listeners.emit(name, detail)
    waits.check()
  }

  function answered(request: Answered & Kept, accepted: boolean) {
    stats.inFlight--
    stats.byStatus[request.status] = (stats.byStatus[request.status] ?? 0) + 1
    if (accepted) stats.accepted++
    if (keepRequests && requests.push(request) > maxKept) requests.shift()
    tell('request', request as Events['request'])
  }

  function stampDate(res: ServerResponse) {
    const date = dateOf?.()
    if (date === '') res.sendDate = false
    else if (date !== undefined) res.setHeader('date', date instanceof Date ? date.toUTCString() : date)
  }

  function handle(arrival: Arrival, res: ServerResponse) {
    const turn = play(arrival, () => next.shift() ?? outage)
    const { scripted, kept } = turn
    let isOver = false
    let timer: NodeJS.Timeout | undefined
    if (kept !== null) {
      stats.requests++
      stats.maxInFlight = Math.max(stats.maxInFlight, ++stats.inFlight)
    }

    function end(status: number) {
      if (isOver) return
      isOver = true
      const accepted = scripted === null && status >= 200 && status < 300
      turn.ended?.(status, accepted)
      if (kept !== null) answered({ at: arrival.at, status, ...kept }, accepted)
    }

    function give() {
      if (res.destroyed) return
      const answer = scripted ?? turn.reply()
      if (answer instanceof Promise) answer.then(send)
      else send(answer)
    }

    function send(answer: Reply | ScriptedAnswer) {
      if (res.destroyed) return
      stampDate(res)
      turn.stamp?.(res, answer.status ?? 200)
      const sent = giveAnswer(res, answer, turn.opening)
      if (sent !== 0) end(sent)
    }

    res.once('close', () => {
      clearTimeout(timer)
      end(0)
    })
    const delayMs = scripted === null ? latencyMs : (scripted.delayMs ?? 0)
    if (delayMs === 0) give()
    else timer = setTimeout(give, delayMs)
    waits.check()
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) =>
    receive(req, (arrival) => handle(arrival, res)),
  )
  server.on('connection', () => stats.connections++)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: taken } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    stats,
    /** Requests that are over, the newest 100,000 of them, oldest first; empty without `keepRequests`. */
    requests: requests as readonly (Answered & Kept)[],
    /** The next `times` requests are answered so instead of normally. Earlier calls come first. */
    answerNext(answer: ScriptedAnswer, times = 1) {
      for (let time = 0; time < times; time++) next.push(answer)
    },
    /** All requests are answered so, until null. `answerNext` goes before it. */
    setOutage(answer: ScriptedAnswer | null) {
      outage = answer
    },
    /** What the Date header says; '' leaves it out. Null: the truth. */
    setDate(newDate: (() => Date | string) | null) {
      dateOf = newDate
    },
    /** Listens to requests that are over, or to an event of the play; the function returned ends it. */
    on<Name extends keyof Events & string>(name: Name, listener: (detail: Events[Name]) => void): () => void {
      listeners.on(name, listener)
      return () => listeners.off(name, listener)
    },
    /** Resolves once `predicate` holds, rejects when it throws; it is asked again whenever something happens. */
    until: waits.until,
    /** Something happened: asks those who wait. */
    check: waits.check,
    tell,
    /** Stops listening, cuts all connections and rejects what waits. Safe to repeat. */
    async close(): Promise<void> {
      if (server.listening) {
        await new Promise((resolve) => {
          server.close(resolve)
          server.closeAllConnections()
        })
      }
      waits.close()
    },
  }
}

/** Clients that go before their request is whole are none of a play's business. */
function receive(req: IncomingMessage, onArrival: (arrival: Arrival) => void) {
  const at = Date.now()
  const { method = '', url = '', socket, headers } = req
  const { authorization = '', 'content-type': contentType = '' } = headers
  const [path = '', ...rest] = url.split('?')
  const query = Object.fromEntries(new URLSearchParams(rest.join('?')))
  const isCut = () => socket.destroyed || socket.readableEnded
  const chunks: Buffer[] = []
  let size = 0
  req.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
  })
  req.once('end', () => {
    const body = size > maxBytes ? null : Buffer.concat(chunks, size).toString()
    onArrival({ at, method, path, query, authorization, contentType, headers, body, isCut })
  })
}

/** Lets tests wait for what happens instead of for time. */
function createWaits() {
  let news = Promise.withResolvers<void>()
  let isClosed = false

  async function until(predicate: () => boolean): Promise<void> {
    while (!predicate()) {
      if (isClosed) throw new Error('The sandbox was closed before what was waited for came true')
      await news.promise
    }
  }

  function check() {
    news.resolve()
    news = Promise.withResolvers()
  }

  function close() {
    isClosed = true
    check()
  }

  return { until, check, close }
}
