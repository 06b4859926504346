import type BetterSqlite3 from 'better-sqlite3'
import type { Run } from '../ledger.ts'
import type { Ignoring } from './ignoring.ts'
import { learning } from './learning.ts'
import type { createPlacement } from './placement.ts'
import { asRun, type RunStore } from './runs.ts'
import type { Stored, transactions } from './stored.ts'

/** Pages on their way into one transaction. */
export interface PageRows {
  /** As JSON: `[userId, …]` */
  readonly users: string
  readonly pages: number
  readonly next: string | null
  readonly listed: number
  readonly invalid: number
}

/** Some of what was asked for, and the last contact that it is about; null where that is all of it. */
export interface Slice<T> {
  readonly value: T
  readonly after: number | null
}

/** Contacts cleared in one transaction: other processes wait for as long. */
const CLEAR_AT_ONCE = 2_000

/** What runs do to the contacts of one open database. */
export function createRunContacts(
  database: BetterSqlite3.Database,
  atomic: ReturnType<typeof transactions>,
  { find, findOfAccount, change, countsOf }: RunStore,
  place: ReturnType<typeof createPlacement>,
  ignoring: Pick<Ignoring, 'users'>,
) {
  const statements = prepare(database)

  const stored = {
    countAbsent(_now, id) {
      const { channel, asOf } = find(id)
      return statements.countAbsent.get({ channel, asOf })?.absent ?? 0
    },
  } satisfies Partial<Stored>

  const clear = atomic((now: number, id: number, ids: string) => {
    const { channel, asOf, gone } = findOfAccount(id)
    const before = countsOf(channel).gone
    statements.clear.run({ run: id, asOf, ids, now })
    place(now)
    return change(id, { gone: gone + countsOf(channel).gone - before })
  })

  return {
    ...stored,
    /** In one transaction. */
    recordPages: atomic((now: number, id: number, { users, next, pages, listed, invalid }: PageRows) => {
      const run = findOfAccount(id)
      const before = countsOf(run.channel)
      statements.list.run({
        run: id,
        channel: run.channel,
        asOf: run.asOf,
        users: ignoring.users(users, run.channel, now),
        now,
      })
      place(now)
      const after = countsOf(run.channel)
      // Being listed makes nobody gone, so that what is fewer of them has returned.
      const [added, returned] = [after.all - before.all, before.gone - after.gone]
      const stored = change(id, {
        state: next === null ? 'clearing' : 'listing',
        cursor: next,
        cursorAt: now,
        pages: run.pages + pages,
        listed: run.listed + listed,
        invalid: run.invalid + invalid,
        added: run.added + added,
        returned: run.returned + returned,
      })
      return { run: asRun(stored, now), changed: added + returned }
    }),
    /**
     * Some of them, after the contact `after`. Whom to clear is found without keeping anybody from writing: it may be one in a
     * million.
     */
    clearAbsent(now: number, id: number, after: number): Slice<Run> {
      const { channel, asOf } = find(id)
      const absent = statements.absent.all({ channel, asOf, after, limit: CLEAR_AT_ONCE })
      const last = absent.at(-1)
      if (last === undefined) return { value: asRun(find(id), now), after: null }
      return { value: asRun(clear(now, id, JSON.stringify(absent)), now), after: last }
    },
  }
}

const NAMED = 'id IN (SELECT value FROM json_each(@ids))'
const ABSENT = "status = 'friend' AND friend_at < @asOf"
/** The plus keeps SQLite from an index by channel: the rows are wanted in the order of their ids. */
const OF_CHANNEL = '+channel = @channel'

const prepare = (database: BetterSqlite3.Database) => ({
  // In the order of the index, so that each of its pages is changed once and not with every other user.
  list: database.prepare(
    learning('@channel, value, @asOf, 0, 0, @run', 'json_each(@users) WHERE true ORDER BY value'),
  ),
  // Somebody may have followed since they were found.
  clear: database.prepare(
    learning('channel, user_id, 0, 0, @asOf, @run', `contacts WHERE ${NAMED} AND ${ABSENT}`),
  ),
  countAbsent: database.prepare<[object], { absent: number }>(
    `SELECT count(*) AS absent FROM contacts WHERE ${OF_CHANNEL} AND ${ABSENT}`,
  ),
  absent: database
    .prepare<[object], number>(
      `SELECT id FROM contacts WHERE id > @after AND ${OF_CHANNEL} AND ${ABSENT} ORDER BY id LIMIT @limit`,
    )
    .pluck(),
})
