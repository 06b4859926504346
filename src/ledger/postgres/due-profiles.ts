import { type DueProfile, type Ledger, LONGEST_WAIT_MS } from '../ledger.ts'
import { isReachable } from './counting.ts'
import { nextMs } from './customers.ts'
import type { Database } from './database.ts'
import { TERM } from './learning.ts'
import { type ProfileKind, profileIdOf } from './profile-ids.ts'

interface DueRow {
  readonly kind: ProfileKind
  readonly channel: string
  readonly name: string
  readonly revision: number
  readonly value: string | null
  readonly mayHold: boolean
  readonly pendingMs: number
}

/** What Braze is to be told of. */
export function createDueProfiles(database: Database) {
  async function clampSome(text: string, ms: number): Promise<number> {
    const [changed] = await database.query<{ rows: number }>(text, { ms })
    return changed?.rows ?? 0
  }

  return {
    async due(limit, channels) {
      const rows = await database.query<DueRow>(DUE, { limit, channels: channels ?? null })
      return rows.map(dueProfile)
    },
    nextDueMs: () => nextMs(database, NEXT_DUE),
    oldestPendingMs: () => nextMs(database, OLDEST),
    async clampDue(ms) {
      for (const text of CLAMP) while ((await clampSome(text, ms)) === CLAMP_AT_ONCE);
    },
  } satisfies Partial<Ledger>
}

const dueProfile = ({ kind, channel, name, ...row }: DueRow): DueProfile => ({
  id: profileIdOf(kind, channel, name),
  channel,
  address: kind === 'contact' ? { userId: name } : { externalId: name },
  ...row,
})

/** The conditions of the partial indexes. */
const PENDING = 'revision <> accepted AND failure IS NULL'
const NEWS = `${PENDING} AND run IS NULL`
const BULK = `${PENDING} AND run IS NOT NULL`

const HOLDS = `(${isReachable('contacts')} AND customer IS NULL AND target IS NULL)`
/** What somebody who delivered in an earlier term may have sent and not told. */
const MAY_HAVE_BEEN_SENT = `(accepted > 0 OR term < ${TERM})`

/** What is due because the contact was linked, and not because it can't be reached, has something to clear only if it was told. */
const COLUMNS = {
  contacts: `'contact' AS kind, channel, user_id AS name, CASE WHEN ${HOLDS} THEN user_id END AS value,
    ${HOLDS} OR target IS NULL OR ${MAY_HAVE_BEEN_SENT} AS may_hold`,
  customers: `'customer' AS kind, channel, external_id AS name, holder AS value,
    holder IS NOT NULL OR ${MAY_HAVE_BEEN_SENT} AS may_hold`,
}
const TABLES = ['contacts', 'customers'] as const

const duePage = (table: (typeof TABLES)[number], isBulk: boolean) => `(
  SELECT ${isBulk} AS is_bulk, ${COLUMNS[table]}, revision, changed_at, due_at FROM ${table}
  WHERE ${isBulk ? BULK : NEWS} AND due_at <= @now AND (@channels::text[] IS NULL OR channel = ANY(@channels::text[]))
  ORDER BY due_at LIMIT @limit)`

const each = <T>(of: (table: (typeof TABLES)[number], isBulk: boolean) => T) =>
  [false, true].flatMap((isBulk) => TABLES.map((table) => of(table, isBulk)))

const DUE = `
  SELECT kind, channel, name, revision, value, may_hold AS "mayHold", @now - changed_at AS "pendingMs"
  FROM (${each(duePage).join(' UNION ALL ')}) AS due ORDER BY is_bulk, due_at LIMIT @limit`

const next = each(
  (table, isBulk) => `(
    SELECT due_at, changed_at FROM ${table} WHERE ${isBulk ? BULK : NEWS} ORDER BY due_at LIMIT 1)`,
).join(' UNION ALL ')
const NEXT_DUE = `SELECT min(due_at) - @now AS ms FROM (${next}) AS next`
const OLDEST = `
  SELECT greatest(0, @now - changed_at) AS ms FROM (${next}) AS next ORDER BY due_at LIMIT 1`

/** Changed in one transaction: others wait for as long. */
const CLAMP_AT_ONCE = 1_000

const KEYS = { contacts: 'channel, user_id', customers: 'channel, external_id', merges: 'channel, user_id' }
/** Changes some of the rows `which`, locked in the order of their keys, and counts them. */
const clamping = (table: keyof typeof KEYS, which: string, column: string, latest: string) => `
  WITH late AS MATERIALIZED (SELECT ${KEYS[table]} FROM ${table} WHERE ${which} AND ${column} > ${latest} LIMIT ${CLAMP_AT_ONCE}),
  locked AS MATERIALIZED (
    SELECT ${KEYS[table]} FROM ${table} AS l JOIN late USING (${KEYS[table]}) ORDER BY ${KEYS[table]} FOR UPDATE OF l
  ),
  changed AS (
    UPDATE ${table} SET ${column} = least(${column}, ${latest})
    WHERE (${KEYS[table]}) IN (SELECT ${KEYS[table]} FROM locked) RETURNING 1
  )
  SELECT count(*) AS rows FROM changed`

const SETTLED = 'ceil(@now + @ms::float8)::bigint'
const LATEST = `@now + ${LONGEST_WAIT_MS}`
/** For a look-up, or for Braze to have deleted the profile, it is waited longer than for a settle pause. */
const WAITS_NO_LONGER = `AND (due_at > check_until OR check_until IS NULL OR due_at > ${LATEST})`
/** One for each index, by its first columns: this is asked with each renewal of the lease. */
const CLAMP = [
  ...each((table, isBulk) =>
    clamping(
      table,
      `${isBulk ? BULK : NEWS} ${table === 'contacts' ? WAITS_NO_LONGER : ''}`,
      'due_at',
      SETTLED,
    ),
  ),
  // What is looked up, and what is handed over.
  clamping('customers', 'check_at IS NOT NULL AND is_urgent IN (false, true)', 'check_at', LATEST),
  clamping('merges', "action IS NOT NULL AND action IN ('identify', 'look', 'rename')", 'due_at', LATEST),
]
