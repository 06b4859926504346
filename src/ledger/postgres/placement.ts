import { CHECK_PATIENCE_MS } from '../ledger.ts'
import { countedContact, countedCustomer, isPending, isReachable, type Tally } from './counting.ts'
import type { Sql } from './database.ts'
import { IS_AT_ALIAS } from './learning.ts'

export interface Places {
  readonly channel: string
  /** Contacts about whose profiles something has to be worked out. */
  readonly users: readonly string[]
  /** Those of them where Braze was told of what profiles have lost: then there is an alias profile to merge. */
  readonly told: readonly string[]
}

/**
 * Works out where the user ids of contacts belong: what each profile should hold, and which contacts move from one profile
 * to another. The transaction has the locks of `lockPlaces`.
 *
 * A user id may be in no other profile than that of `customer`, or of the alias where that is NULL. Whatever a link says,
 * `customer` changes only when Braze has accepted the newest revision of that profile, and that is not this user id. So the
 * profile that gains it becomes due when the one that loses it is known to have lost it, be it after a crash or elsewhere.
 */
export async function place(sql: Sql, places: Places, tally: Tally) {
  if (places.users.length === 0) return
  const values = { ...places }
  await tally.change(sql, RETARGET, values)
  await tally.change(sql, REFRESH, values)
  if (places.told.length > 0) await sql.query(HAND_OVER, values)
  await sql.query(FORGET_UNASKED, values)
  await sql.query(REDIRECT_UNASKED, values)
  await sql.query(FREE_ALIAS, values)
  await tally.change(sql, MOVE, values)
  await tally.change(sql, ASK_FOR, values)
  await sql.query(WAIT_FOR_CHECK, values)
  await sql.query(END_WAITING, values)
  await tally.change(sql, REFRESH, values)
}

const TOUCHED = '= ANY(@users::text[])'
const HOLDS = `(${isReachable('c')} AND ${IS_AT_ALIAS})`
/** The profile that may hold the user id has another newest revision, and Braze has accepted that. */
const IS_CLEAR = `
  CASE WHEN c.customer IS NULL THEN c.revision = c.accepted
  ELSE EXISTS (
    SELECT 1 FROM customers AS place WHERE place.channel = c.channel AND place.external_id = c.customer
      AND place.revision = place.accepted AND place.holder IS DISTINCT FROM c.user_id
  ) END`
/** The alias may be that of the customer to whom it was handed over. */
const isMerged = (merges: string) => `(${merges}.is_asked AND ${merges}.outcome IS DISTINCT FROM 'left')`
/** Of a contact `c`. A lookup for each: EXISTS might be worked out for all merges at once. */
export const HAS_MERGED = `coalesce((
  SELECT ${isMerged('merges')} FROM merges WHERE merges.channel = c.channel AND merges.user_id = c.user_id), false)`
const RETURNING_TO_ALIAS = `EXISTS (
  SELECT 1 FROM contacts AS c WHERE c.channel = merges.channel AND c.user_id = merges.user_id
    AND c.target IS NULL AND c.customer IS NOT NULL)`

/** A link counts once the customer is known. */
const RETARGET = aliasChange(
  'target = wanted.customer',
  'wanted.customer IS NULL AND c.customer IS NULL',
  `FROM (
    SELECT linked.user_id, customers.external_id AS customer FROM contacts AS linked
    LEFT JOIN customers ON customers.channel = linked.channel
      AND customers.external_id = linked.external_id AND customers.is_known
    WHERE linked.channel = @channel AND linked.user_id ${TOUCHED}
  ) AS wanted
  WHERE c.channel = @channel AND c.user_id = wanted.user_id AND c.target IS DISTINCT FROM wanted.customer`,
)

/** The rule of `holderOf` in src/contact; a contact on the move is nobody's holder. */
const REFRESH = `
  UPDATE customers AS c SET
    holder = wanted.holder,
    revision = c.revision + 1,
    changed_at = CASE WHEN ${isPending('c')} THEN c.changed_at ELSE @now END,
    due_at = greatest(c.due_at, @now, wanted.due_at),
    failure = NULL,
    run = wanted.run,
    was = ${countedCustomer('c')}
  FROM (
    SELECT placed.customer, placed.run, holder.user_id AS holder, holder.due_at FROM (
      SELECT customer, CASE WHEN count(*) > count(run) THEN NULL ELSE max(run) END AS run
      FROM contacts WHERE channel = @channel AND user_id ${TOUCHED} AND customer IS NOT NULL GROUP BY customer
    ) AS placed
    LEFT JOIN LATERAL (
      SELECT h.user_id, h.due_at FROM contacts AS h
      WHERE h.channel = @channel AND h.customer = placed.customer AND h.target = placed.customer AND ${isReachable('h')}
      ORDER BY h.linked_at DESC, h.user_id DESC LIMIT 1
    ) AS holder ON true
  ) AS wanted
  WHERE c.channel = @channel AND c.external_id = wanted.customer AND c.holder IS DISTINCT FROM wanted.holder
  RETURNING c.channel, c.was AS before, ${countedCustomer('c')} AS after`

/** An alias profile that has held a user id and lost it to a customer may be merged into the customer's. */
const HAND_OVER = `
  INSERT INTO merges (channel, user_id, external_id, action, due_at)
  SELECT channel, user_id, target, 'identify', due_at FROM contacts
  WHERE channel = @channel AND user_id = ANY(@told::text[]) AND target IS NOT NULL AND customer IS NULL
    AND revision = accepted AND accepted > 0
  ON CONFLICT (channel, user_id) DO NOTHING`

const MERGES_OF_TOUCHED = `merges.channel = @channel AND merges.user_id ${TOUCHED}`

const FORGET_UNASKED = `
  DELETE FROM merges WHERE ${MERGES_OF_TOUCHED} AND NOT ${isMerged('merges')} AND ${RETURNING_TO_ALIAS}`

const REDIRECT_UNASKED = `
  UPDATE merges SET external_id = c.target FROM contacts AS c
  WHERE ${MERGES_OF_TOUCHED} AND c.channel = merges.channel AND c.user_id = merges.user_id
    AND c.target IS NOT NULL AND NOT merges.is_asked`

const FREE_ALIAS = `
  UPDATE merges SET action = 'rename', due_at = greatest(due_at, @now), tries = 0
  WHERE ${MERGES_OF_TOUCHED} AND ${isMerged('merges')} AND action IS DISTINCT FROM 'rename' AND ${RETURNING_TO_ALIAS}`

const MOVE = aliasChange(
  'customer = c.target',
  'c.target IS NULL',
  `WHERE c.channel = @channel AND c.user_id ${TOUCHED} AND c.customer IS DISTINCT FROM c.target AND ${IS_CLEAR}
    AND NOT (c.target IS NULL AND ${HAS_MERGED})`,
  `coalesce((
    SELECT place.due_at FROM customers AS place WHERE place.channel = c.channel AND place.external_id = c.customer
  ), 0)`,
)

const ASK_FOR = `
  UPDATE customers AS c SET
    check_at = coalesce(c.check_at, @now), is_urgent = c.is_urgent OR wanted.is_urgent, was = ${countedCustomer('c')}
  FROM (
    SELECT l.external_id, bool_or(l.run IS NULL) AS is_urgent FROM contacts AS l
    WHERE l.channel = @channel AND l.user_id ${TOUCHED} AND ${isReachable('l')} AND l.external_id IS NOT NULL
    GROUP BY l.external_id
  ) AS wanted
  WHERE c.channel = @channel AND c.external_id = wanted.external_id AND NOT c.is_known
  RETURNING c.channel, c.was AS before, ${countedCustomer('c')} AS after`

const IS_BEING_CHECKED = `EXISTS (
  SELECT 1 FROM customers WHERE customers.channel = c.channel
    AND customers.external_id = c.external_id AND NOT customers.is_known AND customers.tries = 0)`

/** Nobody who rests after a write waits for this: so the end of the waiting ends no other pause. */
const WAIT_FOR_CHECK = `
  UPDATE contacts AS c SET due_at = @now + ${CHECK_PATIENCE_MS}, check_until = @now + ${CHECK_PATIENCE_MS}
  WHERE c.channel = @channel AND c.user_id ${TOUCHED} AND ${isPending('c')} AND ${HOLDS} AND c.due_at <= @now
    AND c.check_until IS NULL AND ${IS_BEING_CHECKED}`

/** Not a pause that ends after what is due then, and so is for something else: see `REST` in forgetting.ts. */
const END_WAITING = `
  UPDATE contacts AS c SET
    due_at = CASE WHEN c.due_at = c.check_until THEN @now ELSE c.due_at END, check_until = NULL
  WHERE c.channel = @channel AND c.user_id ${TOUCHED} AND c.check_until <= greatest(c.due_at, @now)
    AND NOT ${IS_BEING_CHECKED}`

/**
 * An update of contacts by which what their alias profiles should hold may change; where it does they have a new revision.
 *
 * @param isAliases whether the user id of a reachable contact belongs to its alias profile afterwards
 * @param from the rest of the statement
 * @param settled before this moment nothing with the user id is written
 */
function aliasChange(set: string, isAliases: string, from: string, settled = '0'): string {
  const flips = `(${HOLDS} <> (${isReachable('c')} AND ${isAliases}))`
  return `
    UPDATE contacts AS c SET
      ${set},
      revision = c.revision + ${flips}::int,
      changed_at = CASE WHEN ${flips} AND NOT ${isPending('c')} THEN @now ELSE c.changed_at END,
      due_at = greatest(c.due_at, ${settled}, CASE WHEN ${flips} AND NOT ${isPending('c')} THEN @now ELSE 0 END),
      failure = CASE WHEN ${flips} THEN NULL ELSE c.failure END,
      was = ${countedContact('c')}
    ${from}
    RETURNING c.channel, c.was AS before, ${countedContact('c')} AS after`
}
