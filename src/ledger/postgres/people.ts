import { isPending, isReachable, statusOf } from './counting.ts'
import { IS_AT_ALIAS } from './learning.ts'

/** Names, and what they are in SQL, as a JSON object. */
const object = (fields: Readonly<Record<string, string>>) =>
  `json_build_object(${Object.entries(fields)
    .map(([name, value]) => `'${name}', ${value}`)
    .join(', ')})`

const profile = (of: string, value: string) => ({
  value,
  revision: `${of}.revision`,
  accepted: `${of}.accepted`,
  failure: `${of}.failure`,
  pendingMs: `CASE WHEN ${isPending(of)} THEN @now - ${of}.changed_at END`,
  restMs: `${of}.due_at - @now`,
})

const isDateOf = (kind: string, at: string, or = '') => `(${at} > 0 AND EXISTS (
  SELECT 1 FROM runs WHERE runs.channel = c.channel AND kind = '${kind}' AND (as_of = ${at}${or})))`

const CUSTOMER = object({
  externalId: 'k.external_id',
  isKnown: 'k.is_known',
  checkMs: 'k.check_at - @now',
  tries: 'k.tries',
  ...profile('k', 'k.holder'),
})

const MERGE = object({
  externalId: 'm.external_id',
  action: 'm.action',
  isAsked: 'm.is_asked',
  outcome: 'm.outcome',
  restMs: 'm.due_at - @now',
})

/** A `Person` as JSON: one statement, so that all of it is of one moment. */
export const PERSON = `
  SELECT ${object({
    channel: 'c.channel',
    userId: 'c.user_id',
    status: statusOf('c'),
    friendAt: 'c.friend_at',
    messagedAt: 'c.messaged_at',
    goneAt: 'c.gone_at',
    externalId: 'c.external_id',
    linkedAt: 'c.linked_at',
    isListed: isDateOf('backfill', 'c.friend_at'),
    isAbsent: isDateOf('backfill', 'c.gone_at'),
    isImported: isDateOf('links', 'c.linked_at', ' OR runs.id = c.run'),
    alias: object(profile('c', `CASE WHEN ${isReachable('c')} AND ${IS_AT_ALIAS} THEN c.user_id END`)),
    customers: `coalesce((
      SELECT json_agg(${CUSTOMER} ORDER BY k.external_id) FROM customers AS k
      WHERE k.channel = c.channel AND k.external_id IN (c.external_id, c.target, c.customer)), '[]')`,
    target: 'c.target',
    customer: 'c.customer',
    merge: `(SELECT ${MERGE} FROM merges AS m WHERE m.channel = c.channel AND m.user_id = c.user_id)`,
  })} AS person
  FROM contacts AS c WHERE c.channel = @channel AND c.user_id = @userId`
