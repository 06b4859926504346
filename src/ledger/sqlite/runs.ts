import { LedgerError, type Run } from '../ledger.ts'
import { and, type Drizzle, desc, eq, inArray, isNull, sql } from './drizzle.ts'
import { accounts, counts, runs } from './schema.ts'
import type { Stored, transactions } from './stored.ts'

type Row = typeof runs.$inferSelect

/** A run as the ledger's interface has it. */
export const asRun = ({ kind: _, cursorAt, beganAt: __, endedAt: ___, ...run }: Row, now: number): Run => ({
  ...run,
  cursorAgeMs: now - cursorAt,
})

/** Runs, and the accounts that they are of, on one open database. What they do to contacts is in run-contacts.ts. */
export function createRunStore(db: Drizzle, atomic: ReturnType<typeof transactions>) {
  function found(id: number, run: Row | undefined): Row {
    if (!run) throw new Error(`There is no run ${id}.`)
    return run
  }
  const find = (id: number) => found(id, db.select().from(runs).where(eq(runs.id, id)).get())
  const change = (id: number, to: Partial<Row>) =>
    found(id, db.update(runs).set(to).where(eq(runs.id, id)).returning().get())
  const accountOf = (channel: string) =>
    db.select().from(accounts).where(eq(accounts.channel, channel)).get() ?? null
  const ofChannel = eq(counts.channel, sql.placeholder('channel'))
  // Asked for twice in each commit of a run.
  const findCounts = db.select().from(counts).where(ofChannel).prepare()
  const countsOf = (channel: string) => {
    const { friend, messager, gone } = findCounts.get({ channel }) ?? NOBODY
    return { all: friend + messager + gone, friend, gone }
  }
  const isOfBackfill = (channel: string) => and(eq(runs.channel, channel), eq(runs.kind, 'backfill'))
  const isOpen = inArray(runs.state, ['listing', 'clearing'])

  const stored = {
    openRun(now, channel) {
      const account = accountOf(channel)
      const isOfAccount = account ? eq(runs.account, account.destination) : isNull(runs.account)
      const newest = desc(runs.id)
      const where = and(isOfBackfill(channel), isOpen, isOfAccount)
      const run = db.select().from(runs).where(where).orderBy(newest).limit(1).get()
      return run ? asRun(run, now) : null
    },
    lastListed(_now, channel) {
      const where = and(isOfBackfill(channel), eq(runs.state, 'complete'))
      return db.select().from(runs).where(where).orderBy(desc(runs.id)).limit(1).get()?.listed ?? null
    },
    beginRun: atomic((now, kind, channel, asOf = 0) => {
      const before = and(eq(runs.channel, channel), eq(runs.kind, kind), isOpen)
      db.update(runs).set({ state: 'abandoned', endedAt: now }).where(before).run()
      const account = accountOf(channel)?.destination ?? null
      const known = countsOf(channel).friend
      const begun = {
        kind,
        channel,
        account,
        asOf,
        state: 'listing',
        cursorAt: now,
        known,
        beganAt: now,
      } as const
      return asRun(db.insert(runs).values(begun).returning().get(), now)
    }),
    endRun: (now, id, state) => asRun(change(id, { state, cursor: null, endedAt: now }), now),
    claimAccount: atomic((_now, channel, destination, heard) => {
      const known = accountOf(channel)
      if (known && (known.heard || !heard)) return known.destination
      const claimed = { channel, destination, heard }
      db.insert(accounts).values(claimed).onConflictDoUpdate({ target: accounts.channel, set: claimed }).run()
      return destination
    }),
  } satisfies Partial<Stored>

  return {
    stored,
    find,
    change,
    countsOf,
    /** A webhook may have told meanwhile that the run's token is of another account. */
    findOfAccount(id: number): Row {
      const run = find(id)
      if (run.account === (accountOf(run.channel)?.destination ?? null)) return run
      throw new LedgerError(
        'Webhooks now name another LINE Official Account than that of this run: its token was wrong, and nothing more of it is stored.',
      )
    },
  }
}

export type RunStore = ReturnType<typeof createRunStore>

const NOBODY = { friend: 0, messager: 0, gone: 0 }
