import type { CustomerCheck, Ledger, ProfileId, UncheckedCustomer } from '../ledger.ts'
import { countedCustomer, isReachable } from './counting.ts'
import type { Database, Sql } from './database.ts'
import { finish, LOCK_CONTACTS, lockCustomers, type PlaceTransaction, placing } from './places.ts'
import { keyOf, profileIdOf } from './profile-ids.ts'

/** Which customers Braze knows. */
export function createCustomerStore(database: Database) {
  /** With the locks of the customers and of all contacts that are linked to them. */
  async function change(
    channel: string,
    externalIds: readonly string[],
    work: (transaction: PlaceTransaction) => Promise<unknown>,
  ) {
    await placing(database, channel, async (transaction) => {
      const linked = await transaction.query<{ userId: string }>(LINKED, { channel, externalIds })
      const users = linked.map(({ userId }) => userId)
      await transaction.query(LOCK_CONTACTS, { channel, users })
      await lockCustomers(transaction, channel, users, externalIds)
      await work(transaction)
      await finish(transaction, channel, users)
    })
  }

  return {
    async toCheck(limit) {
      const rows = await database.query<Omit<UncheckedCustomer, 'id'>>(DUE, { limit })
      return rows.map((row) => ({ id: profileIdOf('customer', row.channel, row.externalId), ...row }))
    },
    nextCheckMs: () => nextMs(database, NEXT),
    async keepChecks(checks: readonly CustomerCheck[]) {
      for (const [channel, some] of byChannel(checks)) {
        const known = some.filter(({ againMs }) => againMs === null).map(nameOf)
        const unknown = some.filter(({ againMs }) => againMs !== null)
        await change(channel, some.map(nameOf), async (transaction) => {
          const { tally } = transaction
          await tally.change(transaction, KNOW, { channel, externalIds: known })
          await tally.change(transaction, AGAIN, {
            channel,
            externalIds: unknown.map(nameOf),
            waits: unknown.map(({ againMs }) => againMs),
          })
        })
      }
    },
    async recheck(ids: readonly ProfileId[]) {
      const customers = ids.filter((id) => keyOf(id).kind === 'customer').map((id) => ({ id }))
      for (const [channel, some] of byChannel(customers)) {
        const externalIds = some.map(nameOf)
        await change(channel, externalIds, (sql) => sql.query(DOUBT, { channel, externalIds }))
      }
    },
  } satisfies Partial<Ledger>
}

const nameOf = ({ id }: { readonly id: ProfileId }) => keyOf(id).name

/** In the order in which channels are locked. */
export function byChannel<I extends { readonly id: ProfileId }>(items: readonly I[]): [string, I[]][] {
  const sorted = new Map<string, I[]>()
  for (const item of items) {
    const { channel } = keyOf(item.id)
    const some = sorted.get(channel)
    if (some) some.push(item)
    else sorted.set(channel, [item])
  }
  return [...sorted].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** How long until the moment `next` that a statement brings; null where it brings none. */
export async function nextMs(sql: Sql, text: string, values = {}): Promise<number | null> {
  const [row] = await sql.query<{ ms: number | null }>(text, values)
  return row?.ms ?? null
}

const duePage = (isUrgent: boolean) => `(
  SELECT channel, external_id, tries, is_urgent, check_at FROM customers
  WHERE check_at IS NOT NULL AND is_urgent = ${isUrgent} AND check_at <= @now ORDER BY check_at LIMIT @limit)`
const DUE = `
  SELECT channel, external_id AS "externalId", tries FROM (${duePage(true)} UNION ALL ${duePage(false)}) AS due
  ORDER BY is_urgent DESC, check_at LIMIT @limit`

const next = (isUrgent: boolean) => `(
  SELECT check_at FROM customers WHERE check_at IS NOT NULL AND is_urgent = ${isUrgent} ORDER BY check_at LIMIT 1)`
const NEXT = `SELECT min(check_at) - @now AS ms FROM (${next(true)} UNION ALL ${next(false)}) AS next`

const LINKED = `
  SELECT user_id AS "userId" FROM contacts WHERE channel = @channel AND external_id = ANY(@externalIds::text[])`

const CHANGED = `RETURNING c.channel, c.was AS before, ${countedCustomer('c')} AS after`

const KNOW = `
  UPDATE customers AS c SET is_known = true, check_at = NULL, is_urgent = false, tries = 0, was = ${countedCustomer('c')}
  WHERE channel = @channel AND external_id = ANY(@externalIds::text[]) AND NOT is_known ${CHANGED}`

/** Nobody waits for a customer to whom nobody reachable is linked any more. */
const AGAIN = `
  UPDATE customers AS c SET tries = c.tries + 1, was = ${countedCustomer('c')}, check_at = CASE WHEN EXISTS (
    SELECT 1 FROM contacts AS l WHERE l.channel = c.channel AND l.external_id = c.external_id AND ${isReachable('l')}
  ) THEN ceil(@now + t.wait)::bigint END
  FROM unnest(@externalIds::text[], @waits::float8[]) AS t (external_id, wait)
  WHERE c.channel = @channel AND c.external_id = t.external_id AND NOT c.is_known ${CHANGED}`

const DOUBT = `
  UPDATE customers SET is_known = false WHERE channel = @channel AND external_id = ANY(@externalIds::text[])`
