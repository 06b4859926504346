import type { ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'

interface Scripted {
  /** Default 200. */
  status?: number
  delayMs?: number
}

/** An answer given instead of a sandbox's own. */
export type ScriptedAnswer =
  | (Scripted & { kind?: never; headers?: Record<string, string>; body?: string | object })
  | (Scripted & { kind: FaultKind })

/**
 * html: a proxy's page. empty: no body. half: the socket closes before the promised length. huge: 100 MB. hang: no answer until the
 * client or the sandbox goes. stall: the same after a part of the body. reset: the connection is reset. not-json: text that claims to be
 * JSON.
 */
export type FaultKind = 'html' | 'empty' | 'half' | 'huge' | 'hang' | 'stall' | 'reset' | 'not-json'

const json = 'application/json'
const hugeChunk = 'x'.repeat(64 * 1024)
const hugeChunks = 1600

/**
 * Gives a scripted answer. Returns the status that was sent, 0 where none is or the rest never comes. `opening` is how a good body begins:
 * an object without its closing brace.
 */
export function giveScripted(
  res: ServerResponse,
  answer: ScriptedAnswer,
  headers: Record<string, string> = {},
  opening = '{"message":"success"',
): number {
  if (answer.kind !== undefined) return faults[answer.kind](res, answer.status ?? 200, opening)
  const { body = '' } = answer
  const [type, text] = typeof body === 'string' ? ['text/plain', body] : [json, JSON.stringify(body)]
  return send(res, answer.status ?? 200, text, { 'content-type': type, ...headers, ...answer.headers })
}

/** Sends a whole answer in one write. Returns its status. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): number {
  return send(res, status, JSON.stringify(body), { 'content-type': json, ...headers })
}

/**
 * Calls `give` after `delayMs`, unless the client goes before. `onEnd` hears once of the status that `give` returned, or of 0 when the
 * client has gone without one.
 */
export function answerAfter(
  delayMs: number,
  res: ServerResponse,
  give: () => number,
  onEnd: (status: number) => void,
) {
  let over = false
  let timer: NodeJS.Timeout | undefined

  function end(status: number) {
    if (over) return
    over = true
    onEnd(status)
  }

  function giveNow() {
    const sent = give()
    if (sent !== 0) end(sent)
  }

  res.once('close', () => {
    clearTimeout(timer)
    end(0)
  })
  if (delayMs === 0) giveNow()
  else timer = setTimeout(() => res.destroyed || giveNow(), delayMs)
}

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
    res.writeHead(status, { 'content-type': json, 'content-length': opening.length + 80 })
    res.write(opening, () => res.destroy())
    return status
  },
  huge(res, status, opening) {
    res.writeHead(status, { 'content-type': json })
    pipeline(Readable.from(hugeBody(opening), { objectMode: false }), res, clientGone)
    return status
  },
  hang: () => 0,
  stall(res, status, opening) {
    res.writeHead(status, { 'content-type': json, 'content-length': opening.length + 80 }).write(opening)
    return 0
  },
  reset(res) {
    res.socket?.resetAndDestroy()
    return 0
  },
}

/** A client that does not want it all is no error of ours. */
function clientGone() {}

/** Valid to the end, and a success at that: only its size is wrong. */
function* hugeBody(opening: string) {
  yield `${opening},"padding":"`
  for (let chunk = 0; chunk < hugeChunks; chunk++) yield hugeChunk
  yield '"}'
}
