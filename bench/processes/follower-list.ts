/** The process that plays LINE's API: a follower list whose pages were built before anything is timed. */
import { randomUUID } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerCalls } from './child.ts'
import { BOT_USER_ID, userId } from './webhooks.ts'

/** The most that LINE names on a page. */
const PAGE_SIZE = 1_000
const INFO = bodyOf({ userId: BOT_USER_ID, basicId: '@bench', displayName: 'bench' })

let pages: Buffer[] = []
let insight = bodyOf({ status: 'unready' })
let latencyMs = 0

const server = createServer(({ url = '' }, response) => {
  if (url.startsWith('/v2/bot/followers/ids?')) {
    // The cursor is the number of the page.
    const page = pages[Number(/[?&]start=(\d+)/.exec(url)?.[1] ?? 0)] as Buffer
    if (latencyMs > 0) setTimeout(answer, latencyMs, response, page)
    else answer(response, page)
  } else {
    answer(response, url.startsWith('/v2/bot/info') ? INFO : insight)
  }
})

function answer(response: ServerResponse, body: Buffer) {
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': body.length,
    'x-line-request-id': randomUUID(),
  })
  response.end(body)
}

function bodyOf(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function pageOf(number: number, followers: number): Buffer {
  const first = number * PAGE_SIZE
  const count = Math.min(PAGE_SIZE, followers - first)
  const userIds = Array.from({ length: count }, (_, i) => userId(first + i))
  return bodyOf({ userIds, ...(first + count < followers && { next: String(number + 1) }) })
}

const methods = answerCalls({
  /** Starts on a free port, and returns that. */
  listen: () =>
    new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
    }),
  /** Builds the list of the first `followers` people. */
  prepare(followers: number) {
    const count = Math.ceil(followers / PAGE_SIZE)
    pages = Array.from({ length: count }, (_, number) => pageOf(number, followers))
    insight = bodyOf({ status: 'ready', followers, targetedReaches: followers, blocks: 0 })
  },
  /** From now on LINE takes so long until it answers with a page. */
  delay(ms: number) {
    latencyMs = ms
  },
})

export type FollowerList = typeof methods
