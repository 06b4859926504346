/** The process that fetches the follower list as backfill does, and throws it away. */
import { createCaller } from '../../src/line/call.ts'
import { createLineClient, type ListPage } from '../../src/line/client.ts'
import { fixedToken } from '../../src/line/tokens.ts'
import { createHttpClient } from '../../src/wire/client.ts'
import { answerCalls } from './child.ts'
import { monotonicMs } from './clock.ts'

const TIMEOUT_MS = 10_000
const SILENT = { debug() {}, warn() {} }

export interface Fetched {
  readonly listed: number
  /** From the first request to the last byte. */
  readonly seconds: number
}

const methods = answerCalls({
  /** Fetches all pages, one after the other. */
  async fetch(port: number): Promise<Fetched> {
    const http = createHttpClient({ baseUrl: `http://127.0.0.1:${port}`, timeoutMs: TIMEOUT_MS })
    const line = createLineClient({
      call: createCaller({ http, log: SILENT }),
      tokens: fixedToken('bench'),
    })
    const startedAtMs = monotonicMs()
    let listed = 0
    for (let start: string | null | undefined; start !== null; ) {
      const page: ListPage = await line.followers(start ?? null)
      listed += page.userIds.length
      start = page.next
    }
    const seconds = (monotonicMs() - startedAtMs) / 1000
    await http.close()
    return { listed, seconds }
  },
})

export type Fetcher = typeof methods
