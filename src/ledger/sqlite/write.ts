import type BetterSqlite3 from 'better-sqlite3'
import { DELIVERY_LEASE } from '../ledger.ts'
import type { Ignoring } from './ignoring.ts'
import { IS_AT_ALIAS, learning } from './learning.ts'
import type { createPlacement } from './placement.ts'
import type { ProfileKind } from './profile-ids.ts'
import type { Stored, transactions } from './stored.ts'

/** Rows for each table, as JSON: one statement takes them all. Null where there are none. */
export type AnswerRows = Readonly<Record<ProfileKind, string | null>>

/** What goes into one transaction. */
export interface WriteRequest {
  /** As JSON `[[channel, userId, friendAt, messagedAt, goneAt], …]`, no contact twice. */
  readonly evidence: string | null
  /** What Braze accepted, and what there was no need to tell: `[[id, revision, settledAt], …]` */
  readonly told: AnswerRows
  readonly untold: AnswerRows
  /** Who says so: it counts only while that one has the lease. */
  readonly untoldBy: string | null
  /** What Braze rejected, which is rare: `[[id, revision, settledAt, failure], …]` */
  readonly rejected: AnswerRows
  readonly now: number
}

export interface WriteParts {
  readonly place: ReturnType<typeof createPlacement>
  readonly ignoring: Pick<Ignoring, 'evidence'>
  readonly messagerWindowMs: number
}

/** Contacts taken for unreachable in one transaction: others wait for as long. */
const LAPSE_AT_ONCE = 1_000

/** What comes from LINE and from Braze, on one open database. */
export function createWrite(
  database: BetterSqlite3.Database,
  atomic: ReturnType<typeof transactions>,
  { place, ignoring, messagerWindowMs }: WriteParts,
) {
  // Where nobody lapses it would cost each message a write. Once made it stays: another process may need it.
  if (messagerWindowMs > 0) database.exec(MESSAGERS)
  const { record, probe, holder, lapse, nextLapse } = prepare(database)
  const accept = prepareBoth(database, ACCEPT)
  const reject = prepareBoth(database, REJECT)
  const windowStart = (now: number) => (messagerWindowMs > 0 ? now - messagerWindowMs : 0)

  function answer(
    statements: ReturnType<typeof prepareBoth>,
    { contact, customer }: AnswerRows,
    now: number,
  ) {
    if (contact) statements.contact.run({ rows: contact, now })
    if (customer) statements.customer.run({ rows: customer, now })
  }

  const stored = {
    lapse: atomic((now) => {
      if (messagerWindowMs === 0) return null
      lapse.run({ now, start: windowStart(now), limit: LAPSE_AT_ONCE })
      place(now)
      const next = nextLapse.get()
      return next === undefined ? null : next + messagerWindowMs - now
    }),
  } satisfies Partial<Stored>

  return {
    ...stored,
    write: atomic(({ evidence, told, untold, untoldBy, rejected, now }: WriteRequest) => {
      if (evidence) record.run({ rows: ignoring.evidence(evidence, now), now, start: windowStart(now) })
      answer(accept, told, now)
      place(now)
      if (untoldBy !== null && untoldBy === holder.get(DELIVERY_LEASE)) {
        answer(accept, untold, now)
        place(now, false)
      }
      answer(reject, rejected, now)
      if (![evidence, told, untold, rejected].some(isSomething)) probe.run()
    }),
  }
}

/** Whose last message may be too old to write to them. */
const MESSAGERS = `
  CREATE INDEX IF NOT EXISTS contacts_messagers ON contacts (messaged_at) WHERE status = 'messager'`

const isSomething = (rows: string | AnswerRows | null) =>
  rows !== null && (typeof rows === 'string' || rows.contact !== null || rows.customer !== null)

const ACCEPT = `
  accepted = max(accepted, answer.value ->> 1),
  -- What changed while the request was under way has been pending since then.
  changed_at = iif(revision > answer.value ->> 1, max(changed_at, @now), changed_at)`
const REJECT = `
  failure = iif(revision = answer.value ->> 1, answer.value ->> 3, failure)`
/** The settle pause. Who waited for a look-up when this was sent waits for this now, and no look-up ends it. */
const SETTLE = {
  contacts: `
    due_at = max(iif(due_at = check_until, 0, due_at), answer.value ->> 2),
    check_until = iif(check_until > max(due_at, @now), check_until, NULL)`,
  customers: 'due_at = max(due_at, answer.value ->> 2)',
}

function prepareBoth(database: BetterSqlite3.Database, set: string) {
  const of = (table: keyof typeof SETTLE) =>
    database.prepare(`
      UPDATE ${table} SET ${set}, ${SETTLE[table]} FROM json_each(@rows) AS answer WHERE ${table}.id = answer.value ->> 0`)
  return { contact: of('contacts'), customer: of('customers') }
}

/** `status = 'messager'` is the condition of a partial index, word for word: SQLite uses the index for nothing else. */
const prepare = (database: BetterSqlite3.Database) => ({
  record: database.prepare(
    learning(
      // A message from before the window says nothing any more.
      'value ->> 0, value ->> 1, value ->> 2, iif(value ->> 3 > @start, value ->> 3, 0), value ->> 4, NULL',
      'json_each(@rows) WHERE true',
    ),
  ),
  holder: database.prepare<[string], string>('SELECT holder FROM leases WHERE name = ?').pluck(),
  probe: database.prepare('UPDATE probes SET probed = probed + 1'),
  lapse: database.prepare(`
    UPDATE contacts SET
      messaged_at = 0,
      revision = revision + ${IS_AT_ALIAS},
      changed_at = iif(${IS_AT_ALIAS} AND NOT pending, @now, changed_at),
      due_at = iif(${IS_AT_ALIAS} AND NOT pending, max(due_at, @now), due_at),
      failure = iif(${IS_AT_ALIAS}, NULL, failure),
      run = NULL
    WHERE id IN (
      SELECT id FROM contacts WHERE status = 'messager' AND messaged_at <= @start ORDER BY messaged_at LIMIT @limit
    )`),
  nextLapse: database
    .prepare<[], number>(`
      SELECT messaged_at FROM contacts WHERE status = 'messager' ORDER BY messaged_at LIMIT 1`)
    .pluck(),
})
