import type BetterSqlite3 from 'better-sqlite3'
import type { KnownProfile, ProfileId } from '../ledger.ts'
import { type ProfileKind, profileIdOf, sortIds } from './profile-ids.ts'
import type { Slice } from './run-contacts.ts'
import type { Stored, transactions } from './stored.ts'

/** Profiles read at once. */
const PROFILES_AT_ONCE = 2_000

/** All profiles of one open database, to be told of again, or to be compared. */
export function createKnownProfiles(
  database: BetterSqlite3.Database,
  atomic: ReturnType<typeof transactions>,
) {
  const contacts = prepareContacts(database)
  const customers = prepareCustomers(database)
  const statements = prepare(database)

  const stored = {
    lookUp(now, ids) {
      const { contact, customer } = sortIds(ids)
      return [
        ...contacts.lookUp.all({ ids: contact, now }).map(asKnown('contact')),
        ...customers.lookUp.all({ ids: customer, now }).map(asKnown('customer')),
      ]
    },
    resend: atomic((now, run, ids: readonly ProfileId[]) => {
      const { contact, customer } = sortIds(ids)
      return (
        contacts.resend.run({ run, ids: contact, now }).changes +
        customers.resend.run({ run, ids: customer, now }).changes
      )
    }),
    outstanding(_now, run) {
      const { all = 0, mine = 0 } = statements.bulkPending.get({ run }) ?? {}
      const { failed = 0 } = statements.failed.get({ run }) ?? {}
      return { pending: mine, failed, earlier: all - mine }
    },
  } satisfies Partial<Stored>

  return {
    ...stored,
    /** Some of them, after the one whose id is `after`; 0: from the first on. Those of customers have ids below 0. */
    profiles(now: number, channel: string, after: number): Slice<KnownProfile[]> {
      const page = (kind: ProfileKind) => {
        const [{ page }, last] = kind === 'contact' ? [contacts, after] : [customers, Math.max(0, -after)]
        return page.all({ channel, after: last, limit: PROFILES_AT_ONCE, now }).map(asKnown(kind))
      }
      const known = after >= 0 ? page('contact') : []
      const value = known.length > 0 ? known : page('customer')
      return { value, after: (value.at(-1)?.id as number | undefined) ?? null }
    },
  }
}

interface KnownRow extends Readonly<Record<'failed' | 'settled', 0 | 1>> {
  readonly id: number
  readonly name: string
  readonly value: string | null
  readonly linkedTo: string | null
}

const asKnown =
  (kind: ProfileKind) =>
  ({ id, name, value, linkedTo, failed, settled }: KnownRow): KnownProfile => ({
    id: profileIdOf(kind, id),
    address: kind === 'contact' ? { userId: name } : { externalId: name },
    value,
    linkedTo,
    failed: failed === 1,
    settled: settled === 1,
  })

const NAMED = 'id IN (SELECT value FROM json_each(@ids))'
/** The plus keeps SQLite from an index by channel: the rows are wanted in the order of their ids. */
const OF_CHANNEL = '+channel = @channel'
/** An alias that is, or may be, the customer's is no profile of its own, and to clear it would clear the customer's. */
const IS_OWN = `(customer IS NULL OR NOT EXISTS (
  SELECT 1 FROM merges WHERE merges.contact = contacts.id AND is_asked AND outcome IS NOT 'left'))`
/**
 * What an earlier run made due is due already, and is only taken over. Of a profile that Braze was never told of it is told
 * as of one that it was: somebody has seen what is there.
 */
const RESEND = `
  revision = iif(pending, revision, max(revision, 1) + 1),
  accepted = iif(pending, accepted, max(accepted, 1)),
  changed_at = iif(pending, changed_at, @now),
  due_at = max(due_at, @now),
  failure = NULL,
  run = @run
  WHERE ${NAMED} AND (NOT pending OR bulk)`
const STATE = 'failure IS NOT NULL AS failed, NOT pending AND due_at <= @now AS settled'

function prepareContacts(database: BetterSqlite3.Database) {
  const known = `
    SELECT id, user_id AS name, iif(holds, user_id, NULL) AS value, (
      SELECT external_id FROM customers WHERE customers.id = coalesce(contacts.customer, contacts.target)
    ) AS linkedTo, ${STATE} FROM contacts`
  return {
    page: database.prepare<[object], KnownRow>(
      `${known} WHERE id > @after AND ${OF_CHANNEL} AND ${IS_OWN} ORDER BY id LIMIT @limit`,
    ),
    lookUp: database.prepare<[object], KnownRow>(`${known} WHERE ${NAMED} AND ${IS_OWN} ORDER BY id`),
    resend: database.prepare(`UPDATE contacts SET ${RESEND} AND ${IS_OWN}`),
  }
}

function prepareCustomers(database: BetterSqlite3.Database) {
  const known = `
    SELECT id, external_id AS name, (
      SELECT user_id FROM contacts WHERE contacts.id = customers.contact
    ) AS value, NULL AS linkedTo, ${STATE} FROM customers`
  return {
    page: database.prepare<[object], KnownRow>(
      `${known} WHERE id > @after AND ${OF_CHANNEL} AND revision > 0 ORDER BY id LIMIT @limit`,
    ),
    lookUp: database.prepare<[object], KnownRow>(`${known} WHERE ${NAMED} ORDER BY id`),
    resend: database.prepare(`UPDATE customers SET ${RESEND}`),
  }
}

/**
 * `pending AND bulk = 1` and `failure IS NOT NULL` are the conditions of partial indexes, word for word: SQLite uses them
 * for nothing else.
 */
const prepare = (database: BetterSqlite3.Database) => ({
  bulkPending: database.prepare<[object], { all: number; mine: number }>(`
    SELECT sum("all") AS "all", sum(mine) AS mine FROM (
      SELECT count(*) AS "all", count(*) FILTER (WHERE run = @run) AS mine
      FROM contacts WHERE pending AND bulk = 1
      UNION ALL
      SELECT count(*), count(*) FILTER (WHERE run = @run) FROM customers WHERE pending AND bulk = 1)`),
  failed: database.prepare<[object], { failed: number }>(`
    SELECT sum(failed) AS failed FROM (
      SELECT count(*) AS failed FROM contacts WHERE failure IS NOT NULL AND run = @run
      UNION ALL
      SELECT count(*) FROM customers WHERE failure IS NOT NULL AND run = @run)`),
})
