import type { ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'

interface Scripted {
  /** Default 200. */
  status?: number
  /** The objects are taken and applied all the same, as when Braze got them and only the answer went astray. */
  apply?: boolean
  delayMs?: number
}

/** An answer given instead of Braze's own. */
export type ScriptedAnswer =
  | (Scripted & { kind?: never; headers?: Record<string, string>; body?: string | object })
  | (Scripted & { kind: FaultKind })

/**
 * html: a proxy's page. empty: no body. half: the socket closes before the promised length. huge: 100 MB. hang: no answer until the
 * client or the sandbox goes. reset: the connection is reset. not-json: text that claims to be JSON.
 */
export type FaultKind = 'html' | 'empty' | 'half' | 'huge' | 'hang' | 'reset' | 'not-json'

const json = 'application/json'
const hugeChunk = 'x'.repeat(64 * 1024)
const hugeChunks = 1600

/** Gives a scripted answer. Returns the status that was sent, 0 where none is. */
export function giveScripted(
  res: ServerResponse,
  answer: ScriptedAnswer,
  headers: Record<string, string>,
): number {
  if (answer.kind !== undefined) return faults[answer.kind](res, answer.status ?? 200)
  const { body = '' } = answer
  const [type, text] = typeof body === 'string' ? ['text/plain', body] : [json, JSON.stringify(body)]
  return send(res, answer.status ?? 200, text, { 'content-type': type, ...headers, ...answer.headers })
}

/** Sends a whole answer in one write. Returns its status. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string>,
): number {
  return send(res, status, JSON.stringify(body), { 'content-type': json, ...headers })
}

function send(res: ServerResponse, status: number, text: string, headers: Record<string, string>): number {
  const bytes = Buffer.from(text)
  res.writeHead(status, { ...headers, 'content-length': bytes.length }).end(bytes)
  return status
}

const faults: Record<FaultKind, (res: ServerResponse, status: number) => number> = {
  html: (res, status) =>
    send(res, status, '<html><body><h1>Bad gateway</h1></body></html>', { 'content-type': 'text/html' }),
  empty: (res, status) => send(res, status, '', {}),
  'not-json': (res, status) => send(res, status, '{"message":"succ', { 'content-type': json }),
  half(res, status) {
    res.writeHead(status, { 'content-type': json, 'content-length': 100 })
    res.write('{"message":"success"', () => res.destroy())
    return status
  },
  huge(res, status) {
    res.writeHead(status, { 'content-type': json })
    pipeline(Readable.from(hugeBody(), { objectMode: false }), res, clientGone)
    return status
  },
  hang: () => 0,
  reset(res) {
    res.socket?.resetAndDestroy()
    return 0
  },
}

/** A client that does not want it all is no error of ours. */
function clientGone() {}

/** Valid to the end, and a success at that: only its size is wrong. */
function* hugeBody() {
  yield '{"message":"success","padding":"'
  for (let chunk = 0; chunk < hugeChunks; chunk++) yield hugeChunk
  yield '"}'
}
