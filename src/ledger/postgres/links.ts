import { isNewerLink, type Link } from '../../contact/link.ts'
import type { Ledger, LinkEvidence, StoredLink } from '../ledger.ts'
import { countedContact, countedCustomer, createTally, isPending } from './counting.ts'
import type { Database, Transaction } from './database.ts'
import { and, eq, sql } from './drizzle.ts'
import { findForgotten } from './ignoring.ts'
import { TERM } from './learning.ts'
import { place } from './placement.ts'
import { lockChannel, lockCustomers, type PlaceTransaction } from './places.ts'
import { nonces } from './schema.ts'

/** LINE may send an event again for as long as it likes; a nonce that ended longer ago is not known any more. */
const NONCE_KEPT_MS = 7 * 24 * 3_600_000
/** Contacts read at once. */
const LINKS_AT_ONCE = 2_000

/** Which customers contacts are. */
export function createLinkStore(database: Database) {
  const atomic = <T>(channels: readonly string[], work: (t: PlaceTransaction) => Promise<T>) =>
    database.transaction(async (transaction) => {
      for (const channel of [...new Set(channels)].sort()) await lockChannel(transaction, channel)
      return work({ ...transaction, tally: createTally() })
    })

  return {
    link: (links: readonly LinkEvidence[], run?: number) =>
      atomic(
        links.map(({ channel }) => channel),
        (transaction) => linkAll(transaction, links, run ?? null),
      ),

    addNonce: (hash, channel, externalId, lifeMs) =>
      database.transaction(async (transaction) => {
        const now = await transaction.now()
        await forgetNonces(transaction, now)
        const expiresAt = Math.ceil(now + lifeMs)
        await transaction.drizzle.insert(nonces).values({ hash, channel, externalId, expiresAt })
        return expiresAt
      }),

    redeemNonce: (hash, { channel, userId }, at) =>
      atomic([channel], async (transaction) => {
        const nonce = await findNonce(transaction, hash)
        if (nonce?.channel !== channel) return 'unknown'
        if (nonce.userId !== null && nonce.userId !== userId) return 'used'
        if (at > nonce.expiresAt) return 'expired'
        if ((await findForgotten(transaction, channel, [userId])).size > 0) return 'forgotten'
        await transaction.drizzle.update(nonces).set({ userId }).where(eq(nonces.hash, hash))
        const linkedAt = Math.floor(at)
        const link = { channel, userId, externalId: nonce.externalId, linkedAt }
        const [answer] = await linkAll(transaction, [link], null)
        return (answer as StoredLink).outcome
      }),

    linkOnce: (hash, link, lifeMs) =>
      atomic([link.channel], async (transaction) => {
        const { channel, userId, externalId } = link
        if ((await findForgotten(transaction, channel, [userId])).size > 0) return forgotten(channel, userId)
        const now = await transaction.now()
        await forgetNonces(transaction, now)
        const expiresAt = Math.ceil(now + lifeMs)
        const added = await transaction.drizzle
          .insert(nonces)
          .values({ hash, channel, externalId, expiresAt, userId })
          .onConflictDoNothing()
          .returning()
        if (added.length > 0) {
          const [answer] = await linkAll(transaction, [{ ...link, linkedAt: null }], null)
          return answer as StoredLink
        }
        const known = await findNonce(transaction, hash)
        const isSame =
          known?.channel === channel && known.userId === userId && known.externalId === externalId
        if (!isSame) return 'used'
        const [before = NEVER] = await transaction.query<Link>(FIND, { channel, userId })
        return stored(channel, userId, before, before)
      }),

    async *links(channel) {
      for (let after: string | undefined = ''; after !== undefined; ) {
        const asked = { channel, after, limit: LINKS_AT_ONCE }
        // However long it takes, where hardly anybody is linked.
        const page: (Link & { userId: string })[] = await database.query(PAGE, asked, 0)
        if (page.length > 0) yield page.map(({ userId, ...link }) => stored(channel, userId, link, link))
        after = page.at(-1)?.userId
      }
    },
  } satisfies Partial<Ledger>
}

const NEVER: Link = { externalId: null, linkedAt: 0 }

/** The links of all channels, in order; the transaction has the locks of the channels. */
async function linkAll(
  transaction: PlaceTransaction,
  links: readonly LinkEvidence[],
  run: number | null,
): Promise<StoredLink[]> {
  const answers: StoredLink[] = []
  const places = new Map<string, LinkEvidence[]>()
  for (const link of links) places.set(link.channel, [...(places.get(link.channel) ?? []), link])
  const now = await transaction.now()
  const byLink = new Map<LinkEvidence, StoredLink>()
  // Contacts of all channels before customers of any.
  const learnt = []
  for (const [channel, some] of [...places].sort(([a], [b]) => (a < b ? -1 : 1))) {
    learnt.push({ channel, ...(await fold(transaction, channel, some, now, byLink)) })
  }
  for (const { channel, users, externalIds, changed } of learnt) {
    await lockCustomers(transaction, channel, users, externalIds)
    await keep(transaction, channel, changed, run)
  }
  for (const { channel, changed } of learnt) {
    const users = changed.map(({ userId }) => userId)
    await place(transaction, { channel, users, told: users }, transaction.tally)
  }
  await transaction.tally.write(transaction)
  for (const link of links) answers.push(byLink.get(link) as StoredLink)
  return answers
}

/** What becomes of the contacts, whose rows are there and locked afterwards. */
async function fold(
  transaction: Transaction,
  channel: string,
  links: readonly LinkEvidence[],
  now: number,
  answers: Map<LinkEvidence, StoredLink>,
) {
  // What says nothing about a contact that is not known makes none.
  const users = [
    ...new Set(
      links
        .filter(({ externalId, linkedAt }) => isNewerLink({ externalId, linkedAt: linkedAt ?? now }, NEVER))
        .map(({ userId }) => userId),
    ),
  ]
  const ignored = await findForgotten(transaction, channel, users)
  const rows = await transaction.query<Link & { userId: string }>(LOCK_OR_MAKE, {
    channel,
    users: users.filter((userId) => !ignored.has(userId)),
  })
  const known = new Map<string, Link>(rows.map(({ userId, ...link }) => [userId, link]))
  const changed = new Map<string, Link>()
  const externalIds = new Set<string>()
  for (const link of links) {
    const { userId, externalId, linkedAt } = link
    if (ignored.has(userId)) {
      answers.set(link, forgotten(channel, userId))
      continue
    }
    const before = known.get(userId) ?? NEVER
    const after: Link = { externalId, linkedAt: linkedAt ?? Math.max(now, before.linkedAt + 1) }
    if (!isNewerLink(after, before)) {
      answers.set(link, stored(channel, userId, before, before))
      continue
    }
    known.set(userId, after)
    changed.set(userId, after)
    if (externalId !== null) externalIds.add(externalId)
    answers.set(link, stored(channel, userId, after, before))
  }
  return {
    users: rows.map(({ userId }) => userId),
    externalIds: [...externalIds],
    changed: [...changed].map(([userId, link]) => ({ userId, ...link })),
  }
}

async function keep(
  transaction: PlaceTransaction,
  channel: string,
  changed: readonly (Link & { readonly userId: string })[],
  run: number | null,
) {
  if (changed.length === 0) return
  await transaction.tally.change(transaction, KEEP, {
    channel,
    run,
    users: changed.map(({ userId }) => userId),
    externalIds: changed.map(({ externalId }) => externalId),
    moments: changed.map(({ linkedAt }) => linkedAt),
  })
  const externalIds = [...new Set(changed.flatMap(({ externalId }) => externalId ?? []))]
  await transaction.query(ADD_CUSTOMERS, { channel, externalIds })
  await transaction.tally.change(transaction, HOPE_AGAIN, { channel, externalIds })
}

const forgotten = (channel: string, userId: string): StoredLink => ({
  channel,
  userId,
  ...NEVER,
  outcome: 'forgotten',
})

function stored(channel: string, userId: string, { externalId, linkedAt }: Link, before: Link): StoredLink {
  const outcome = externalId === before.externalId ? 'unchanged' : externalId === null ? 'unlinked' : 'linked'
  return { channel, userId, externalId, linkedAt, outcome }
}

const findNonce = async ({ drizzle }: Transaction, hash: string) =>
  (await drizzle.select().from(nonces).where(eq(nonces.hash, hash)).for('update'))[0]

const forgetNonces = ({ drizzle }: Transaction, now: number) =>
  drizzle.delete(nonces).where(and(sql`${nonces.expiresAt} < ${now - NONCE_KEPT_MS}`))

const LINK = 'external_id AS "externalId", linked_at AS "linkedAt"'

const FIND = `SELECT ${LINK} FROM contacts WHERE channel = @channel AND user_id = @userId`

/** A contact of whom nothing else is known can't be reached, and Braze need not hear of that. */
const LOCK_OR_MAKE = `
  INSERT INTO contacts AS c (
    channel, user_id, friend_at, messaged_at, gone_at, revision, accepted, changed_at, due_at, term, was
  )
  SELECT @channel, user_id, 0, 0, 0, 0, 0, @now, @now, ${TERM}, 0
  FROM unnest(@users::text[]) AS t (user_id) ORDER BY user_id COLLATE "C"
  ON CONFLICT (channel, user_id) DO UPDATE SET was = ${countedContact('c')}
  RETURNING c.user_id AS "userId", c.external_id AS "externalId", c.linked_at AS "linkedAt"`

/** What is due by a webhook goes on going before what runs bring. */
const KEEP = `
  UPDATE contacts AS c SET external_id = t.external_id, linked_at = t.linked_at,
    run = CASE WHEN ${isPending('c')} AND c.run IS NULL THEN NULL ELSE @run::bigint END
  FROM unnest(@users::text[], @externalIds::text[], @moments::bigint[]) AS t (user_id, external_id, linked_at)
  WHERE c.channel = @channel AND c.user_id = t.user_id
  RETURNING c.channel, c.was AS before, ${countedContact('c')} AS after`

const ADD_CUSTOMERS = `
  INSERT INTO customers (channel, external_id, term)
  SELECT @channel, external_id, ${TERM} FROM unnest(@externalIds::text[]) AS t (external_id)
  ORDER BY external_id COLLATE "C" ON CONFLICT (channel, external_id) DO NOTHING`

/** Whoever links somebody to a customer may know that Braze has them now. */
const HOPE_AGAIN = `
  UPDATE customers AS c SET check_at = CASE WHEN check_at > @now THEN @now ELSE check_at END, tries = 0,
    was = ${countedCustomer('c')}
  WHERE channel = @channel AND external_id = ANY(@externalIds::text[]) AND NOT is_known
  RETURNING c.channel, c.was AS before, ${countedCustomer('c')} AS after`

const PAGE = `
  SELECT user_id AS "userId", ${LINK} FROM contacts
  WHERE channel = @channel AND user_id > @after AND external_id IS NOT NULL ORDER BY user_id LIMIT @limit`
