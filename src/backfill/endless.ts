import type { ListPage } from '../line/client.ts'
import { BackfillError } from './error.ts'

/** LINE's list would never end. */
export class EndlessList extends BackfillError {
  constructor(how: string) {
    super(
      `LINE's follower list ${how} and would never end; nobody was cleared. Run backfill again, and report it to LINE if it stays so`,
    )
  }
}

/** Pages may be empty before the last; LINE says of no list that it has so many of them in a row. */
const EMPTY_IN_A_ROW = 1_000
/** Full, so many pages name five times as many people as LINE has. */
const PAGES = 1_000_000

/**
 * Looks at the pages of a list that began at `start`, each once, and throws EndlessList where the list goes in circles,
 * names nobody for long, or is longer than any list can be. Keeps one cursor, however long the list is: that of a page
 * twice as far on as the one kept before, so that each circle meets one sooner or later (Brent's algorithm).
 */
export function createEndWatch(start: string | null) {
  let kept = start
  let keepAt = 1
  let pages = 0
  let empty = 0

  return ({ userIds, next }: Pick<ListPage, 'userIds' | 'next'>) => {
    if (next === null) return
    if (next === kept) throw new EndlessList('named the same next page twice')
    pages += 1
    if (pages >= PAGES) throw new EndlessList(`has more than ${number(PAGES)} pages`)
    empty = userIds.length > 0 ? 0 : empty + 1
    if (empty >= EMPTY_IN_A_ROW) throw new EndlessList(`has ${number(empty)} pages in a row that name nobody`)
    if (pages < keepAt) return
    kept = next
    keepAt *= 2
  }
}

const number = (value: number) => value.toLocaleString('en')
