import type { FollowerPage } from '../ledger/ledger.ts'
import type { LineClient } from '../line/client.ts'
import { createEndWatch } from './endless.ts'
import { BackfillError } from './error.ts'

export { EndlessList } from './endless.ts'

export interface ListOptions {
  readonly line: Pick<LineClient, 'followers'>
  /** Where to go on; null to begin. */
  readonly start: string | null
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly signal: AbortSignal
}

/** Only our own clock would date the page, and where that is ahead the list would win over newer webhooks. */
class UndatedList extends BackfillError {
  constructor() {
    super(
      "LINE's follower list came without the header Date, so that nobody can tell how old it is; let what stands between here and LINE pass that header, and run backfill again",
    )
  }
}

/**
 * The follower list from `start` on, page by page.
 *
 * A page is dated by the moment before it was asked for, and by LINE's clock where that says less: then a webhook of a
 * later moment wins, and a clock of ours that is wrong cannot make the list win.
 *
 * @throws LineError, BackfillError
 */
export async function* readList({ line, start, clock, signal }: ListOptions): AsyncGenerator<FollowerPage> {
  const watchForEnd = createEndWatch(start)
  for (let cursor = start; ; ) {
    const askedAt = clock()
    const { date, ...page } = await line.followers(cursor, signal)
    if (date === undefined) throw new UndatedList()
    yield { ...page, listedAt: Math.min(askedAt, date) }
    watchForEnd(page)
    if (page.next === null) return
    cursor = page.next
  }
}
