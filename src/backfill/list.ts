import type { FollowerPage } from '../ledger/ledger.ts'
import type { LineClient } from '../line/client.ts'
import { BackfillError } from './error.ts'

export interface ListOptions {
  readonly line: Pick<LineClient, 'followers'>
  /** Where to go on; null to begin. */
  readonly start: string | null
  /** Milliseconds since 1970. */
  readonly clock: () => number
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
 * A page is dated by the moment before it was asked for, and by LINE's clock where that says less: then a webhook of a
 * later moment wins, and a clock of ours that is wrong cannot make the list win.
 *
 * @throws LineError, EndlessList
 */
export async function* readList({ line, start, clock, signal }: ListOptions): AsyncGenerator<FollowerPage> {
  const seen = new Set<string | null>([start])
  for (let cursor = start; ; ) {
    const askedAt = clock()
    const { date, ...page } = await line.followers(cursor, signal)
    yield { ...page, listedAt: Math.min(askedAt, date) }
    if (page.next === null) return
    if (seen.has(page.next)) throw new EndlessList()
    seen.add(page.next)
    cursor = page.next
  }
}
