import { createGroupCommit, type GroupCommitOptions } from '../group-commit.ts'
import type { DueContact, FollowerPage, Ledger, LedgerError } from '../ledger.ts'
import type { PageRows } from './runs.ts'
import { type RemoteStore, startThread } from './thread.ts'

export interface SqliteLedgerOptions {
  /** The database file; it and its folder are made when missing. */
  readonly path: string
  /** Opens a copy instead, which is gone when the ledger is closed. Default false. */
  readonly isScratch?: boolean
  /** How long a call waits for another process's transaction. Default 1,500: LINE waits 2 seconds for a webhook. */
  readonly busyTimeoutMs?: number
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  readonly onCommit?: GroupCommitOptions['onCommit']
  /** Told when the database can't be used any more, unless `close` was the reason. */
  readonly onLost?: (error: LedgerError) => void
  /** Told what a person should mend before it does harm, in a sentence. */
  readonly onWarning?: (sentence: string) => void
}

const WEBHOOK_PATIENCE_MS = 1_500

/**
 * A ledger in one SQLite file, in WAL mode with `synchronous=FULL`, written by a thread of its own.
 *
 * @throws LedgerError when the file cannot be used, with what to do about it
 */
export async function openSqliteLedger(options: SqliteLedgerOptions): Promise<Ledger> {
  const { path, isScratch = false, busyTimeoutMs = WEBHOOK_PATIENCE_MS, onLost, onWarning } = options
  const setup = { path, isScratch, busyTimeoutMs }
  return createSqliteLedger(await startThread(setup, onLost, onWarning), options)
}

/** The ledger over an open store, wherever that runs. */
export function createSqliteLedger(
  store: RemoteStore,
  { clock = Date.now, onCommit }: Pick<SqliteLedgerOptions, 'clock' | 'onCommit'> = {},
): Ledger {
  const listeners = new Set<() => void>()
  const tellListeners = () => {
    for (const listener of listeners) listener()
  }

  const commits = createGroupCommit({
    ...(onCommit && { onCommit }),
    async commit({ evidence, acknowledgements, madeAt }) {
      const request = {
        evidence: rows(evidence, (e) => [e.channel, e.userId, e.friendAt, e.messagedAt, e.goneAt]),
        acceptances: rows(
          acknowledgements.filter(({ failure }) => failure === null),
          (a) => [a.id, a.revision, a.settledAt],
        ),
        rejections: rows(
          acknowledgements.filter(({ failure }) => failure !== null),
          (a) => [a.id, a.revision, a.settledAt, a.failure],
        ),
        now: clock(),
      }
      await store.write(request, madeAt)
      if (evidence.length > 0) tellListeners()
    },
  })

  return {
    record: async (evidence) => {
      if (evidence.length > 0) await commits.record(evidence)
    },
    onRecorded(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    due: async (now, limit) => JSON.parse(await store.due(now, limit)).map(dueContact),
    nextDueAt: store.nextDueAt,
    acknowledge: async (answers) => {
      if (answers.length > 0) await commits.acknowledge(answers)
    },
    clampDue: store.clampDue,

    async lock(name) {
      return (await store.lock(name)) ? () => store.unlock(name) : null
    },
    openRun: store.openRun,
    lastListed: store.lastListed,
    beginRun: (kind, channel, startedAt) => store.beginRun(kind, channel, startedAt, clock()),
    async recordPages(run, pages) {
      const stored = await store.recordPages(run, pageRows(pages), clock())
      tellListeners()
      return stored
    },
    countAbsent: store.countAbsent,
    async clearAbsent(run, after, limit) {
      const cleared = await store.clearAbsent(run, after, limit, clock())
      tellListeners()
      return cleared
    },
    endRun: store.endRun,
    contacts: (channel, after, limit) => store.contacts(channel, after, limit, clock()),
    async resend(run, ids) {
      const resent = await store.resend(run, JSON.stringify(ids), clock())
      tellListeners()
      return resent
    },
    outstanding: store.outstanding,
    claimAccount: store.claimAccount,

    holdLease: store.holdLease,
    releaseLease: store.releaseLease,
    counts: store.counts,
    oldestPendingAt: store.oldestPendingAt,
    probe: commits.probe,
    async close() {
      await commits.idle()
      await store.close()
    },
  }
}

type DueRow = [id: number, channel: string, userId: string, revision: number, reachable: number, at: number]

const dueContact = ([id, channel, userId, revision, reachable, changedAt]: DueRow): DueContact => ({
  id,
  channel,
  userId,
  revision,
  reachable: reachable === 1,
  changedAt,
})

function pageRows(pages: readonly FollowerPage[]): PageRows {
  const sum = (of: (page: FollowerPage) => number) => pages.reduce((total, page) => total + of(page), 0)
  return {
    users: JSON.stringify(
      pages.flatMap(({ listedAt, userIds }) => userIds.map((userId) => [userId, listedAt])),
    ),
    next: pages.at(-1)?.next ?? null,
    pages: pages.length,
    listed: sum(({ userIds }) => userIds.length),
    invalid: sum(({ invalid }) => invalid),
  }
}

/** One JSON text for a whole batch: it crosses to the thread as a copy of bytes, and SQLite reads it as it is. */
function rows<T>(items: readonly T[], row: (item: T) => unknown[]): string | null {
  return items.length > 0 ? JSON.stringify(items.map(row)) : null
}
