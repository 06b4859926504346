import type BetterSqlite3 from 'better-sqlite3'
import type { KnownToken } from '../ledger.ts'
import type { Stored, transactions } from './stored.ts'

type Row = Omit<KnownToken, 'isWritten'> & { readonly isWritten: 0 | 1 }

/** Which of LINE's tokens were issued for Braze, on one open database. */
export function createTokenStore(database: BetterSqlite3.Database, atomic: ReturnType<typeof transactions>) {
  const forget = database.prepare('DELETE FROM tokens WHERE channel = @channel AND ends_at <= @now')
  const keep = database.prepare(`
    INSERT INTO tokens (channel, key_id, issued_at, ends_at, written_at)
    VALUES (@channel, @keyId, @now, @now + @leftMs, iif(@isWritten, @now, NULL))
    ON CONFLICT DO UPDATE SET written_at = coalesce(excluded.written_at, written_at)`)
  const find = database.prepare<[object], Row>(`
    SELECT key_id AS keyId, ends_at - issued_at AS lifeMs, ends_at - @now AS leftMs, written_at IS NOT NULL AS isWritten
    FROM tokens WHERE channel = @channel AND ends_at > @now
    ORDER BY written_at DESC NULLS LAST, issued_at DESC`)

  return {
    keepToken: atomic((now, channel, { keyId, leftMs, isWritten }) => {
      forget.run({ channel, now })
      keep.run({ channel, keyId, leftMs: Math.floor(leftMs), isWritten: Number(isWritten), now })
    }),
    tokens: (now, channel) =>
      find.all({ channel, now }).map((row) => ({ ...row, isWritten: row.isWritten === 1 })),
  } satisfies Partial<Stored>
}
