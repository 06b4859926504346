import { createTally, type Tally } from './counting.ts'
import type { Database, Transaction } from './database.ts'
import { place } from './placement.ts'

/** What a transaction that works out places has locked of a contact. */
export interface LockedContact {
  readonly userId: string
  readonly externalId: string | null
  readonly linkedAt: number
}

/** A transaction that changes where user ids of one channel belong. */
export interface PlaceTransaction extends Transaction {
  readonly tally: Tally
}

/**
 * The order in which every transaction of this ledger locks rows, so that no two wait for each other in a circle: the lease,
 * the channel's placements (which only one at a time has), a run; then contacts, in one go and in the order of their keys;
 * then customers, likewise; then counts. Who locks contacts or customers otherwise locks only rows of these in the same
 * order.
 */
export async function lockChannel(transaction: Transaction, channel: string) {
  await transaction.query(
    `INSERT INTO placements (channel) VALUES (@channel)
    ON CONFLICT (channel) DO UPDATE SET channel = excluded.channel`,
    { channel },
  )
}

/** Customers that contacts belong to, or are to belong to, and those named. */
export async function lockCustomers(
  transaction: Transaction,
  channel: string,
  users: readonly string[],
  externalIds: readonly string[] = [],
) {
  await transaction.query(LOCK_CUSTOMERS, { channel, users, externalIds })
}

/** Puts the contacts in their places as they are now, and counts. */
export async function finish(
  { tally, ...transaction }: PlaceTransaction,
  channel: string,
  users: readonly string[],
  told: readonly string[] = users,
) {
  await place(transaction, { channel, users, told }, tally)
  await tally.write(transaction)
}

export const placing = <T>(database: Database, channel: string, work: (t: PlaceTransaction) => Promise<T>) =>
  database.transaction(async (transaction) => {
    await lockChannel(transaction, channel)
    return work({ ...transaction, tally: createTally() })
  })

/** Contacts whose places are worked out in one transaction: others wait for as long. */
const TOUCHED_AT_ONCE = 5_000

/** Works off what was touched in a channel, by this process or one that has ended. */
export async function placeTouched(database: Database, channel: string) {
  while ((await placeSome(database, channel)) === TOUCHED_AT_ONCE);
}

/** Returns how many contacts they were. */
const placeSome = (database: Database, channel: string): Promise<number> =>
  placing(database, channel, async (transaction) => {
    const rows = await transaction.query<{ userId: string; isTold: boolean }>(TAKE_TOUCHED, { channel })
    if (rows.length === 0) return 0
    const users = [...new Set(rows.map(({ userId }) => userId))]
    const told = [...new Set(rows.filter(({ isTold }) => isTold).map(({ userId }) => userId))]
    await transaction.query(LOCK_CONTACTS, { channel, users })
    await lockCustomers(transaction, channel, users)
    await finish(transaction, channel, users, told)
    return users.length
  })

/** All of what is said of a contact, together. */
const TAKE_TOUCHED = `
  DELETE FROM touched WHERE channel = @channel
    AND user_id IN (SELECT DISTINCT user_id FROM touched WHERE channel = @channel LIMIT ${TOUCHED_AT_ONCE})
  RETURNING user_id AS "userId", is_told AS "isTold"`

export const LOCK_CONTACTS = `
  SELECT user_id AS "userId", external_id AS "externalId", linked_at AS "linkedAt" FROM contacts
  WHERE channel = @channel AND user_id = ANY(@users::text[]) ORDER BY user_id FOR UPDATE`

const LOCK_CUSTOMERS = `
  SELECT 1 FROM customers WHERE channel = @channel AND external_id IN (
    SELECT unnest(ARRAY[external_id, customer, target]) FROM contacts
    WHERE channel = @channel AND user_id = ANY(@users::text[])
    UNION ALL SELECT unnest(@externalIds::text[])
  ) ORDER BY external_id FOR UPDATE`
