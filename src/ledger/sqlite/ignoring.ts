import type BetterSqlite3 from 'better-sqlite3'
import type { ContactKey } from '../../contact/contact.ts'
import { hashOf } from '../forgotten.ts'

interface Known {
  readonly id: string
  readonly forgottenAt: number
  readonly goneAt: number
}

type Row = [channel: string, userId: string, friendAt: number, messagedAt: number, goneAt: number]

/** Braze was asked to delete the profile: what came of that for others has to be seen to, whoever is back. */
const IS_OPEN = "tries > 0 AND state IN ('clearing', 'deleting')"
/** Their news is not ignored any more. */
const IS_BACK = 'ends_at = 0, external_ids = NULL, problem = NULL'

/**
 * Whose news is ignored, on one open database; to be asked within the transaction that would store it. Where nobody is
 * forgotten that costs a look at an empty table.
 */
export function createIgnoring(database: BetterSqlite3.Database) {
  const isAny = database.prepare('SELECT 1 FROM forgotten LIMIT 1').pluck()
  const keys = database.prepare<[], string>('SELECT DISTINCT key FROM forgotten').pluck()
  const find = database.prepare<[object], Known>(`
    SELECT id, forgotten_at AS forgottenAt, gone_at AS goneAt FROM forgotten
    WHERE hash = @hash AND (ends_at IS NULL OR ends_at > @now)`)
  const letIn = database.prepare('DELETE FROM forgotten WHERE id = @id')
  const keepBack = database.prepare(`UPDATE forgotten SET ${IS_BACK} WHERE id = @id AND ${IS_OPEN}`)
  const keepGone = database.prepare('UPDATE forgotten SET gone_at = @goneAt WHERE id = @id')

  /** What is known of somebody; undefined of those who are not forgotten. */
  function among(all: readonly string[], key: ContactKey, now: number): Known | undefined {
    for (const each of all) {
      const known = find.get({ hash: hashOf(each, key), now })
      if (known) return known
    }
    return undefined
  }

  /** What is to be learnt of a row of a webhook's; null: nothing. That they have blocked the account is kept for later. */
  function admitted(row: Row, all: readonly string[], now: number): Row | null {
    const [channel, userId, friendAt, messagedAt, goneAt] = row
    const known = among(all, { channel, userId }, now)
    if (!known) return row
    const { id, forgottenAt } = known
    const knownGoneAt = Math.max(known.goneAt, goneAt)
    if (friendAt > forgottenAt) {
      if (keepBack.run({ id }).changes === 0) letIn.run({ id })
      return [channel, userId, friendAt, messagedAt, knownGoneAt]
    }
    if (knownGoneAt > known.goneAt) keepGone.run({ id, goneAt: knownGoneAt })
    return null
  }

  const isEmpty = () => isAny.get() === undefined

  return {
    /** Evidence of webhooks, as JSON, without that of those who are forgotten; a newer follow event lets them back in. */
    evidence(rows: string, now: number): string {
      if (isEmpty()) return rows
      const all = keys.all()
      const admittedRows = (JSON.parse(rows) as Row[]).map((row) => admitted(row, all, now))
      return JSON.stringify(admittedRows.filter((row) => row !== null))
    },
    /** Of a list's user ids, as JSON, those who are not forgotten. */
    users(users: string, channel: string, now: number): string {
      if (isEmpty()) return users
      const all = keys.all()
      const isWelcome = (userId: string) => !among(all, { channel, userId }, now)
      return JSON.stringify((JSON.parse(users) as string[]).filter(isWelcome))
    },
    isForgotten: (key: ContactKey, now: number) => !isEmpty() && among(keys.all(), key, now) !== undefined,
  }
}

export type Ignoring = ReturnType<typeof createIgnoring>
