import type BetterSqlite3 from 'better-sqlite3'
import type { ProfileId, UncheckedCustomer } from '../ledger.ts'
import type { createPlacement } from './placement.ts'
import { sortIds } from './profile-ids.ts'
import type { Stored, transactions } from './stored.ts'

/** Which customers Braze knows, on one open database. */
export function createCustomerStore(
  database: BetterSqlite3.Database,
  atomic: ReturnType<typeof transactions>,
  place: ReturnType<typeof createPlacement>,
) {
  const statements = prepare(database)
  return {
    toCheck(now, limit) {
      const urgent = statements.due.all({ isUrgent: 1, now, limit })
      const rest = limit - urgent.length
      const all = rest > 0 ? urgent.concat(statements.due.all({ isUrgent: 0, now, limit: rest })) : urgent
      return all.map((customer) => ({ id: idOf(customer), ...customer }))
    },
    nextCheckMs(now) {
      const next = [0, 1].flatMap((isUrgent) => statements.next.all({ isUrgent }))
      return next.length > 0 ? Math.min(...next) - now : null
    },
    keepChecks: atomic((now, checks) => {
      for (const { id, againMs } of checks) {
        const key = keyOf(id)
        if (againMs !== null) statements.again.run({ ...key, checkAt: Math.ceil(now + againMs) })
        else statements.know.run(key)
        statements.touch.run(key)
      }
      place(now)
    }),
    recheck: atomic((now, ids) => {
      const { customer } = sortIds(ids)
      statements.touchMany.run({ ids: customer })
      statements.doubt.run({ ids: customer })
      place(now)
    }),
  } satisfies Partial<Stored>
}

/**
 * Braze is asked for a customer by name, and what it says is said of that name: the customer may be erased meanwhile, and
 * somebody else have the number. Neither channels nor external ids have line breaks.
 */
const idOf = ({ channel, externalId }: Omit<UncheckedCustomer, 'id'>) => `${channel}\n${externalId}`
function keyOf(id: ProfileId) {
  const [channel = '', externalId = ''] = String(id).split('\n')
  return { channel, externalId }
}
const IS_NAMED = 'customers.channel = @channel AND customers.external_id = @externalId'

/** `check_at IS NOT NULL` is the condition of a partial index, word for word: SQLite uses it for nothing else. */
const prepare = (database: BetterSqlite3.Database) => ({
  due: database.prepare<[object], Omit<UncheckedCustomer, 'id'>>(`
    SELECT channel, external_id AS externalId, tries FROM customers
    WHERE check_at IS NOT NULL AND is_urgent = @isUrgent AND check_at <= @now ORDER BY check_at LIMIT @limit`),
  next: database
    .prepare<[object], number>(`
      SELECT check_at FROM customers WHERE check_at IS NOT NULL AND is_urgent = @isUrgent
      ORDER BY check_at LIMIT 1`)
    .pluck(),
  know: database.prepare(`
    UPDATE customers SET is_known = 1, check_at = NULL, is_urgent = 0, tries = 0
    WHERE ${IS_NAMED} AND NOT is_known`),
  /** Nobody waits for a customer to whom nobody reachable is linked any more. */
  again: database.prepare(`
    UPDATE customers SET tries = tries + 1, check_at = iif(EXISTS (
      SELECT 1 FROM contacts WHERE contacts.channel = customers.channel
        AND contacts.external_id = customers.external_id AND status <> 'gone'
    ), @checkAt, NULL)
    WHERE ${IS_NAMED} AND NOT is_known`),
  doubt: database.prepare(
    'UPDATE customers SET is_known = 0 WHERE id IN (SELECT value FROM json_each(@ids))',
  ),
  touchMany: database.prepare(`
    INSERT OR IGNORE INTO touched SELECT contacts.id FROM customers JOIN contacts
      ON contacts.channel = customers.channel AND contacts.external_id = customers.external_id
    WHERE customers.id IN (SELECT value FROM json_each(@ids))`),
  touch: database.prepare(`
    INSERT OR IGNORE INTO touched SELECT contacts.id FROM customers JOIN contacts
      ON contacts.channel = customers.channel AND contacts.external_id = customers.external_id
    WHERE ${IS_NAMED}`),
})
