import type { Sql } from './database.ts'

/** Whether anybody is forgotten; asked once in a statement. */
export const IS_ANY = '(SELECT EXISTS (SELECT 1 FROM forgotten))'
/** As `hashOf` in ../forgotten.ts has it. */
const hashBy = (key: string, of: string) =>
  `encode(sha256(convert_to(${key} || ${of}.channel || chr(10) || ${of}.user_id, 'UTF8')), 'hex')`

/**
 * The rows of `f` about those of `g` (channel, user_id) who are forgotten. Where nobody is, nothing of it is worked out: no
 * hash is made.
 */
export const forgottenAmong = (g: string) => `
  ${g} CROSS JOIN (SELECT DISTINCT key FROM forgotten) AS k
  JOIN forgotten AS f ON f.hash = ${hashBy('k.key', 'g')}
  WHERE ${IS_ANY} AND (f.ends_at IS NULL OR f.ends_at > @now)`

/**
 * Makes `batch` of what is `given`, without those who are forgotten. Of a webhook's evidence a follow event that is newer lets
 * them back in, and that they have blocked the account is kept for then. Their rows are locked before any contact is: so of a
 * follow event and the erasing one comes after the other.
 */
export const ignoring = (given: string, how: 'webhooks' | 'list') =>
  how === 'list' ? withoutForgotten(given) : lettingIn(given)

/** The same at no cost, for as long as nobody is forgotten; else it is empty. */
export const unlessAny = (given: string) => `
  batch AS (SELECT * FROM (${given}) AS given WHERE NOT ${IS_ANY})`

const withoutForgotten = (given: string) => `
  given AS MATERIALIZED (${given}),
  known AS MATERIALIZED (SELECT g.user_id FROM ${forgottenAmong('given AS g')}),
  batch AS (SELECT * FROM given AS g WHERE NOT EXISTS (SELECT 1 FROM known WHERE known.user_id = g.user_id))`

const lettingIn = (given: string) => `
  given AS MATERIALIZED (${given}),
  known AS MATERIALIZED (
    SELECT f.id, f.gone_at, f.forgotten_at, g.channel, g.user_id, g.gone_at AS heard_gone_at,
      g.friend_at > f.forgotten_at AS is_back, f.tries > 0 AND f.state <> 'done' AS is_open
    FROM ${forgottenAmong('given AS g')} ORDER BY f.hash FOR UPDATE OF f
  ),
  let_in AS (DELETE FROM forgotten AS f USING known WHERE f.id = known.id AND known.is_back AND NOT known.is_open),
  -- Braze was asked to delete the profile: what came of that for others has to be seen to, whoever is back.
  kept_back AS (
    UPDATE forgotten AS f SET ends_at = 0, external_ids = NULL, problem = NULL FROM known
    WHERE f.id = known.id AND known.is_back AND known.is_open
  ),
  kept AS (
    UPDATE forgotten AS f SET gone_at = known.heard_gone_at FROM known
    WHERE f.id = known.id AND NOT known.is_back AND known.heard_gone_at > f.gone_at
  ),
  batch AS (
    SELECT g.channel, g.user_id, g.friend_at, g.messaged_at, greatest(g.gone_at, known.gone_at) AS gone_at, g.run
    FROM given AS g LEFT JOIN known ON known.channel = g.channel AND known.user_id = g.user_id
    WHERE known.id IS NULL OR known.is_back
  )`

const AMONG = `
  SELECT g.user_id AS "userId" FROM ${forgottenAmong(`(
    SELECT @channel::text AS channel, user_id FROM unnest(@users::text[]) AS t (user_id)
  ) AS g`)}`

/** Whoever of a channel's users is forgotten; the transaction has the lock of the channel. */
export async function findForgotten(
  sql: Sql,
  channel: string,
  users: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql.query<{ userId: string }>(AMONG, { channel, users })
  return new Set(rows.map(({ userId }) => userId))
}
