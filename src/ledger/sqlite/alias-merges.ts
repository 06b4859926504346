import type BetterSqlite3 from 'better-sqlite3'
import type { DueMerge, MergeStep } from '../ledger.ts'
import type { createPlacement } from './placement.ts'
import type { Stored, transactions } from './stored.ts'

/** Alias profiles that are handed over to customers, on one open database. */
export function createMergeStore(
  database: BetterSqlite3.Database,
  atomic: ReturnType<typeof transactions>,
  place: ReturnType<typeof createPlacement>,
) {
  const statements = prepare(database)

  /** Nothing is kept where something else is to be done by now. */
  function keep(now: number, { id, action, outcome, restMs }: MergeStep) {
    const at = Math.ceil(now + restMs)
    if (outcome === 'again') statements.again.run({ id, action, at })
    else if (outcome === 'asked') statements.asked.run({ id, action, at })
    else if (outcome === 'renamed') {
      if (statements.forget.run({ id, action }).changes === 0) return
      statements.rest.run({ id, at })
      statements.touch.run({ id })
    } else if (statements.ended.run({ id, action, outcome }).changes > 0) {
      statements.assertAgain.run({ id, now })
      statements.touch.run({ id })
    }
  }

  return {
    toMerge: (now, limit, actions) =>
      actions.flatMap((action) => statements.due.all({ action, now, limit })).slice(0, limit),
    nextMergeMs(now, actions) {
      const next = actions.flatMap((action) => statements.next.all({ action }))
      return next.length > 0 ? Math.min(...next) - now : null
    },
    keepMerges: atomic((now, steps) => {
      for (const step of steps) keep(now, step)
      place(now)
    }),
  } satisfies Partial<Stored>
}

const IS_AS_BEFORE = 'contact = @id AND action = @action'

const prepare = (database: BetterSqlite3.Database) => ({
  due: database.prepare<[object], DueMerge>(`
    SELECT merges.contact AS id, contacts.channel, contacts.user_id AS userId,
      merges.external_id AS externalId, merges.action, merges.tries
    FROM merges JOIN contacts ON contacts.id = merges.contact
    WHERE merges.action = @action AND merges.due_at <= @now ORDER BY merges.due_at LIMIT @limit`),
  next: database
    .prepare<[object], number>('SELECT due_at FROM merges WHERE action = @action ORDER BY due_at LIMIT 1')
    .pluck(),
  again: database.prepare(`
    UPDATE merges SET tries = tries + 1, due_at = @at, action = iif(action = 'look', 'identify', action)
    WHERE ${IS_AS_BEFORE}`),
  asked: database.prepare(`
    UPDATE merges SET is_asked = 1, action = 'look', due_at = @at WHERE ${IS_AS_BEFORE}`),
  ended: database.prepare(`
    UPDATE merges SET outcome = @outcome, action = NULL WHERE ${IS_AS_BEFORE}`),
  forget: database.prepare(`DELETE FROM merges WHERE ${IS_AS_BEFORE}`),
  rest: database.prepare('UPDATE contacts SET due_at = max(due_at, @at) WHERE id = @id'),
  touch: database.prepare('INSERT OR IGNORE INTO touched VALUES (@id)'),
  /** Whatever a merge has made of it. What the first look has left alone was never handed over. */
  assertAgain: database.prepare(`
    UPDATE customers SET
      revision = revision + 1,
      changed_at = iif(pending, changed_at, @now),
      due_at = max(due_at, @now),
      failure = NULL
    WHERE id = (SELECT customer FROM contacts WHERE id = @id) AND revision > 0
      AND EXISTS (SELECT 1 FROM merges WHERE contact = @id AND (outcome <> 'left' OR tries > 0))`),
})
