import type { ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'

/** What a sandbox answers of its own. */
export interface Reply {
  status: number
  headers?: Record<string, string>
  /** An object is sent as JSON. */
  body: object | ''
}

/** An answer given instead of a sandbox's own. */
export interface ScriptedAnswer {
  /** Default 200. */
  status?: number
  headers?: Record<string, string>
  /** An object is sent as JSON. Default: an empty text. */
  body?: string | object
  delayMs?: number
  /** Goes wrong so, in place of headers and a body. */
  kind?: FaultKind
  /** Braze takes and applies the objects all the same, as when it got them and only the answer went astray. */
  apply?: boolean
}

/**
 * html: a proxy's page. empty: no body. half: the socket closes before the promised length. huge: 100 MB. hang: no answer until the
 * client or the sandbox goes. stall: the same after a part of the body. reset: the connection is reset. not-json: text that claims to be
 * JSON.
 */
export type FaultKind = 'html' | 'empty' | 'half' | 'huge' | 'hang' | 'stall' | 'reset' | 'not-json'

const json = 'application/json'
const hugeChunk = 'x'.repeat(64 * 1024)
const hugeChunks = 1600

export const refusal = (status: number, message: string): Reply => ({ status, body: { message } })

/**
 * Gives an answer. Returns the status that was sent, 0 where none is or the rest never comes. `opening` is how a good body begins:
 * an object without its closing brace.
 */
export function giveAnswer(res: ServerResponse, answer: Reply | ScriptedAnswer, opening: string): number {
  const { status = 200, headers, body = '', kind }: ScriptedAnswer = answer
  if (kind !== undefined) return faults[kind](res, status, opening)
  const [type, text] = typeof body === 'string' ? ['text/plain', body] : [json, JSON.stringify(body)]
  return send(res, status, text, { 'content-type': type, ...headers })
}

/** Sends a whole answer in one write. */
function send(res: ServerResponse, status: number, text: string, headers: Record<string, string>): number {
  const bytes = Buffer.from(text)
  res.writeHead(status, { ...headers, 'content-length': bytes.length }).end(bytes)
  return status
}

const faults: Record<FaultKind, (res: ServerResponse, status: number, opening: string) => number> = {
  html: (res, status) =>
    send(res, status, '<html><body><h1>Bad gateway</h1></body></html>', { 'content-type': 'text/html' }),
  empty: (res, status) => send(res, status, '', {}),
  'not-json': (res, status, opening) => send(res, status, opening.slice(0, -4), { 'content-type': json }),
  half(res, status, opening) {
    beginJson(res, status, opening).write(opening, () => res.destroy())
    return status
  },
  huge(res, status, opening) {
    res.writeHead(status, { 'content-type': json })
    // A client that does not want it all is no error of ours.
    pipeline(Readable.from(hugeBody(opening), { objectMode: false }), res, () => {})
    return status
  },
  hang: () => 0,
  stall(res, status, opening) {
    beginJson(res, status, opening).write(opening)
    return 0
  },
  reset(res) {
    res.socket?.resetAndDestroy()
    return 0
  },
}

/** Promises more than `opening`. */
const beginJson = (res: ServerResponse, status: number, opening: string) =>
  res.writeHead(status, { 'content-type': json, 'content-length': opening.length + 80 })

/** Valid to the end, and a success at that: only its size is wrong. */
function* hugeBody(opening: string) {
  yield `${opening},"padding":"`
  for (let chunk = 0; chunk < hugeChunks; chunk++) yield hugeChunk
  yield '"}'
}
