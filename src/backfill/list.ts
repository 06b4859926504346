import type { LineClient, ListPage } from '../line/client.ts'
import { BackfillError } from './error.ts'

export interface ListOptions {
  readonly line: Pick<LineClient, 'followers'>
  /** Where to go on; null to begin. */
  readonly start: string | null
  readonly signal: AbortSignal
}

/** LINE's list goes in circles, and would never end. */
export class EndlessList extends BackfillError {
  constructor() {
    super(
      "LINE's follower list named the same next page twice and would never end; nobody was cleared. Run backfill again, and report it to LINE if it stays so",
    )
  }
}

/**
 * The follower list from `start` on, page by page.
 *
 * @throws LineError, EndlessList
 */
export async function* readList({ line, start, signal }: ListOptions): AsyncGenerator<ListPage> {
  const seen = new Set<string | null>([start])
  for (let cursor = start; ; ) {
    const page = await line.followers(cursor, signal)
    yield page
    if (page.next === null) return
    if (seen.has(page.next)) throw new EndlessList()
    seen.add(page.next)
    cursor = page.next
  }
}
