import type BetterSqlite3 from 'better-sqlite3'
import { GROWTH } from '../ledger.ts'

/**
 * Counts why reachable people are more or fewer, by triggers of this connection alone: a release that does not count it
 * works on as it did.
 */
export const countGrowth = (database: BetterSqlite3.Database) => database.exec(TRIGGERS)

/** @param values one for each column */
const adding = (values: readonly string[]) => `
  INSERT INTO growth (channel, ${GROWTH.join(', ')}) VALUES (new.channel, ${values.join(', ')})
  ON CONFLICT (channel) DO UPDATE SET ${GROWTH.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')};`

const isReachable = "new.status <> 'gone'"
/** A contact that is known only since it was linked. */
const wasUnknown = 'old.friend_at + old.messaged_at + old.gone_at = 0'

const TRIGGERS = `
  CREATE TEMP TRIGGER growth_inserted AFTER INSERT ON main.contacts WHEN ${isReachable} BEGIN
    ${adding(['new.run IS NULL', 'new.run IS NOT NULL', '0', '0', '0'])}
  END;
  CREATE TEMP TRIGGER growth_flipped AFTER UPDATE OF friend_at, messaged_at, gone_at ON main.contacts
  WHEN (old.status = 'gone') <> (new.status = 'gone') BEGIN
    ${adding([
      `${isReachable} AND ${wasUnknown} AND new.run IS NULL`,
      `${isReachable} AND ${wasUnknown} AND new.run IS NOT NULL`,
      `${isReachable} AND NOT ${wasUnknown}`,
      // Only who lapses has written less than was known before.
      `NOT ${isReachable} AND new.messaged_at >= old.messaged_at`,
      `NOT ${isReachable} AND new.messaged_at < old.messaged_at`,
    ])}
  END;`
