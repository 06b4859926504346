import type BetterSqlite3 from 'better-sqlite3'
import { DELIVERY_LEASE, LONGEST_WAIT_MS } from '../ledger.ts'
import type { Stored, transactions } from './stored.ts'

/**
 * A due profile on its way out of the thread. The alias profile of a contact has an id above 0, its user id as its name,
 * and says whether it should hold that: 1, or 0. A customer's has an id below 0, the external id as its name, and the user
 * id that it should hold, or 0. 2 in the place of 0: there may be nothing to clear.
 */
export type DueRow = [
  id: number,
  channel: string,
  name: string,
  revision: number,
  value: string | 0 | 1 | 2,
  changedAt: number,
]

interface NextRow {
  readonly dueAt: number
  readonly changedAt: number
}

/** What Braze is to be told of, on one open database. */
export function createDueProfiles(database: BetterSqlite3.Database, atomic: ReturnType<typeof transactions>) {
  const contacts = prepare(database, CONTACT, 'contacts', WAITS_FOR_MORE)
  const customers = prepare(database, CUSTOMER, 'customers')
  const both = [contacts, customers]
  const waits = WAITS.map((clamp) => database.prepare(clamp))

  function due(bulk: 0 | 1, now: number, limit: number, channels: string | null): DueRow[] {
    const asked = { bulk, now, limit, ...LEASE, ...(channels !== null && { channels }) }
    const way = channels === null ? 'due' : 'dueOf'
    const [rows, others] = [contacts[way].all(asked), customers[way].all(asked)]
    if (others.length === 0) return rows
    // Rows without it are cheaper to hand over, and mostly all are contacts'.
    const moments = [...contacts.moments[way].all(asked), ...customers.moments[way].all(asked)]
    return [...rows, ...others]
      .map((row, place) => ({ row, dueAt: moments[place] ?? now }))
      .sort((a, b) => a.dueAt - b.dueAt)
      .slice(0, limit)
      .map(({ row }) => row)
  }

  /** The one that is due first. */
  const nextDue = () =>
    both
      .flatMap(({ next }) => [0, 1].flatMap((bulk) => next.all({ bulk })))
      .sort((a, b) => a.dueAt - b.dueAt)[0]

  const stored = {
    nextDueMs(now) {
      const next = nextDue()
      return next ? next.dueAt - now : null
    },
    clampDue: atomic((now, ms) => {
      for (const { clamp } of both) clamp.run({ latest: Math.ceil(now + ms), longest: now + LONGEST_WAIT_MS })
      for (const clamp of waits) clamp.run({ latest: now + LONGEST_WAIT_MS })
    }),
    oldestPendingMs(now) {
      const next = nextDue()
      return next ? Math.max(0, now - next.changedAt) : null
    },
  } satisfies Partial<Stored>

  return {
    ...stored,
    /** As JSON `[DueRow, …]`: objects cost far more to hand over. */
    due(now: number, limit: number, channels?: readonly string[]): string {
      const names = channels ? JSON.stringify(channels) : null
      const news = due(0, now, limit, names)
      const rest = limit - news.length
      return JSON.stringify(rest > 0 ? news.concat(due(1, now, rest, names)) : news)
    },
  }
}

const LEASE = { lease: DELIVERY_LEASE }

/** What somebody who delivered before may have sent and not told is at least of these. */
const before = (ids: string) => `coalesce((SELECT ${ids} FROM leases WHERE name = @lease), 0)`

/** What is due because the contact was linked, and not because it can't be reached, has something to clear only if it was told. */
const CONTACT = `
  id, channel, user_id, revision,
  iif(holds, 1, iif(accepted > 0 OR target IS NULL OR id <= ${before('contacts_before')}, 0, 2)),
  changed_at`
const CUSTOMER = `
  -id, channel, external_id, revision,
  coalesce(
    (SELECT user_id FROM contacts WHERE contacts.id = customers.contact),
    iif(accepted > 0 OR id <= ${before('customers_before')}, 0, 2)
  ),
  changed_at`

/** What is looked up, and what is handed over, is clamped by the indexes of both. */
const WAITS = [
  `UPDATE customers SET check_at = @latest
  WHERE check_at IS NOT NULL AND is_urgent IN (0, 1) AND check_at > @latest`,
  `UPDATE merges SET due_at = @latest
  WHERE action IS NOT NULL AND action IN ('identify', 'look', 'rename') AND due_at > @latest`,
]

/** For a look-up, or for Braze to have deleted the profile: longer than for a settle pause. */
const WAITS_FOR_MORE = 'coalesce(due_at <= check_until, false)'

/** `pending` is the condition of a partial index, word for word: SQLite uses the index for nothing else. */
const prepare = (database: BetterSqlite3.Database, columns: string, table: string, waits = 'false') => ({
  due: prepareDue<DueRow>(database, columns, table).raw(),
  dueOf: prepareDue<DueRow>(database, columns, table, OF_CHANNELS).raw(),
  moments: {
    due: prepareDue<number>(database, 'due_at', table).pluck(),
    dueOf: prepareDue<number>(database, 'due_at', table, OF_CHANNELS).pluck(),
  },
  next: database.prepare<[object], NextRow>(`
    SELECT due_at AS dueAt, changed_at AS changedAt FROM ${table}
    WHERE pending AND bulk = @bulk ORDER BY due_at LIMIT 1`),
  clamp: database.prepare(`
    UPDATE ${table} SET due_at = @latest
    WHERE pending AND bulk IN (0, 1) AND due_at > @latest AND (due_at > @longest OR NOT ${waits})`),
})

const prepareDue = <Row>(database: BetterSqlite3.Database, columns: string, table: string, more = '') =>
  database.prepare<[object], Row>(`
    SELECT ${columns} FROM ${table}
    WHERE pending AND bulk = @bulk AND due_at <= @now ${more} ORDER BY due_at LIMIT @limit`)

/** The plus keeps SQLite from another index: the rows are wanted in the order in which they are due. */
const OF_CHANNELS = 'AND +channel IN (SELECT value FROM json_each(@channels))'
