import { and, asc, type Drizzle, desc, eq, getTableColumns, gt, inArray, sql } from './drizzle.ts'
import { MERGE, newContacts } from './merge.ts'
import { accounts, contacts, counts, runs } from './schema.ts'

const OPEN = ['listing', 'clearing'] as const

/** The statements of runs, prepared once. */
export function prepareRuns(db: Drizzle) {
  const c = contacts
  const at = (place: string) => sql.placeholder(place)
  const { kind: _kind, ...shown } = getTableColumns(runs)
  // The plus keeps SQLite from an index by channel: the rows are wanted in the order of their ids.
  const known = {
    id: c.id,
    userId: c.userId,
    reachable: sql`${c.status} <> 'gone'`.mapWith(Boolean),
    failed: sql`${c.failure} IS NOT NULL`.mapWith(Boolean),
    settled: sql`NOT ${c.pending} AND ${c.dueAt} <= ${at('now')}`.mapWith(Boolean),
  }
  const isNamed = sql`${c.id} IN (SELECT value FROM json_each(${at('ids')}))`
  const isAbsent = sql`+${c.channel} = ${at('channel')} AND ${c.status} = 'friend' AND ${c.friendAt} < ${at('asOf')}`

  return {
    find: db
      .select(shown)
      .from(runs)
      .where(eq(runs.id, at('id')))
      .prepare(),
    open: db
      .select(shown)
      .from(runs)
      .where(
        and(
          eq(runs.channel, at('channel')),
          eq(runs.kind, 'backfill'),
          inArray(runs.state, [...OPEN]),
          sql`${runs.account} IS (SELECT destination FROM accounts WHERE channel = ${at('channel')})`,
        ),
      )
      .orderBy(desc(runs.id))
      .limit(1)
      .prepare(),
    lastListed: db
      .select({ listed: runs.listed })
      .from(runs)
      .where(and(eq(runs.channel, at('channel')), eq(runs.kind, 'backfill'), eq(runs.state, 'complete')))
      .orderBy(desc(runs.id))
      .limit(1)
      .prepare(),
    abandon: db
      .update(runs)
      .set({ state: 'abandoned' })
      .where(and(eq(runs.channel, at('channel')), eq(runs.kind, at('kind')), inArray(runs.state, [...OPEN])))
      .prepare(),
    begin: db
      .insert(runs)
      .values({
        kind: sql`${at('kind')}`,
        channel: at('channel'),
        account: sql`${at('account')}`,
        asOf: at('asOf'),
        state: 'listing',
        cursor: null,
        cursorAt: at('now'),
        known: at('known'),
      })
      .prepare(),
    advance: db
      .update(runs)
      .set({
        state: sql`${at('state')}`,
        cursor: sql`${at('cursor')}`,
        cursorAt: sql`${at('now')}`,
        pages: sql`${runs.pages} + ${at('pages')}`,
        listed: sql`${runs.listed} + ${at('listed')}`,
        invalid: sql`${runs.invalid} + ${at('invalid')}`,
        added: sql`${runs.added} + ${at('added')}`,
        returned: sql`${runs.returned} + ${at('returned')}`,
        gone: sql`${runs.gone} + ${at('gone')}`,
      })
      .where(eq(runs.id, at('id')))
      .prepare(),
    addGone: db
      .update(runs)
      .set({ gone: sql`${runs.gone} + ${at('gone')}` })
      .where(eq(runs.id, at('id')))
      .prepare(),
    end: db
      .update(runs)
      .set({ state: sql`${at('state')}`, cursor: null })
      .where(eq(runs.id, at('id')))
      .prepare(),

    list: db
      .insert(c)
      .select(
        newContacts({
          channel: sql`${at('channel')}`,
          userId: sql`value`,
          friendAt: sql`${at('asOf')}`,
          messagedAt: sql`0`,
          goneAt: sql`0`,
          run: sql`${at('id')}`,
          // In the order of the index, so that each of its pages is changed once and not with every other user.
          from: sql`json_each(${at('users')}) WHERE true ORDER BY 3`,
        }),
      )
      .onConflictDoUpdate(MERGE)
      .prepare(),
    countAbsent: db.select({ absent: sql<number>`count(*)` }).from(c).where(isAbsent).prepare(),
    absent: db
      .select({ id: c.id })
      .from(c)
      .where(and(gt(c.id, at('after')), isAbsent))
      .orderBy(asc(c.id))
      .limit(at('limit'))
      .prepare(),
    clear: db
      .insert(c)
      .select(
        newContacts({
          channel: sql`channel`,
          userId: sql`user_id`,
          friendAt: sql`0`,
          messagedAt: sql`0`,
          goneAt: sql`${at('asOf')}`,
          run: sql`${at('id')}`,
          // Somebody may have followed since they were found.
          from: sql`contacts WHERE id IN (SELECT value FROM json_each(${at('ids')})) AND status = 'friend' AND friend_at < ${at('asOf')}`,
        }),
      )
      .onConflictDoUpdate(MERGE)
      .prepare(),

    page: db
      .select(known)
      .from(c)
      .where(and(gt(c.id, at('after')), sql`+${c.channel} = ${at('channel')}`))
      .orderBy(asc(c.id))
      .limit(at('limit'))
      .prepare(),
    lookUp: db.select(known).from(c).where(isNamed).orderBy(asc(c.id)).prepare(),
    resend: db
      .update(c)
      .set({
        // What an earlier run made due is due already, and is only taken over.
        revision: sql`${c.revision} + NOT ${c.pending}`,
        changedAt: sql`iif(${c.pending}, ${c.changedAt}, ${at('now')})`,
        dueAt: sql`max(${c.dueAt}, ${at('now')})`,
        failure: null,
        run: sql`${at('run')}`,
      })
      .where(sql`${isNamed} AND (NOT ${c.pending} OR ${c.bulk})`)
      .prepare(),
    // Their conditions are those of the partial indexes, word for word: SQLite uses them for nothing else.
    bulkPending: db
      .select({
        all: sql<number>`count(*)`,
        mine: sql<number>`count(*) FILTER (WHERE ${c.run} = ${at('id')})`,
      })
      .from(c)
      .where(and(sql`pending`, eq(c.bulk, true)))
      .prepare(),
    failed: db
      .select({ failed: sql<number>`count(*)` })
      .from(c)
      .where(and(sql`failure IS NOT NULL`, sql`${c.run} = ${at('id')}`))
      .prepare(),

    counts: db
      .select()
      .from(counts)
      .where(eq(counts.channel, at('channel')))
      .prepare(),
    claim: db
      .insert(accounts)
      .values({ channel: at('channel'), destination: at('destination'), heard: sql`${at('heard')}` })
      .onConflictDoUpdate({
        target: accounts.channel,
        set: { destination: sql`excluded.destination`, heard: sql`excluded.heard` },
        setWhere: sql`excluded.heard AND NOT ${accounts.heard}`,
      })
      .prepare(),
    account: db
      .select({ destination: accounts.destination })
      .from(accounts)
      .where(eq(accounts.channel, at('channel')))
      .prepare(),
  }
}
