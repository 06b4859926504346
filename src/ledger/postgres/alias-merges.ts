import type { DueMerge, Ledger, MergeAction, MergeStep } from '../ledger.ts'
import { countedCustomer } from './counting.ts'
import { byChannel, nextMs } from './customers.ts'
import type { Database } from './database.ts'
import { finish, LOCK_CONTACTS, lockCustomers, type PlaceTransaction, placing } from './places.ts'
import { keyOf, profileIdOf } from './profile-ids.ts'

/** Alias profiles that are handed over to customers. */
export function createMergeStore(database: Database) {
  return {
    async toMerge(limit: number, actions: readonly MergeAction[]): Promise<DueMerge[]> {
      const rows = await database.query<Omit<DueMerge, 'id'>>(DUE, { limit, actions })
      return rows.map((row) => ({ id: profileIdOf('contact', row.channel, row.userId), ...row }))
    },
    nextMergeMs: (actions) => nextMs(database, NEXT, { actions }),
    async keepMerges(steps) {
      for (const [channel, some] of byChannel(steps)) {
        const users = [...new Set(some.map(({ id }) => keyOf(id).name))]
        await placing(database, channel, async (transaction) => {
          await transaction.query(LOCK_CONTACTS, { channel, users })
          await lockCustomers(transaction, channel, users)
          const touched = new Set<string>()
          for (const step of some)
            if (await keep(transaction, channel, step)) touched.add(keyOf(step.id).name)
          await finish(transaction, channel, [...touched])
        })
      }
    },
  } satisfies Partial<Ledger>
}

/** Nothing is kept where something else is to be done by now. Returns whether places have to be worked out. */
async function keep(transaction: PlaceTransaction, channel: string, step: MergeStep): Promise<boolean> {
  const { id, action, outcome, restMs } = step
  const values = { channel, userId: keyOf(id).name, action, outcome, restMs }
  if (outcome === 'again') await transaction.query(AGAIN, values)
  else if (outcome === 'asked') await transaction.query(ASKED, values)
  else if (outcome === 'renamed') {
    const forgotten = await transaction.query(FORGET, values)
    if (forgotten.length > 0) await transaction.query(REST, values)
    return forgotten.length > 0
  } else {
    const ended = await transaction.query(ENDED, values)
    if (ended.length > 0) await transaction.tally.change(transaction, ASSERT_AGAIN, values)
    return ended.length > 0
  }
  return false
}

const DUE = `
  SELECT channel, user_id AS "userId", external_id AS "externalId", action, tries
  FROM unnest(@actions::text[]) WITH ORDINALITY AS wanted (name, place)
  CROSS JOIN LATERAL (
    SELECT * FROM merges WHERE action IS NOT NULL AND action = wanted.name AND due_at <= @now
    ORDER BY due_at LIMIT @limit
  ) AS due
  ORDER BY place, due_at LIMIT @limit`

const NEXT = `
  SELECT min(due_at) - @now AS ms FROM unnest(@actions::text[]) AS wanted (name)
  CROSS JOIN LATERAL (
    SELECT due_at FROM merges WHERE action IS NOT NULL AND action = wanted.name ORDER BY due_at LIMIT 1
  ) AS next`

const IS_AS_BEFORE = 'channel = @channel AND user_id = @userId AND action = @action'
const AT = 'ceil(@now + @restMs::float8)::bigint'

const AGAIN = `
  UPDATE merges SET tries = tries + 1, due_at = ${AT},
    action = CASE WHEN action = 'look' THEN 'identify' ELSE action END
  WHERE ${IS_AS_BEFORE}`
const ASKED = `UPDATE merges SET is_asked = true, action = 'look', due_at = ${AT} WHERE ${IS_AS_BEFORE}`
const ENDED = `
  UPDATE merges SET outcome = @outcome, action = NULL WHERE ${IS_AS_BEFORE} RETURNING 1`
const FORGET = `DELETE FROM merges WHERE ${IS_AS_BEFORE} RETURNING 1`
const REST = `
  UPDATE contacts SET due_at = greatest(due_at, ${AT}) WHERE channel = @channel AND user_id = @userId`
/** Whatever a merge has made of it. What the first look has left alone was never handed over. */
const ASSERT_AGAIN = `
  UPDATE customers AS c SET
    revision = c.revision + 1,
    changed_at = CASE WHEN c.revision <> c.accepted AND c.failure IS NULL THEN c.changed_at ELSE @now END,
    due_at = greatest(c.due_at, @now),
    failure = NULL,
    was = ${countedCustomer('c')}
  WHERE c.channel = @channel AND c.revision > 0 AND c.external_id = (
    SELECT customer FROM contacts WHERE channel = @channel AND user_id = @userId
  ) AND EXISTS (
    SELECT 1 FROM merges WHERE channel = @channel AND user_id = @userId AND (outcome <> 'left' OR tries > 0)
  )
  RETURNING c.channel, c.was AS before, ${countedCustomer('c')} AS after`
