import type { ContactKey } from '../../contact/contact.ts'
import { type BeingForgotten, type DueForgetting, type Forgetting, newKey, newReceipt } from '../forgotten.ts'
import type { Ledger } from '../ledger.ts'
import { analyze } from './analyze.ts'
import { countedContact, countedCustomer, isPending, isReachable } from './counting.ts'
import type { Database, Sql } from './database.ts'
import { forgottenAmong } from './ignoring.ts'
import { IS_AT_ALIAS } from './learning.ts'
import { HAS_MERGED } from './placement.ts'
import { finish, LOCK_CONTACTS, lockCustomers, type PlaceTransaction, placing } from './places.ts'

/** How often, and how often at most, it is looked whether those who were writing have ended. */
const LOOK_MS = 50
const MOST_LOOKS = 20

/**
 * Who asked to be forgotten.
 *
 * @param wait for so many milliseconds
 */
export function createForgettingStore(database: Database, wait: (ms: number) => Promise<unknown>) {
  return {
    async forget(key, how) {
      const begun = await placing(database, key.channel, async (transaction) => {
        await transaction.query(END)
        const before = await findRow(transaction, key)
        const values = { ...key, ...how }
        const isKnown = (await transaction.query(IS_KNOWN, values)).length > 0
        if (!isKnown && !before) return null
        const isDone = before?.state === 'done'
        // Somebody who was stored although they are forgotten is forgotten once more.
        if (isKnown && isDone) await transaction.query(REMOVE, { id: before.receipt })
        if (isKnown && (!before || isDone))
          await transaction.query(ADD, { ...values, id: newReceipt(), key: newKey() })
        else await transaction.query(isDone ? PROLONG : CHANGE, { ...values, id: before?.receipt })
        const row = (await findRow(transaction, key)) as Row
        if (isKnown) await clear(transaction, key, row.forgottenAt)
        return answerOf((await findRow(transaction, key)) as Row)
      })
      // Else each statement is planned anew for whoever might be in there.
      await analyze(database, ['forgotten'])
      return begun
    },

    async forgettings(channel, address) {
      if ('userId' in address) {
        const row = await findRow(database, { channel, ...address })
        return row ? [answerOf(row)] : []
      }
      const rows = await database.query<Row>(FIND_OF_CUSTOMER, { channel, ...address })
      return rows.map(answerOf)
    },

    toForget: (limit) => database.query<DueForgetting>(DUE, { limit }) as never,

    keepForgetting: ({ receipt, state, restMs, problem }) =>
      database.transaction(async (transaction) => {
        const values = { id: receipt, state, restMs, problem }
        const isKept = (await transaction.query(STEP, values)).length > 0
        if (isKept && state === 'deleting') await transaction.query(REST, values)
        return isKept
      }),

    async erase(receipt, profile) {
      const [row] = await database.query<Row>(FIND_OPEN, { id: receipt })
      if (!row) return true
      // What began before anybody could see that they are forgotten might store them anew.
      if (!(await areOver(database, wait))) return false
      const isErased = await placing(database, row.channel, (transaction) =>
        eraseRows(transaction, receipt, profile),
      )
      if (isErased) await forgetSamples(database, row)
      return isErased
    },

    async endForgettings() {
      await database.query(END)
    },

    beingForgotten: () => database.query<BeingForgotten>(OPEN) as never,
  } satisfies Partial<Ledger>
}

/** Whether all have ended who were writing to contacts when this was called; others may have begun. */
async function areOver(database: Database, wait: (ms: number) => Promise<unknown>): Promise<boolean> {
  const writers = async () => (await database.query<{ id: string }>(WRITERS)).map(({ id }) => id)
  let before = await writers()
  for (let looks = 0; before.length > 0 && looks < MOST_LOOKS; looks++) {
    await wait(LOOK_MS)
    const now = new Set(await writers())
    before = before.filter((id) => now.has(id))
  }
  return before.length === 0
}

/** The planner keeps some of the values of a table, ids too, until it is analyzed anew. */
async function forgetSamples(database: Database, { userId, externalIds }: Row) {
  const names = [userId, ...(JSON.parse(externalIds ?? '[]') as string[])]
  const sampled = await database.query<{ name: string }>(SAMPLED, { names }).catch(() => [])
  await analyze(
    database,
    sampled.map(({ name }) => name),
  )
}

async function eraseRows(transaction: PlaceTransaction, receipt: string, profile: string): Promise<boolean> {
  const { tally } = transaction
  const [row] = await transaction.query<Row>(`${FIND_OPEN} FOR UPDATE OF f`, { id: receipt })
  if (!row) return true
  const key = { channel: row.channel, userId: row.userId as string }
  const users = [key.userId]
  const externalIds = JSON.parse(row.externalIds ?? '[]') as string[]
  await transaction.query(LOCK_CONTACTS, { channel: key.channel, users })
  await lockCustomers(transaction, key.channel, users, externalIds)
  const [contact] = await transaction.query<Contact>(CONTACT, key)
  if (contact && contact.friendAt > row.forgottenAt) {
    await transaction.query(REMOVE, { id: receipt })
    return true
  }
  if (contact && !contact.isCleared) {
    await clear(transaction, key, row.forgottenAt)
    return false
  }
  if ((await transaction.query(IS_READY_NOW, { id: receipt })).length === 0) return false
  const values = { ...key, externalIds }
  await tally.change(transaction, ERASE_CONTACT, values)
  for (const text of ERASE_MORE) await transaction.query(text, key)
  // Whom Braze is to be told of something else has to wait.
  const isLeft = (await transaction.query(PENDING_CUSTOMERS, values)).length > 0
  await tally.change(transaction, ERASE_CUSTOMERS, values)
  if (!isLeft) await transaction.query(DONE, { id: receipt, profile })
  await tally.write(transaction)
  return !isLeft
}

/** From now on they can't be reached, and are nobody's. What Braze has rejected is tried again. */
async function clear(transaction: PlaceTransaction, { channel, userId }: ContactKey, at: number) {
  const users = [userId]
  await transaction.query(LOCK_CONTACTS, { channel, users })
  await lockCustomers(transaction, channel, users)
  await transaction.tally.change(transaction, RETRY_CUSTOMER, { channel, userId })
  await transaction.tally.change(transaction, CLEAR, { channel, userId, at })
  await finish(transaction, channel, users)
}

interface Row extends Forgetting {
  readonly externalIds: string | null
}

interface Contact {
  readonly friendAt: number
  readonly isCleared: boolean
}

const findRow = async (sql: Sql, key: ContactKey) => (await sql.query<Row>(FIND, { ...key }))[0]

const answerOf = ({ externalIds: _, ...row }: Row): Forgetting => row

const COLUMNS = `
  f.id AS receipt, f.channel, f.user_id AS "userId", f.external_ids AS "externalIds", f.state, f.profile,
  f.forgotten_at AS "forgottenAt", f.ends_at AS "endsAt", f.problem, (
    SELECT coalesce(c.failure, m.failure) FROM contacts AS c
    LEFT JOIN customers AS m ON m.channel = c.channel AND m.external_id = c.customer
    WHERE c.channel = f.channel AND c.user_id = f.user_id
  ) AS failure`

const FIND = `
  SELECT ${COLUMNS} FROM ${forgottenAmong('(SELECT @channel::text AS channel, @userId::text AS user_id) AS g')}`
const FIND_OPEN = `SELECT ${COLUMNS} FROM forgotten AS f WHERE f.id = @id AND f.state <> 'done'`
const FIND_OF_CUSTOMER = `
  SELECT ${COLUMNS} FROM forgotten AS f WHERE f.channel = @channel AND f.state <> 'done' AND f.external_ids IS NOT NULL
    AND @externalId IN (SELECT json_array_elements_text(f.external_ids::json))`

const IS_KNOWN = 'SELECT 1 FROM contacts WHERE channel = @channel AND user_id = @userId'

/** Not before the newest that is known: a clock may be behind LINE's. */
const AT = `greatest(@now, coalesce((
  SELECT greatest(friend_at, messaged_at) FROM contacts WHERE channel = @channel AND user_id = @userId
), 0))`
/** Of those who are back it is kept that Braze was asked to delete the profile, and until when that is waited for. */
const ADD = `
  INSERT INTO forgotten AS f (
    id, channel, hash, key, user_id, external_ids, forgotten_at, life_ms, deletes_profile, state, due_at
  )
  SELECT @id, @channel, encode(sha256(convert_to(k.key || @channel::text || chr(10) || @userId::text, 'UTF8')), 'hex'), k.key,
    @userId, (
      SELECT coalesce(json_agg(DISTINCT name), '[]') FROM contacts AS c, unnest(ARRAY[c.external_id, c.customer, c.target]) AS name
      WHERE c.channel = @channel AND c.user_id = @userId AND name IS NOT NULL
    )::text, ${AT}, @lifeMs::bigint, @deletesProfile, 'clearing', @now
  FROM (SELECT coalesce((SELECT key FROM forgotten LIMIT 1), @key) AS key) AS k
  ON CONFLICT (hash) DO UPDATE SET
    id = excluded.id, user_id = excluded.user_id, external_ids = excluded.external_ids, state = excluded.state,
    forgotten_at = excluded.forgotten_at, gone_at = 0, life_ms = excluded.life_ms, ends_at = NULL,
    deletes_profile = excluded.deletes_profile`
const CHANGE = `
  UPDATE forgotten SET deletes_profile = @deletesProfile, forgotten_at = greatest(forgotten_at, ${AT}), problem = NULL,
    due_at = CASE WHEN problem IS NULL THEN due_at ELSE 0 END
  WHERE id = @id`
const PROLONG = `
  UPDATE forgotten SET forgotten_at = greatest(forgotten_at, @now), life_ms = @lifeMs::bigint,
    ends_at = greatest(ends_at, @now + @lifeMs::bigint)
  WHERE id = @id`
const REMOVE = 'DELETE FROM forgotten WHERE id = @id'
const END = "DELETE FROM forgotten WHERE state = 'done' AND ends_at <= @now"

const RETRY_CUSTOMER = `
  UPDATE customers AS c SET revision = c.revision + 1, changed_at = @now, due_at = greatest(c.due_at, @now), failure = NULL,
    run = NULL, was = ${countedCustomer('c')}
  WHERE c.channel = @channel AND c.failure IS NOT NULL AND c.external_id = (
    SELECT customer FROM contacts WHERE channel = @channel AND user_id = @userId)
  RETURNING c.channel, c.was AS before, ${countedCustomer('c')} AS after`

const RETRIES = `((${isReachable('c')} AND ${IS_AT_ALIAS}) OR c.failure IS NOT NULL)`
const CLEAR = `
  UPDATE contacts AS c SET
    gone_at = greatest(c.friend_at, c.messaged_at, c.gone_at, @at::bigint),
    external_id = NULL, linked_at = greatest(c.linked_at, @at::bigint),
    revision = c.revision + ${RETRIES}::int,
    changed_at = CASE WHEN ${RETRIES} AND NOT ${isPending('c')} THEN @now ELSE c.changed_at END,
    due_at = CASE WHEN ${RETRIES} AND NOT ${isPending('c')} THEN greatest(c.due_at, @now) ELSE c.due_at END,
    failure = NULL, run = NULL, was = ${countedContact('c')}
  WHERE c.channel = @channel AND c.user_id = @userId
  RETURNING c.channel, c.was AS before, ${countedContact('c')} AS after`

/** Braze holds nothing of them any more, and that has settled. Of those who are back that is no question. */
const IS_READY = `
  f.due_at <= @now AND (f.ends_at IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM contacts AS c WHERE c.channel = f.channel AND c.user_id = f.user_id
      AND (c.revision <> c.accepted OR c.failure IS NOT NULL OR c.due_at > @now
        OR c.customer IS NOT NULL OR c.target IS NOT NULL OR ${HAS_MERGED})))`
const DUE = `
  SELECT f.id AS receipt, f.channel, f.user_id AS "userId", f.state, f.deletes_profile AS "deletesProfile", f.tries,
    f.ends_at IS NOT NULL AS "isBack"
  FROM forgotten AS f WHERE f.state <> 'done' AND ${IS_READY} ORDER BY f.due_at LIMIT @limit`
const IS_READY_NOW = `SELECT 1 FROM forgotten AS f WHERE f.id = @id AND ${IS_READY}`

const DUE_AT = 'ceil(@now + @restMs::float8)::bigint'
const STEP = `
  UPDATE forgotten SET state = @state, due_at = ${DUE_AT}, problem = @problem,
    tries = tries + CASE WHEN @state::text = 'deleting' THEN 1 ELSE 0 END
  WHERE id = @id AND state IN ('clearing', 'deleting') AND ends_at IS NULL RETURNING 1`
/** `check_until` is later than `due_at`: no end of a look-up ends this pause. */
const REST = `
  UPDATE contacts AS c SET due_at = greatest(c.due_at, ${DUE_AT}), check_until = greatest(c.due_at, ${DUE_AT}) + 1
  FROM forgotten AS f
  WHERE f.id = @id AND c.channel = f.channel AND c.user_id = f.user_id`

const CONTACT = `
  SELECT friend_at AS "friendAt", NOT ${isReachable('c')} AND external_id IS NULL AS "isCleared" FROM contacts AS c
  WHERE channel = @channel AND user_id = @userId`

const ERASE_CONTACT = `
  DELETE FROM contacts AS c WHERE c.channel = @channel AND c.user_id = @userId
  RETURNING c.channel, ${countedContact('c')} AS before, 0 AS after`
const ERASE_MORE = [
  'DELETE FROM merges WHERE channel = @channel AND user_id = @userId',
  'DELETE FROM touched WHERE channel = @channel AND user_id = @userId',
  // They stay used, by nobody.
  "UPDATE nonces SET user_id = '', external_id = '' WHERE channel = @channel AND user_id = @userId",
]
/** To whom nobody is linked any more. */
const LONE_CUSTOMERS = `
  c.channel = @channel AND c.external_id = ANY(@externalIds::text[]) AND NOT EXISTS (
    SELECT 1 FROM contacts AS l WHERE l.channel = c.channel AND (l.external_id = c.external_id OR l.customer = c.external_id))`
const PENDING_CUSTOMERS = `SELECT 1 FROM customers AS c WHERE ${LONE_CUSTOMERS} AND ${isPending('c')}`
const ERASE_CUSTOMERS = `
  DELETE FROM customers AS c WHERE ${LONE_CUSTOMERS} AND NOT ${isPending('c')}
  RETURNING c.channel, ${countedCustomer('c')} AS before, 0 AS after`
const DONE = `
  UPDATE forgotten SET state = 'done', user_id = NULL, external_ids = NULL, profile = @profile, problem = NULL,
    ends_at = @now + life_ms
  WHERE id = @id`

const OPEN = `
  SELECT channel, count(*) AS count, greatest(0, @now - min(forgotten_at)) AS "oldestMs" FROM forgotten
  WHERE state <> 'done' AND ends_at IS NULL GROUP BY channel ORDER BY channel`

/** Transactions that have begun to write to contacts. */
const WRITERS = `
  SELECT virtualtransaction AS id FROM pg_locks
  WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND relation = to_regclass('contacts')
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()`

/** Tables with something of these names in the planner's samples. */
const SAMPLED = `
  SELECT DISTINCT tablename AS name FROM pg_stats
  WHERE schemaname = ANY(current_schemas(false)) AND tablename IN (
      'contacts', 'customers', 'merges', 'touched', 'nonces', 'forgotten')
    AND attname IN ('user_id', 'external_id', 'customer', 'target', 'external_ids', 'failure')
    AND EXISTS (
      SELECT 1 FROM unnest(@names::text[]) AS t (name)
      WHERE strpos(concat(most_common_vals::text, histogram_bounds::text), t.name) > 0)`
