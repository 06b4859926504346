import { asc, drizzle } from './drizzle.ts'
import { createLeaseStore } from './leases.ts'
import { createLocks } from './locks.ts'
import { learning } from './merge.ts'
import type { OpenDatabase } from './open.ts'
import { createRunContacts } from './run-contacts.ts'
import { createRunStore } from './runs.ts'
import { type contacts, counts } from './schema.ts'
import { type Stored, transactions } from './stored.ts'

/** Rows on their way into one transaction, as JSON: one statement takes them all. */
export interface WriteRequest {
  /** `[[channel, userId, friendAt, messagedAt, goneAt], …]`, no contact twice */
  readonly evidence: string | null
  /** What Braze accepted: `[[id, revision, settledAt], …]` */
  readonly acceptances: string | null
  /** What Braze rejected, which is rare: `[[id, revision, settledAt, failure], …]` */
  readonly rejections: string | null
  readonly now: number
}

/** What the ledger asks of one open database. Synchronous: each call is over when it returns. */
export function createStore({ db: database }: Pick<OpenDatabase, 'db'>) {
  const db = drizzle(database)
  const statements = prepare(database)
  const locks = createLocks(database.name)
  const atomic = transactions(database)
  const runs = createRunStore(db, atomic)
  const allCounts = db.select().from(counts).orderBy(asc(counts.channel)).prepare()

  const nextDue = () =>
    [0, 1].flatMap((bulk) => statements.nextDue.all({ bulk })).sort((a, b) => a.dueAt - b.dueAt)[0]

  const stored = {
    nextDueMs(now) {
      const next = nextDue()
      return next ? next.dueAt - now : null
    },
    clampDue(now, ms) {
      statements.clampDue.run({ latest: Math.ceil(now + ms) })
    },
    counts: () => allCounts.all(),
    oldestPendingMs(now) {
      const next = nextDue()
      return next ? Math.max(0, now - next.changedAt) : null
    },
  } satisfies Partial<Stored>

  return {
    ...stored,
    ...createLeaseStore(db, atomic, locks),
    ...runs.stored,
    ...createRunContacts(database, atomic, runs),

    write: atomic(({ evidence, acceptances, rejections, now }: WriteRequest) => {
      if (evidence) statements.record.run({ rows: evidence, now })
      if (acceptances) statements.accept.run({ rows: acceptances, now })
      if (rejections) statements.reject.run({ rows: rejections })
      if (!evidence && !acceptances && !rejections) statements.probe.run()
    }),
    /** As JSON `[[id, channel, userId, revision, reachable, changedAt], …]`: objects cost far more to hand over. */
    due(now: number, limit: number): string {
      const news = statements.due.all({ bulk: 0, now, limit })
      const rest = limit - news.length
      return JSON.stringify(rest > 0 ? news.concat(statements.due.all({ bulk: 1, now, limit: rest })) : news)
    },
    lock: locks.lock,
    unlock: locks.unlock,
    close() {
      locks.close()
      database.close()
    },
  }
}

export type Store = ReturnType<typeof createStore>

/** `pending` is the condition of a partial index, word for word: SQLite uses the index for nothing else. */
const prepare = (database: OpenDatabase['db']) => ({
  record: database.prepare(
    learning(
      'value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, NULL',
      'json_each(@rows) WHERE true',
    ),
  ),
  accept: database.prepare(`
    UPDATE contacts SET
      accepted = max(accepted, answer.value ->> 1),
      -- What changed while the request was under way has been pending since then.
      changed_at = iif(revision > answer.value ->> 1, max(changed_at, @now), changed_at),
      due_at = max(due_at, answer.value ->> 2)
    FROM json_each(@rows) AS answer WHERE contacts.id = answer.value ->> 0`),
  reject: database.prepare(`
    UPDATE contacts SET
      failure = iif(revision = answer.value ->> 1, answer.value ->> 3, failure),
      due_at = max(due_at, answer.value ->> 2)
    FROM json_each(@rows) AS answer WHERE contacts.id = answer.value ->> 0`),
  probe: database.prepare('UPDATE probes SET probed = probed + 1'),
  due: database
    .prepare(`
      SELECT id, channel, user_id, revision, status <> 'gone', changed_at FROM contacts
      WHERE pending AND bulk = @bulk AND due_at <= @now ORDER BY due_at LIMIT @limit`)
    .raw(),
  nextDue: database.prepare<[object], Pick<typeof contacts.$inferSelect, 'dueAt' | 'changedAt'>>(`
    SELECT due_at AS dueAt, changed_at AS changedAt FROM contacts
    WHERE pending AND bulk = @bulk ORDER BY due_at LIMIT 1`),
  clampDue: database.prepare(`
    UPDATE contacts SET due_at = @latest WHERE pending AND bulk IN (0, 1) AND due_at > @latest`),
})
