import type BetterSqlite3 from 'better-sqlite3'
import { type KnownContact, LedgerError, type Outstanding, type Run, type RunKind } from '../ledger.ts'
import type { Drizzle } from './drizzle.ts'
import { prepareRuns } from './run-statements.ts'

/** Pages on their way into one transaction. */
export interface PageRows {
  /** As JSON: `[userId, …]` */
  readonly users: string
  readonly pages: number
  readonly next: string | null
  readonly listed: number
  readonly invalid: number
}

/** A run as its row says. */
export type RunRow = Omit<Run, 'cursorAgeMs'> & {
  /** When the cursor was stored, by the ledger's clock. */
  readonly cursorAt: number
}

/** Contacts cleared in one transaction: other processes wait for as long. */
const CLEAR_AT_ONCE = 2_000

/** The statements of runs on one open database; see `createStore`. */
export function createRunStore(database: BetterSqlite3.Database, db: Drizzle) {
  const statements = prepareRuns(db)

  const find = (id: number): RunRow => {
    const run = statements.find.get({ id })
    if (!run) throw new Error(`There is no run ${id}.`)
    return run
  }
  /** A webhook may have told meanwhile that the run's token is of another account. */
  const assertSameAccount = (run: RunRow): RunRow => {
    if (run.account === (statements.account.get({ channel: run.channel })?.destination ?? null)) return run
    throw new LedgerError(
      'Webhooks now name another LINE Official Account than that of this run: its token was wrong, and nothing more of it is stored.',
    )
  }
  const countsOf = (channel: string) => {
    const { friend, messager, gone } = statements.counts.get({ channel }) ?? NOBODY
    return { all: friend + messager + gone, friend, gone }
  }

  const beginRun = database.transaction((kind: RunKind, channel: string, asOf: number, now: number) => {
    statements.abandon.run({ kind, channel })
    const known = countsOf(channel).friend
    const account = statements.account.get({ channel })?.destination ?? null
    const { lastInsertRowid } = statements.begin.run({ kind, channel, account, asOf, now, known })
    return find(Number(lastInsertRowid))
  })

  const recordPages = database.transaction((id: number, rows: PageRows, now: number) => {
    const { channel, asOf } = assertSameAccount(find(id))
    const before = countsOf(channel)
    statements.list.run({ id, channel, asOf, users: rows.users, now })
    const after = countsOf(channel)
    // Being listed makes nobody gone, so that what is fewer of them has returned.
    const [added, returned] = [after.all - before.all, before.gone - after.gone]
    statements.advance.run({
      id,
      state: rows.next === null ? 'clearing' : 'listing',
      cursor: rows.next,
      now,
      pages: rows.pages,
      listed: rows.listed,
      invalid: rows.invalid,
      added,
      returned,
      gone: 0,
    })
    return { run: find(id), changed: added + returned }
  })

  const clear = database.transaction((id: number, ids: string, now: number): RunRow => {
    const { channel, asOf } = assertSameAccount(find(id))
    const before = countsOf(channel).gone
    statements.clear.run({ id, asOf, ids, now })
    statements.addGone.run({ id, gone: countsOf(channel).gone - before })
    return find(id)
  })

  const resend = database.transaction((run: number, ids: string, now: number): number => {
    return statements.resend.run({ run, ids, now }).changes
  })

  const claimAccount = database.transaction((channel: string, destination: string, heard: boolean) => {
    statements.claim.run({ channel, destination, heard: Number(heard) })
    return statements.account.get({ channel })?.destination ?? destination
  })

  return {
    openRun: (channel: string): RunRow | null => statements.open.get({ channel }) ?? null,
    lastListed: (channel: string): number | null => statements.lastListed.get({ channel })?.listed ?? null,
    beginRun: (kind: RunKind, channel: string, asOf: number, now: number): RunRow =>
      beginRun.immediate(kind, channel, asOf, now),
    recordPages: (id: number, rows: PageRows, now: number) => recordPages.immediate(id, rows, now),
    countAbsent(id: number): number {
      const { channel, asOf } = find(id)
      return statements.countAbsent.get({ channel, asOf })?.absent ?? 0
    },
    /** Whom to clear is found without keeping anybody from writing: it may be one in a million. */
    clearAbsent(id: number, after: number, now: number) {
      const { channel, asOf } = find(id)
      const absent = statements.absent.all({ channel, asOf, after, limit: CLEAR_AT_ONCE })
      const ids = absent.map((contact) => contact.id)
      const last = ids.at(-1)
      if (last === undefined) return { run: find(id), after: null }
      return { run: clear.immediate(id, JSON.stringify(ids), now), after: last }
    },
    endRun(id: number, state: 'complete' | 'abandoned'): RunRow {
      statements.end.run({ id, state })
      return find(id)
    },
    contacts: (channel: string, after: number, limit: number, now: number): KnownContact[] =>
      statements.page.all({ channel, after, limit, now }),
    lookUp: (ids: string, now: number): KnownContact[] => statements.lookUp.all({ ids, now }),
    resend: (run: number, ids: string, now: number): number => resend.immediate(run, ids, now),
    outstanding(id: number): Outstanding {
      const { all = 0, mine = 0 } = statements.bulkPending.get({ id }) ?? {}
      const { failed = 0 } = statements.failed.get({ id }) ?? {}
      return { pending: mine, failed, earlier: all - mine }
    },
    claimAccount: (channel: string, destination: string, heard: boolean): string =>
      claimAccount.immediate(channel, destination, heard),
  }
}

const NOBODY = { friend: 0, messager: 0, gone: 0 }
