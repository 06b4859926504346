/** The process that plays Braze: counts the objects of each body and calls it a success. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerCalls } from './child.ts'
import { monotonicMs } from './clock.ts'

let seen = 0
let total = 0
let isOut = false
let reached = Promise.withResolvers<number>()

const server = createServer(async (request, response) => {
  if (isOut) request.socket.destroy()
  else await take(request, response)
})

async function take(request: IncomingMessage, response: ServerResponse) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const objects = JSON.parse(Buffer.concat(chunks).toString()).attributes.length
  seen += objects
  if (seen >= total) reached.resolve(monotonicMs())
  const answer = JSON.stringify({ message: 'success', attributes_processed: objects })
  response.writeHead(201, { 'content-type': 'application/json', 'content-length': answer.length })
  response.end(answer)
}

const methods = answerCalls({
  /** Starts on a free port, and returns that. */
  listen: () =>
    new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
    }),
  /** Counts anew, up to `objects`. */
  expect(objects: number) {
    seen = 0
    total = objects
    reached = Promise.withResolvers()
  },
  /** When the last expected object had come; see clock.ts. */
  reached: () => reached.promise,
  /** How many objects have come, also beyond those that were expected. */
  seen: () => seen,
  /** During an outage every connection is closed without an answer. */
  outage(is: boolean) {
    isOut = is
  },
})

export type Receiver = typeof methods
