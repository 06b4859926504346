import type { ChannelCounts } from '../ledger.ts'
import { and, asc, type Drizzle, drizzle, eq, gt, inArray, lte, sql } from './drizzle.ts'
import { createLeaseStore } from './leases.ts'
import { createLocks } from './locks.ts'
import { MERGE, newContacts } from './merge.ts'
import type { OpenDatabase } from './open.ts'
import { createRunStore } from './runs.ts'
import { contacts, counts, probes } from './schema.ts'

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

/** The statements of the ledger on one open database. Synchronous: each call is over when it returns. */
export function createStore({ db: database }: Pick<OpenDatabase, 'db'>) {
  const db = drizzle(database)
  const statements = prepare(db)
  const locks = createLocks(database.name)

  const write = database.transaction(({ evidence, acceptances, rejections, now }: WriteRequest) => {
    if (evidence) statements.record.run({ rows: evidence, now })
    if (acceptances) statements.accept.run({ rows: acceptances, now })
    if (rejections) statements.reject.run({ rows: rejections })
    if (!evidence && !acceptances && !rejections) statements.probe.run({})
  })

  const nextDue = () => {
    const [first, second] = [0, 1].map((bulk) => statements.nextDue.get({ bulk }))
    return first && second ? (second.dueAt < first.dueAt ? second : first) : (first ?? second)
  }

  return {
    // IMMEDIATE: the transaction waits for its turn at the start, and can't fail on a lock halfway.
    write: (request: WriteRequest) => write.immediate(request),
    /** As JSON `[[id, channel, userId, revision, reachable, changedAt], …]`: objects cost far more to hand over. */
    due(now: number, limit: number): string {
      const news = statements.due.values({ bulk: 0, now, limit })
      const rest = limit - news.length
      return JSON.stringify(
        rest > 0 ? news.concat(statements.due.values({ bulk: 1, now, limit: rest })) : news,
      )
    },
    nextDueAt: (): number | null => nextDue()?.dueAt ?? null,
    clampDue(latest: number) {
      statements.clampDue.run({ latest })
    },
    counts: (): ChannelCounts[] => statements.counts.all(),
    oldestPendingAt: (): number | null => nextDue()?.changedAt ?? null,
    ...createLeaseStore(database, db, locks),
    ...createRunStore(database, db),
    lock: locks.lock,
    unlock: locks.unlock,
    close() {
      locks.close()
      database.close()
    },
  }
}

export type Store = ReturnType<typeof createStore>

function prepare(db: Drizzle) {
  const c = contacts
  const at = (place: string) => sql.placeholder(place)
  const answers = sql`json_each(${at('rows')}) AS answer`
  const answered = (field: number) => sql`answer.value ->> ${sql.raw(String(field))}`
  // The condition of the partial index, word for word: SQLite uses the index for nothing else.
  const isPending = sql`pending`

  return {
    record: db
      .insert(c)
      .select(
        newContacts({
          channel: sql`value ->> 0`,
          userId: sql`value ->> 1`,
          friendAt: sql`value ->> 2`,
          messagedAt: sql`value ->> 3`,
          goneAt: sql`value ->> 4`,
          run: sql`null`,
          from: sql`json_each(${at('rows')}) WHERE true`,
        }),
      )
      .onConflictDoUpdate(MERGE)
      .prepare(),

    accept: db
      .update(c)
      .set({
        accepted: sql`max(${c.accepted}, ${answered(1)})`,
        // What changed while the request was under way has been pending since then.
        changedAt: sql`iif(${c.revision} > ${answered(1)}, max(${c.changedAt}, ${at('now')}), ${c.changedAt})`,
        dueAt: sql`max(${c.dueAt}, ${answered(2)})`,
      })
      .from(answers)
      .where(sql`${c.id} = ${answered(0)}`)
      .prepare(),

    reject: db
      .update(c)
      .set({
        failure: sql`iif(${c.revision} = ${answered(1)}, ${answered(3)}, ${c.failure})`,
        dueAt: sql`max(${c.dueAt}, ${answered(2)})`,
      })
      .from(answers)
      .where(sql`${c.id} = ${answered(0)}`)
      .prepare(),

    probe: db
      .update(probes)
      .set({ probed: sql`${probes.probed} + 1` })
      .prepare(),

    due: db
      .select({
        id: c.id,
        channel: c.channel,
        userId: c.userId,
        revision: c.revision,
        reachable: sql`${c.status} <> 'gone'`,
        changedAt: c.changedAt,
      })
      .from(c)
      .where(and(isPending, eq(c.bulk, sql`${at('bulk')}`), lte(c.dueAt, at('now'))))
      .orderBy(asc(c.dueAt))
      .limit(at('limit'))
      .prepare(),

    nextDue: db
      .select({ dueAt: c.dueAt, changedAt: c.changedAt })
      .from(c)
      .where(and(isPending, eq(c.bulk, sql`${at('bulk')}`)))
      .orderBy(asc(c.dueAt))
      .limit(1)
      .prepare(),

    clampDue: db
      .update(c)
      .set({ dueAt: sql`${at('latest')}` })
      .where(and(isPending, inArray(c.bulk, [false, true]), gt(c.dueAt, at('latest'))))
      .prepare(),

    counts: db.select().from(counts).orderBy(asc(counts.channel)).prepare(),
  }
}
