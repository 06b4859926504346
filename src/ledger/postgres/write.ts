import type { Evidence } from '../../contact/contact.ts'
import { BY_TIME, countedContact, isPending } from './counting.ts'
import type { Database } from './database.ts'
import { ignoring, unlessAny } from './ignoring.ts'
import { FOLLOWING, IS_AT_ALIAS, IS_MOVED, type Learnt, learning } from './learning.ts'
import type { Values } from './statement.ts'

/** Contacts taken for unreachable in one transaction: others wait for as long. */
const LAPSE_AT_ONCE = 1_000

/** What comes from LINE. */
export function createWrite(database: Database, messagerWindowMs: number) {
  const values = { windowMs: messagerWindowMs }
  /** As it was said last. */
  let isAnyForgotten = false

  async function learn(text: string, columns: Values, patienceMs: number) {
    const [learnt] = await database.query<Learnt>(text, columns, patienceMs)
    isAnyForgotten = learnt?.isAnyForgotten === true
    return learnt?.touched ?? null
  }

  return {
    /** In one statement, which is one transaction. No contact twice. Returns channels in which places have to be worked out. */
    async record(evidence: readonly Evidence[], leftMs: () => number) {
      const columns = {
        ...values,
        channels: evidence.map(({ channel }) => channel),
        users: evidence.map(({ userId }) => userId),
        friends: evidence.map(({ friendAt }) => friendAt),
        messages: evidence.map(({ messagedAt }) => messagedAt),
        gone: evidence.map(({ goneAt }) => goneAt),
      }
      const mayBeAny = isAnyForgotten
      const said = await learn(mayBeAny ? RECORD_IGNORING : RECORD, columns, leftMs())
      // Then it has stored nothing.
      if (mayBeAny || !isAnyForgotten) return said
      return learn(RECORD_IGNORING, columns, leftMs())
    },
    async probe(patienceMs: number) {
      await database.query('UPDATE probes SET probed = probed + 1', {}, patienceMs)
    },
    async lapse() {
      if (messagerWindowMs === 0) return { restMs: null, channels: null }
      const [learnt] = await database.query<Learnt>(LAPSE, values)
      const [next] = await database.query<{ ms: number }>(NEXT_LAPSE, values)
      return { restMs: next?.ms ?? null, channels: learnt?.touched ?? null }
    },
  }
}

const EVIDENCE = `
  SELECT channel, user_id, friend_at,
    -- A message from before the window says nothing any more.
    CASE WHEN @windowMs::bigint = 0 OR messaged_at > @now - @windowMs::bigint THEN messaged_at ELSE 0 END AS messaged_at,
    gone_at, NULL::bigint AS run
  FROM unnest(@channels::text[], @users::text[], @friends::bigint[], @messages::bigint[], @gone::bigint[])
    AS t (channel, user_id, friend_at, messaged_at, gone_at)`
const RECORD = learning(unlessAny(EVIDENCE))
const RECORD_IGNORING = learning(ignoring(EVIDENCE, 'webhooks'))

/** The condition of a partial index. */
const ONLY_WROTE = 'c.friend_at <= c.gone_at AND c.messaged_at > c.gone_at'

const LAPSE = `
  WITH old AS MATERIALIZED (
    SELECT channel, user_id FROM contacts AS c
    WHERE ${ONLY_WROTE} AND messaged_at <= @now - @windowMs::bigint ORDER BY messaged_at LIMIT ${LAPSE_AT_ONCE}
  ),
  changed AS (
    UPDATE contacts AS c SET
      messaged_at = 0,
      revision = c.revision + ${IS_AT_ALIAS}::int,
      changed_at = CASE WHEN ${IS_AT_ALIAS} AND NOT ${isPending('c')} THEN @now ELSE c.changed_at END,
      due_at = CASE WHEN ${IS_AT_ALIAS} AND NOT ${isPending('c')} THEN greatest(c.due_at, @now) ELSE c.due_at END,
      failure = CASE WHEN ${IS_AT_ALIAS} THEN NULL ELSE c.failure END,
      run = NULL,
      was = ${countedContact('c')}
    FROM (
      SELECT locked.channel, locked.user_id FROM contacts AS locked JOIN old USING (channel, user_id)
      ORDER BY locked.channel, locked.user_id FOR UPDATE OF locked
    ) AS locked
    WHERE c.channel = locked.channel AND c.user_id = locked.user_id
      AND ${ONLY_WROTE} AND c.messaged_at <= @now - @windowMs::bigint
    RETURNING c.channel, c.user_id, c.was AS before, ${countedContact('c')} | ${BY_TIME} AS after, ${IS_MOVED} AS is_touched
  ),
  ${FOLLOWING}`

const NEXT_LAPSE = `
  SELECT messaged_at + @windowMs::bigint - @now AS ms FROM contacts AS c WHERE ${ONLY_WROTE} ORDER BY messaged_at LIMIT 1`
