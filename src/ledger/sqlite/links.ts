import type BetterSqlite3 from 'better-sqlite3'
import { isNewerLink, type Link } from '../../contact/link.ts'
import type { LinkEvidence, StoredLink } from '../ledger.ts'
import type { Ignoring } from './ignoring.ts'
import type { createPlacement } from './placement.ts'
import type { Slice } from './run-contacts.ts'
import type { Stored, transactions } from './stored.ts'

/** LINE may send an event again for as long as it likes; a nonce that ended longer ago is not known any more. */
const NONCE_KEPT_MS = 7 * 24 * 3_600_000
/** Contacts read at once. */
const LINKS_AT_ONCE = 2_000

/** Which customers contacts are, on one open database. */
export function createLinkStore(
  database: BetterSqlite3.Database,
  atomic: ReturnType<typeof transactions>,
  place: ReturnType<typeof createPlacement>,
  ignoring: Pick<Ignoring, 'isForgotten'>,
) {
  const statements = prepare(database)

  function linkOne(now: number, { channel, userId, externalId, linkedAt }: LinkEvidence, run: number | null) {
    if (ignoring.isForgotten({ channel, userId }, now)) return forgotten(channel, userId)
    const before: Link = statements.find.get({ channel, userId }) ?? NEVER
    const link: Link = { externalId, linkedAt: linkedAt ?? Math.max(now, before.linkedAt + 1) }
    if (!isNewerLink(link, before)) return stored(channel, userId, before, before)
    statements.keep.run({ channel, userId, ...link, run, now })
    if (externalId !== null) statements.addCustomer.run({ channel, externalId, now })
    statements.touch.run({ channel, userId })
    return stored(channel, userId, link, before)
  }

  const link: Stored['link'] = atomic((now, links, run) => {
    const answers = links.map((each) => linkOne(now, each, run ?? null))
    place(now)
    return answers
  })

  const forgetNonces = (now: number) => statements.forgetNonces.run({ before: now - NONCE_KEPT_MS })

  const own = {
    addNonce: atomic((now, hash, channel, externalId, lifeMs) => {
      forgetNonces(now)
      const expiresAt = Math.ceil(now + lifeMs)
      statements.addNonce.run({ hash, channel, externalId, expiresAt })
      return expiresAt
    }),
    redeemNonce: atomic((now, hash, { channel, userId }, at) => {
      const nonce = statements.findNonce.get({ hash })
      if (nonce?.channel !== channel) return 'unknown'
      if (nonce.userId !== null && nonce.userId !== userId) return 'used'
      if (at > nonce.expiresAt) return 'expired'
      if (ignoring.isForgotten({ channel, userId }, now)) return 'forgotten'
      statements.useNonce.run({ hash, userId })
      const { outcome } = linkOne(
        now,
        { channel, userId, externalId: nonce.externalId, linkedAt: Math.floor(at) },
        null,
      )
      place(now)
      return outcome
    }),
    linkOnce: atomic((now, hash, { channel, userId, externalId }, lifeMs) => {
      if (ignoring.isForgotten({ channel, userId }, now)) return forgotten(channel, userId)
      const known = statements.findNonce.get({ hash })
      if (known) {
        const isSame = known.channel === channel && known.userId === userId && known.externalId === externalId
        if (!isSame) return 'used'
        const link = statements.find.get({ channel, userId }) ?? NEVER
        return stored(channel, userId, link, link)
      }
      forgetNonces(now)
      statements.addNonce.run({ hash, channel, externalId, expiresAt: Math.ceil(now + lifeMs) })
      statements.useNonce.run({ hash, userId })
      const answer = linkOne(now, { channel, userId, externalId, linkedAt: null }, null)
      place(now)
      return answer
    }),
  } satisfies Partial<Stored>

  return {
    ...own,
    link,
    /** Some of them, after the contact `after`. */
    links(_now: number, channel: string, after: number): Slice<StoredLink[]> {
      const page = statements.page.all({ channel, after, limit: LINKS_AT_ONCE })
      return {
        value: page.map(({ userId, ...rest }) => stored(channel, userId, rest, rest)),
        after: page.at(-1)?.id ?? null,
      }
    },
  }
}

const NEVER: Link = { externalId: null, linkedAt: 0 }

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

interface NonceRow {
  readonly channel: string
  readonly externalId: string
  readonly expiresAt: number
  readonly userId: string | null
}

const prepare = (database: BetterSqlite3.Database) => ({
  find: database.prepare<[object], Link>(`
    SELECT external_id AS externalId, linked_at AS linkedAt FROM contacts
    WHERE channel = @channel AND user_id = @userId`),
  /**
   * A contact of whom nothing else is known can't be reached, and Braze need not hear of that. What is due by a webhook goes
   * on going before what runs bring.
   */
  keep: database.prepare(`
    INSERT INTO contacts (
      channel, user_id, friend_at, messaged_at, gone_at, run, revision, accepted, changed_at, due_at,
      external_id, linked_at
    ) VALUES (@channel, @userId, 0, 0, 0, @run, 0, 0, @now, @now, @externalId, @linkedAt)
    ON CONFLICT (channel, user_id) DO UPDATE SET
      external_id = excluded.external_id, linked_at = excluded.linked_at,
      run = iif(pending AND run IS NULL, NULL, excluded.run)`),
  /** Whoever links somebody to a customer may know that Braze has them now. */
  addCustomer: database.prepare(`
    INSERT INTO customers (channel, external_id) VALUES (@channel, @externalId)
    ON CONFLICT (channel, external_id) DO UPDATE SET check_at = min(check_at, @now), tries = 0
    WHERE NOT is_known`),
  touch: database.prepare(`
    INSERT OR IGNORE INTO touched SELECT id FROM contacts WHERE channel = @channel AND user_id = @userId`),
  page: database.prepare<[object], Link & { id: number; userId: string }>(`
    SELECT id, user_id AS userId, external_id AS externalId, linked_at AS linkedAt FROM contacts
    WHERE id > @after AND +channel = @channel AND external_id IS NOT NULL ORDER BY id LIMIT @limit`),
  addNonce: database.prepare(`
    INSERT INTO nonces (hash, channel, external_id, expires_at)
    VALUES (@hash, @channel, @externalId, @expiresAt)`),
  findNonce: database.prepare<[object], NonceRow>(`
    SELECT channel, external_id AS externalId, expires_at AS expiresAt, user_id AS userId FROM nonces
    WHERE hash = @hash`),
  useNonce: database.prepare('UPDATE nonces SET user_id = @userId WHERE hash = @hash'),
  forgetNonces: database.prepare('DELETE FROM nonces WHERE expires_at < @before'),
})
