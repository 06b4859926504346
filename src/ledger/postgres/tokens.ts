import type { KnownToken, Ledger } from '../ledger.ts'
import type { Database } from './database.ts'

/** Which of LINE's tokens were issued for Braze. */
export function createTokenStore(database: Database) {
  return {
    keepToken: (channel, { keyId, leftMs, isWritten }) =>
      database.transaction(async (transaction) => {
        await transaction.query(FORGET, { channel })
        await transaction.query(KEEP, { channel, keyId, leftMs: Math.floor(leftMs), isWritten })
      }),
    tokens: (channel) => database.query<KnownToken>(FIND, { channel }),
  } satisfies Partial<Ledger>
}

const FORGET = 'DELETE FROM tokens WHERE channel = @channel AND ends_at <= @now'

const KEEP = `
  INSERT INTO tokens AS t (channel, key_id, issued_at, ends_at, written_at)
  VALUES (@channel, @keyId, @now, @now + @leftMs::bigint, CASE WHEN @isWritten::boolean THEN @now END)
  ON CONFLICT (channel, key_id) DO UPDATE SET written_at = coalesce(excluded.written_at, t.written_at)`

const FIND = `
  SELECT key_id AS "keyId", ends_at - issued_at AS "lifeMs", ends_at - @now AS "leftMs",
    written_at IS NOT NULL AS "isWritten"
  FROM tokens WHERE channel = @channel AND ends_at > @now
  ORDER BY written_at DESC NULLS LAST, issued_at DESC`
