import type { KnownProfile, Ledger, Outstanding, ProfileId } from '../ledger.ts'
import { countedContact, countedCustomer, createTally, isPending, isReachable } from './counting.ts'
import type { Database } from './database.ts'
import { HAS_MERGED } from './placement.ts'
import { type ProfileKind, profileIdOf, sortIds } from './profile-ids.ts'

/** Profiles read at once. */
const PROFILES_AT_ONCE = 2_000
/** Profiles made due in one transaction. */
const RESEND_AT_ONCE = 2_000

/** It looks at all that is pending: a second for three million in memory, far longer where they are on a slow disk. */
const COUNT_PATIENCE_MS = 300_000

const KINDS = ['contact', 'customer'] as const

/** All profiles, to be told of again, or to be compared. */
export function createKnownProfiles(database: Database) {
  return {
    async *profiles(channel) {
      for (const kind of KINDS) {
        for (let after: string | undefined = ''; after !== undefined; ) {
          const rows: KnownRow[] = await database.query(PAGE[kind], {
            channel,
            after,
            limit: PROFILES_AT_ONCE,
          })
          if (rows.length > 0) yield rows.map(asKnown(kind))
          after = rows.at(-1)?.name
        }
      }
    },
    async lookUp(ids) {
      const keys = sortIds(ids)
      const known: KnownProfile[] = []
      for (const kind of KINDS) {
        if (keys[kind].names.length === 0) continue
        known.push(...(await database.query<KnownRow>(LOOK_UP[kind], { ...keys[kind] })).map(asKnown(kind)))
      }
      return known
    },
    async resend(run, ids) {
      let resent = 0
      for (let from = 0; from < ids.length; from += RESEND_AT_ONCE) {
        resent += await resendSome(database, run, ids.slice(from, from + RESEND_AT_ONCE))
      }
      return resent
    },
    async outstanding(run) {
      const [row] = await database.query<{ bulk: number; mine: number; failed: number }>(
        OUTSTANDING,
        { run },
        COUNT_PATIENCE_MS,
      )
      const { bulk = 0, mine = 0, failed = 0 } = row ?? {}
      return { pending: mine, failed, earlier: bulk - mine } satisfies Outstanding
    },
  } satisfies Partial<Ledger>
}

const resendSome = (database: Database, run: number, ids: readonly ProfileId[]) =>
  database.transaction(async (transaction) => {
    const keys = sortIds(ids)
    const tally = createTally()
    let resent = 0
    for (const kind of KINDS) {
      if (keys[kind].names.length === 0) continue
      resent += await tally.change(transaction, RESEND[kind], { ...keys[kind], run })
    }
    await tally.write(transaction)
    return resent
  })

interface KnownRow {
  readonly channel: string
  readonly name: string
  readonly value: string | null
  readonly linkedTo: string | null
  readonly failed: boolean
  readonly settled: boolean
}

const asKnown =
  (kind: ProfileKind) =>
  ({ channel, name, ...row }: KnownRow): KnownProfile => ({
    id: profileIdOf(kind, channel, name),
    address: kind === 'contact' ? { userId: name } : { externalId: name },
    ...row,
  })

/** An alias that is, or may be, the customer's is no profile of its own, and to clear it would clear the customer's. */
const IS_OWN = `(c.customer IS NULL OR NOT ${HAS_MERGED})`
const STATE = `c.failure IS NOT NULL AS failed, NOT ${isPending('c')} AND c.due_at <= @now AS settled`
const CONTACTS = `
  SELECT c.channel, c.user_id AS name, coalesce(c.customer, c.target) AS "linkedTo", ${STATE},
    CASE WHEN ${isReachable('c')} AND c.customer IS NULL AND c.target IS NULL THEN c.user_id END AS value
  FROM contacts AS c`
const CUSTOMERS = `
  SELECT c.channel, c.external_id AS name, c.holder AS value, NULL AS "linkedTo", ${STATE} FROM customers AS c`

const PAGE = {
  contact: `${CONTACTS} WHERE c.channel = @channel AND c.user_id > @after AND ${IS_OWN} ORDER BY c.user_id LIMIT @limit`,
  customer: `
    ${CUSTOMERS} WHERE c.channel = @channel AND c.external_id > @after AND c.revision > 0
    ORDER BY c.external_id LIMIT @limit`,
}

const NAMED = 'unnest(@channels::text[], @names::text[]) AS named (channel, name)'
const LOOK_UP = {
  contact: `
    ${CONTACTS} JOIN ${NAMED} ON c.channel = named.channel AND c.user_id = named.name
    WHERE ${IS_OWN} ORDER BY c.channel, c.user_id`,
  customer: `
    ${CUSTOMERS} JOIN ${NAMED} ON c.channel = named.channel AND c.external_id = named.name
    ORDER BY c.channel, c.external_id`,
}

/**
 * What an earlier run made due is due already, and is only taken over. Of a profile that Braze was never told of it is told
 * as of one that it was: somebody has seen what is there.
 */
const resending = (table: string, key: string, counted: string, isOwn: string, after: string) => `
  UPDATE ${table} AS c SET
    revision = CASE WHEN ${isPending('c')} THEN c.revision ELSE greatest(c.revision, 1) + 1 END,
    accepted = CASE WHEN ${isPending('c')} THEN c.accepted ELSE greatest(c.accepted, 1) END,
    changed_at = CASE WHEN ${isPending('c')} THEN c.changed_at ELSE @now END,
    due_at = greatest(c.due_at, @now),
    failure = NULL,
    run = @run,
    was = ${counted}
  FROM (
    SELECT locked.channel, locked.${key} AS name FROM ${table} AS locked
    JOIN ${NAMED} ON locked.channel = named.channel AND locked.${key} = named.name
    ORDER BY locked.channel, locked.${key} FOR UPDATE OF locked
  ) AS named
  WHERE c.channel = named.channel AND c.${key} = named.name AND (NOT ${isPending('c')} OR c.run IS NOT NULL) AND ${isOwn}
  RETURNING c.channel, c.was AS before, ${after} AS after`
const RESEND = {
  contact: resending('contacts', 'user_id', countedContact('c'), IS_OWN, countedContact('c')),
  customer: resending('customers', 'external_id', countedCustomer('c'), 'true', countedCustomer('c')),
}

/** The conditions of partial indexes. */
const BULK = 'revision <> accepted AND failure IS NULL AND run IS NOT NULL'
const both = (columns: string, where: string) =>
  ['contacts', 'customers']
    .map((table) => `SELECT ${columns} FROM ${table} WHERE ${where}`)
    .join(' UNION ALL ')
const OUTSTANDING = `
  SELECT sum(n)::bigint AS bulk, sum(mine)::bigint AS mine, (
    SELECT sum(failed) FROM (${both('count(*) AS failed', 'failure IS NOT NULL AND run = @run')}) AS f
  )::bigint AS failed
  FROM (${both('count(*) AS n, count(*) FILTER (WHERE run = @run) AS mine', BULK)}) AS b`
