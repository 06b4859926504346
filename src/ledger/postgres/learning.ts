import { adding, BY_RUN, countedContact, differences, GONE, isPending, isReachable } from './counting.ts'
import { IS_ANY } from './ignoring.ts'

/** The term of the lease in force: what is made in it nobody before can have sent. */
export const TERM = "coalesce((SELECT term FROM leases WHERE name = 'braze'), 0)"

const learnt = `(greatest(c.friend_at, c.messaged_at, excluded.friend_at, excluded.messaged_at) > greatest(c.gone_at, excluded.gone_at))`
const flips = `(${isReachable('c')} <> ${learnt})`
/** The user id belongs to the alias profile, and is there. Of who is linked it is worked out later what changes. */
export const IS_AT_ALIAS = '(c.customer IS NULL AND c.target IS NULL)'
const aliasFlips = `(${flips} AND ${IS_AT_ALIAS})`
const becomesDue = `(${aliasFlips} AND NOT ${isPending('c')})`

/** What a statement that learnt something says in the end. */
export interface Learnt {
  readonly added: number
  readonly returned: number
  readonly gone: number
  /** Channels in which places have to be worked out. */
  readonly touched: string[] | null
  /** Whether anybody was forgotten when it began. */
  readonly isAnyForgotten: boolean
}

/** Contacts that are linked, and whose status is another. */
export const IS_MOVED = `(c.external_id IS NOT NULL OR c.customer IS NOT NULL) AND c.was <> 0
  AND c.was & 3 <> ${countedContact('c')} & 3`

/**
 * The statement that learns, whatever it is learnt from: contacts that are not known yet are made, and to the others
 * happens what `merge` in src/contact says, with a new revision of the alias profile where reachability flips. What follows
 * for those who are linked is worked out later: they are `touched`.
 *
 * @param batch makes a `batch` of channel, user_id, friend_at, messaged_at, gone_at and run, of each contact once. Rows are
 *   locked in the order of their keys, so that no two of these wait for each other.
 */
export const learning = (batch: string) => `
  WITH ${batch},
  changed AS (
    INSERT INTO contacts AS c
      (channel, user_id, friend_at, messaged_at, gone_at, run, revision, accepted, changed_at, due_at, term, was)
    SELECT channel, user_id, friend_at, messaged_at, gone_at, run, 1, 0, @now, @now, ${TERM}, 0
    FROM batch ORDER BY channel COLLATE "C", user_id COLLATE "C"
    ON CONFLICT (channel, user_id) DO UPDATE SET
      friend_at = greatest(c.friend_at, excluded.friend_at),
      messaged_at = greatest(c.messaged_at, excluded.messaged_at),
      gone_at = greatest(c.gone_at, excluded.gone_at),
      revision = c.revision + ${aliasFlips}::int,
      changed_at = CASE WHEN ${becomesDue} THEN excluded.changed_at ELSE c.changed_at END,
      due_at = CASE WHEN ${becomesDue} THEN greatest(excluded.due_at, c.due_at) ELSE c.due_at END,
      failure = CASE WHEN ${aliasFlips} THEN NULL ELSE c.failure END,
      run = CASE WHEN ${flips} THEN excluded.run ELSE c.run END,
      was = ${countedContact('c')}
    -- What is old news changes no row and costs no write.
    WHERE excluded.friend_at > c.friend_at OR excluded.messaged_at > c.messaged_at OR excluded.gone_at > c.gone_at
    RETURNING c.channel, c.user_id, c.was AS before,
      ${countedContact('c')} | CASE WHEN c.run IS NULL THEN 0 ELSE ${BY_RUN} END AS after, ${IS_MOVED} AS is_touched
  ),
  ${FOLLOWING}`

/** What follows from rows of `changed`, in the same statement. */
export const FOLLOWING = `
  touching AS (
    INSERT INTO touched (channel, user_id, is_told) SELECT channel, user_id, true FROM changed WHERE is_touched
  ),
  counting AS (${adding(differences('changed'))})
  SELECT
    count(*) FILTER (WHERE before = 0) AS added,
    count(*) FILTER (WHERE before & 3 = ${GONE} AND after & 3 <> ${GONE}) AS returned,
    count(*) FILTER (WHERE before & 3 <> ${GONE} AND after & 3 = ${GONE}) AS gone,
    array_agg(DISTINCT channel) FILTER (WHERE is_touched) AS touched,
    ${IS_ANY} AS "isAnyForgotten"
  FROM changed`
