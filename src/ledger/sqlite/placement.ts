import type BetterSqlite3 from 'better-sqlite3'
import { CHECK_PATIENCE_MS } from '../ledger.ts'

/**
 * Works out where the user ids of the contacts in `touched` belong, in the transaction that touched them: what each profile
 * should hold, and which contacts move from one profile to another.
 *
 * A user id may be in no other profile than that of `customer`, or of the alias where that is NULL. Whatever a link says,
 * `customer` changes only when Braze has accepted the newest revision of that profile, and that is not this user id. So the
 * profile that gains it becomes due when the one that loses it is known to have lost it, be it after a crash or elsewhere.
 */
export function createPlacement(database: BetterSqlite3.Database) {
  const isTouched = database.prepare('SELECT 1 FROM touched LIMIT 1').pluck()
  const statements = STEPS.map((step) => database.prepare(step))
  const handOver = database.prepare(HAND_OVER)
  const [retarget, refresh, ...others] = statements as [
    BetterSqlite3.Statement,
    BetterSqlite3.Statement,
    ...BetterSqlite3.Statement[],
  ]

  /** @param isTold whether Braze was told of what profiles have lost, where they have: then there is an alias profile to merge */
  return function place(now: number, isTold = true) {
    if (isTouched.get() === undefined) return
    retarget.run({ now })
    refresh.run({ now })
    if (isTold) handOver.run()
    for (const statement of others) statement.run({ now })
    refresh.run({ now })
    database.exec('DELETE FROM touched')
  }
}

const TOUCHED = '(SELECT contact FROM touched)'
/** The profile that may hold the user id has another newest revision, and Braze has accepted that. */
const IS_CLEAR = `
  CASE WHEN contacts.customer IS NULL THEN contacts.revision = contacts.accepted
  ELSE EXISTS (
    SELECT 1 FROM customers AS place WHERE place.id = contacts.customer
      AND place.revision = place.accepted AND place.contact IS NOT contacts.id
  ) END`
/** The alias may be that of the customer to whom it was handed over. */
const IS_MERGED = `is_asked AND outcome IS NOT 'left'`
const RETURNS = 'contacts.target IS NULL AND contacts.customer IS NOT NULL'

/** A link counts once the customer is known. */
const RETARGET = aliasChange(
  'target = wanted.customer',
  'wanted.customer IS NULL AND contacts.customer IS NULL',
  `FROM (
    SELECT linked.id, customers.id AS customer FROM contacts AS linked
    LEFT JOIN customers ON customers.channel = linked.channel
      AND customers.external_id = linked.external_id AND customers.is_known
  ) AS wanted
  WHERE contacts.id IN ${TOUCHED} AND contacts.id = wanted.id AND contacts.target IS NOT wanted.customer`,
)

/** The rule of `holderOf` in src/contact; a contact on the move is nobody's holder. */
const REFRESH = `
  UPDATE customers SET
    contact = wanted.holder,
    revision = revision + 1,
    changed_at = iif(pending, changed_at, @now),
    due_at = max(customers.due_at, @now, coalesce(wanted.due_at, 0)),
    failure = NULL,
    run = wanted.run
  FROM (
    SELECT placed.customer, placed.run, holder.id AS holder, holder.due_at FROM (
      SELECT customer, iif(count(*) > count(run), NULL, max(run)) AS run
      FROM contacts WHERE id IN ${TOUCHED} AND customer IS NOT NULL GROUP BY customer
    ) AS placed
    LEFT JOIN contacts AS holder ON holder.id = (
      SELECT id FROM contacts
      WHERE customer = placed.customer AND target = placed.customer AND status <> 'gone'
      ORDER BY linked_at DESC, user_id DESC LIMIT 1
    )
  ) AS wanted
  WHERE customers.id = wanted.customer AND customers.contact IS NOT wanted.holder`

/** An alias profile that has held a user id and lost it to a customer may be merged into the customer's. */
const HAND_OVER = `
  INSERT OR IGNORE INTO merges (contact, external_id, action, due_at)
  SELECT contacts.id, customers.external_id, 'identify', contacts.due_at
  FROM contacts JOIN customers ON customers.id = contacts.target
  WHERE contacts.id IN ${TOUCHED} AND contacts.customer IS NULL
    AND contacts.revision = contacts.accepted AND contacts.accepted > 0`

const FORGET_UNASKED = `
  DELETE FROM merges WHERE contact IN ${TOUCHED} AND NOT (${IS_MERGED})
    AND EXISTS (SELECT 1 FROM contacts WHERE contacts.id = merges.contact AND ${RETURNS})`

const REDIRECT_UNASKED = `
  UPDATE merges SET external_id = customers.external_id
  FROM contacts JOIN customers ON customers.id = contacts.target
  WHERE contacts.id = merges.contact AND merges.contact IN ${TOUCHED} AND NOT merges.is_asked`

const FREE_ALIAS = `
  UPDATE merges SET action = 'rename', due_at = max(due_at, @now), tries = 0
  WHERE contact IN ${TOUCHED} AND ${IS_MERGED} AND action IS NOT 'rename'
    AND EXISTS (SELECT 1 FROM contacts WHERE contacts.id = merges.contact AND ${RETURNS})`

const MOVE = aliasChange(
  'customer = contacts.target',
  'contacts.target IS NULL',
  `WHERE contacts.id IN ${TOUCHED} AND contacts.customer IS NOT contacts.target AND ${IS_CLEAR}
    AND NOT (contacts.target IS NULL
      AND EXISTS (SELECT 1 FROM merges WHERE merges.contact = contacts.id AND ${IS_MERGED}))`,
  'coalesce((SELECT place.due_at FROM customers AS place WHERE place.id = contacts.customer), 0)',
)

const ASK_FOR = `
  UPDATE customers SET check_at = coalesce(check_at, @now), is_urgent = max(customers.is_urgent, wanted.is_urgent)
  FROM (
    SELECT customers.id, max(contacts.run IS NULL) AS is_urgent FROM contacts
    JOIN customers ON customers.channel = contacts.channel AND customers.external_id = contacts.external_id
    WHERE contacts.id IN ${TOUCHED} AND contacts.status <> 'gone' AND NOT customers.is_known
    GROUP BY customers.id
  ) AS wanted
  WHERE customers.id = wanted.id`

const IS_BEING_CHECKED = `EXISTS (
  SELECT 1 FROM customers WHERE customers.channel = contacts.channel
    AND customers.external_id = contacts.external_id AND NOT is_known AND tries = 0)`

/** Nobody who rests after a write waits for this: so the end of the waiting ends no other pause. */
const WAIT_FOR_CHECK = `
  UPDATE contacts SET due_at = @now + ${CHECK_PATIENCE_MS}, check_until = @now + ${CHECK_PATIENCE_MS}
  WHERE id IN ${TOUCHED} AND pending AND holds AND due_at <= @now AND check_until IS NULL AND ${IS_BEING_CHECKED}`

/** Not a pause that ends after what is due then, and so is for something else: see `rest` in forgetting.ts. */
const END_WAITING = `
  UPDATE contacts SET due_at = iif(due_at = check_until, @now, due_at), check_until = NULL
  WHERE id IN ${TOUCHED} AND check_until <= max(due_at, @now) AND NOT ${IS_BEING_CHECKED}`

const STEPS = [
  RETARGET,
  REFRESH,
  FORGET_UNASKED,
  REDIRECT_UNASKED,
  FREE_ALIAS,
  MOVE,
  ASK_FOR,
  WAIT_FOR_CHECK,
  END_WAITING,
]

/**
 * An update of contacts by which what their alias profiles should hold may change; where it does they have a new revision.
 *
 * @param isAliases whether the user id of a reachable contact belongs to its alias profile afterwards
 * @param from the rest of the statement
 * @param settled before this moment nothing with the user id is written
 */
function aliasChange(set: string, isAliases: string, from: string, settled = '0'): string {
  const flips = `(contacts.holds <> (contacts.status <> 'gone' AND ${isAliases}))`
  return `
    UPDATE contacts SET
      ${set},
      revision = revision + ${flips},
      changed_at = iif(${flips} AND NOT pending, @now, changed_at),
      due_at = max(contacts.due_at, ${settled}, iif(${flips} AND NOT pending, @now, 0)),
      failure = iif(${flips}, NULL, failure)
    ${from}`
}
