import type BetterSqlite3 from 'better-sqlite3'
import type { Failure } from '../ledger.ts'
import { type ProfileKind, profileIdOf } from './profile-ids.ts'

/** Profiles read at once. */
const FAILURES_AT_ONCE = 2_000

/** Of a profile in the order in which they are read: by the run that made it due, those without one first. */
export interface FailurePlace {
  readonly kind: ProfileKind
  readonly run: number | null
  readonly id: number
  /** Runs that begin meanwhile are later: who is told of again by one of them, and rejected again, comes no second time. */
  readonly lastRun: number
}

export interface FailurePage {
  readonly failures: Failure[]
  /** Null where there are no more. */
  readonly last: FailurePlace | null
}

/** The profiles of one open database whose newest state Braze rejected. */
export function createFailures(database: BetterSqlite3.Database) {
  const statements = {
    contact: prepare(database, 'contacts', CONTACT),
    customer: prepare(database, 'customers', CUSTOMER),
  }

  const newestRun = database.prepare<[], number>('SELECT coalesce(max(id), 0) FROM runs').pluck()
  const first = (): FailurePlace => ({ kind: 'contact', run: null, id: 0, lastRun: newestRun.get() ?? 0 })

  function nextOf({ kind, run, lastRun }: FailurePlace): FailurePlace | null {
    const next = statements[kind].nextRun.get({ run: run ?? -1, lastRun })
    if (typeof next === 'number') return { kind, run: next, id: 0, lastRun }
    return kind === 'contact' ? { kind: 'customer', run: null, id: 0, lastRun } : null
  }

  return {
    /** Some of them, after the one at `after`; null: from the first on. */
    failurePage(_now: number, channels: readonly string[] | null, after: FailurePlace | null): FailurePage {
      const names = channels && JSON.stringify(channels)
      for (let place: FailurePlace | null = after ?? first(); place; place = nextOf(place)) {
        const { kind, run, id } = place
        const rows = statements[kind].page.all({ channels: names, run, id, limit: FAILURES_AT_ONCE })
        const last = rows.at(-1)
        if (last) return { failures: rows.map(asFailure(kind)), last: { ...place, id: last.id } }
      }
      return { failures: [], last: null }
    },
  }
}

interface FailureRow {
  readonly id: number
  readonly channel: string
  readonly name: string
  readonly userId: string | null
  readonly failure: string
}

const asFailure =
  (kind: ProfileKind) =>
  ({ id, name, ...row }: FailureRow): Failure => ({
    id: profileIdOf(kind, id),
    address: kind === 'contact' ? { userId: name } : { externalId: name },
    ...row,
  })

const CONTACT = 'user_id AS name, user_id AS userId'
const CUSTOMER =
  'external_id AS name, (SELECT user_id FROM contacts WHERE contacts.id = customers.contact) AS userId'

/** `failure IS NOT NULL` is the condition of a partial index, word for word, whose rows of one run are in the order of ids. */
const prepare = (database: BetterSqlite3.Database, table: string, columns: string) => ({
  page: database.prepare<[object], FailureRow>(`
    SELECT id, channel, ${columns}, failure FROM ${table}
    WHERE failure IS NOT NULL AND run IS @run AND id > @id
      AND (@channels IS NULL OR +channel IN (SELECT value FROM json_each(@channels)))
    ORDER BY id LIMIT @limit`),
  nextRun: database
    .prepare<[object], number | null>(
      `SELECT min(run) FROM ${table} WHERE failure IS NOT NULL AND run > @run AND run <= @lastRun`,
    )
    .pluck(),
})
