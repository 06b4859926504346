import type { LineClient, ListPage } from '../line/client.ts'
import { createEndWatch } from './endless.ts'

export interface ListOptions {
  readonly line: Pick<LineClient, 'followers'>
  /** Where to go on; null to begin. */
  readonly start: string | null
  readonly signal: AbortSignal
}

/**
 * The follower list from `start` on, page by page.
 *
 * @throws LineError, EndlessList
 */
export async function* readList({ line, start, signal }: ListOptions): AsyncGenerator<ListPage> {
  const watchForEnd = createEndWatch(start)
  for (let cursor = start; ; ) {
    const page = await line.followers(cursor, signal)
    yield page
    watchForEnd(page)
    if (page.next === null) return
    cursor = page.next
  }
}
