import { type Acknowledgements, createGroupCommit, type GroupCommitOptions } from '../group-commit.ts'
import type { DueProfile, FollowerPage, Ledger, LedgerError, Run, StoredLink } from '../ledger.ts'
import { ROW_KINDS, type RowPart } from '../records.ts'
import type { DueRow } from './due-profiles.ts'
import type { FailurePage, FailurePlace } from './failures.ts'
import type { PageRows, Slice } from './run-contacts.ts'
import type { Store } from './store.ts'
import type { Stored } from './stored.ts'
import { type RemoteStore, startThread } from './thread.ts'
import { createTurns, LINKS_AT_ONCE, RESEND_AT_ONCE, type TurnsOptions } from './turns.ts'
import type { AnswerRows } from './write.ts'

export interface SqliteLedgerOptions {
  /** The database file; it and its folder are made when missing. */
  readonly path: string
  /** For rehearsals: nothing that is recorded is kept, and nobody else sees it. Here a copy of the file. Default false. */
  readonly isScratch?: boolean
  /** Whether it is up to date and only read: then a full disk or another program's lock is in nobody's way. Default false. */
  readonly isLook?: boolean
  /** How long a call waits for another process's transaction. Default 1,500: LINE waits 2 seconds for a webhook. */
  readonly busyTimeoutMs?: number
  /**
   * For so long after the last message who only wrote counts as reachable. A message that is older than that says nothing.
   * Default 0: for ever.
   */
  readonly messagerWindowMs?: number
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  readonly onCommit?: GroupCommitOptions['onCommit']
  readonly trace?: GroupCommitOptions['trace']
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
  const { path, isScratch = false, isLook = false, messagerWindowMs = 0, onLost, onWarning } = options
  const { busyTimeoutMs = WEBHOOK_PATIENCE_MS } = options
  const setup = { path, isScratch, isLook, busyTimeoutMs, messagerWindowMs }
  return createSqliteLedger(await startThread(setup, onLost, onWarning), options)
}

/** The ledger over an open store, wherever that runs. */
export function createSqliteLedger(
  store: RemoteStore,
  {
    clock = Date.now,
    onCommit,
    trace,
    rest,
  }: Pick<SqliteLedgerOptions, 'clock' | 'onCommit' | 'trace'> & TurnsOptions = {},
): Ledger {
  const listeners = new Set<() => void>()
  // Each by itself: what is stored is stored, whatever a listener does.
  const tellListeners = () => {
    for (const listener of listeners) queueMicrotask(listener)
  }
  async function told<T>(write: Promise<T>): Promise<T> {
    const written = await write
    tellListeners()
    return written
  }
  const turns = createTurns({ rest })
  const { write, unlock, ...ofOneCall } = store

  const commits = createGroupCommit({
    ...(onCommit && { onCommit }),
    ...(trace && { trace }),
    async commit({ evidence, acknowledgements, madeAt }) {
      const now = clock()
      const request = {
        evidence: rows(evidence.map((e) => [e.channel, e.userId, e.friendAt, e.messagedAt, e.goneAt])),
        ...answerRows(acknowledgements, now),
        now,
      }
      await write(request, madeAt)
      if (evidence.length > 0) tellListeners()
    },
  })

  /** Until a look through the whole file finds nothing any more. False: somebody reads or writes all the time. */
  async function wipeNames(names: readonly string[]): Promise<boolean> {
    for (;;) {
      const pages = new Set<number>()
      for (let after: number | null = 0; after !== null; ) {
        const found: Awaited<ReturnType<RemoteStore['findRemains']>> = await store.findRemains(
          clock(),
          names,
          after,
        )
        if (!found) return false
        for (const page of found.pages) pages.add(page)
        after = found.after
      }
      const wiped = await store.wipeRemains(clock(), [...pages])
      if (wiped === null) return false
      if (wiped === 0) return true
    }
  }

  return {
    ...timed(ofOneCall, clock),
    record: async (evidence) => {
      if (evidence.length > 0) await commits.record(evidence)
    },
    onRecorded(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async due(limit, channels) {
      const now = clock()
      return JSON.parse(await store.due(now, limit, channels)).map((row: DueRow) => dueProfile(row, now))
    },
    acknowledge: async (answers, settleMs) => {
      if (answers.length > 0) await commits.acknowledge(answers, settleMs)
    },
    async lock(name) {
      return (await store.lock(name)) ? () => unlock(name) : null
    },
    async recordPages(id, pages) {
      let run: Run | undefined
      for (const waiting = [...pages]; waiting.length > 0; ) {
        const together = waiting.splice(0, turns.pagesAtOnce())
        const stored = await turns.writePages(together.length, () =>
          told(store.recordPages(clock(), id, pageRows(together))),
        )
        run = stored.run
      }
      return run as Run
    },
    clearAbsent: (id) => slices((after) => turns.write(() => told(store.clearAbsent(clock(), id, after)))),
    async link(links, run) {
      const stored: StoredLink[] = []
      for (let from = 0; from < links.length; from += LINKS_AT_ONCE) {
        const some = links.slice(from, from + LINKS_AT_ONCE)
        const write = () => told(store.link(clock(), some, run))
        // What a person waits for takes no turns.
        stored.push(...(await (run === undefined ? write() : turns.write(write))))
      }
      return stored
    },
    redeemNonce: (...args) => told(store.redeemNonce(clock(), ...args)),
    linkOnce: (...args) => told(store.linkOnce(clock(), ...args)),
    keepChecks: (...args) => told(store.keepChecks(clock(), ...args)),
    recheck: (...args) => told(store.recheck(clock(), ...args)),
    keepMerges: (...args) => told(store.keepMerges(clock(), ...args)),
    links: (channel) => slices((after) => store.links(clock(), channel, after)),
    profiles: (channel) => slices((after) => store.profiles(clock(), channel, after)),
    async resend(run, ids) {
      let resent = 0
      for (let from = 0; from < ids.length; from += RESEND_AT_ONCE) {
        const some = ids.slice(from, from + RESEND_AT_ONCE)
        resent += await turns.write(() => told(store.resend(clock(), run, some)))
      }
      return resent
    },
    async *failures(channels) {
      for (let after: FailurePlace | null = null; ; ) {
        const page: FailurePage = await store.failurePage(clock(), channels ?? null, after)
        if (!page.last) return
        yield page.failures
        after = page.last
      }
    },
    async *dump() {
      yield { kind: 'ledger', id: await store.ledgerId() }
      for (const kind of ROW_KINDS) {
        let after: number | string | null = null
        do {
          const { rows, last }: Awaited<ReturnType<RemoteStore['dumpRows']>> = await store.dumpRows(
            clock(),
            kind,
            after,
          )
          if (rows !== '[]') yield { kind, rows: JSON.parse(rows) } as RowPart
          after = last
        } while (after !== null)
      }
      yield { kind: 'end' }
    },
    load(part) {
      if (part.kind === 'ledger') return store.beginLoad(clock(), part.id)
      return part.kind === 'end'
        ? store.endLoad()
        : store.loadRows(clock(), part.kind, JSON.stringify(part.rows))
    },
    forget: (...args) => told(store.forget(clock(), ...args)),
    async erase(receipt, profile) {
      const erased = await told(store.eraseRows(clock(), receipt, profile))
      if (erased === 'again') return false
      if (erased === null) return true
      if (erased.isNamed) {
        if (!(await wipeNames(erased.names))) return false
        await store.unname(clock(), receipt)
      }
      if ((await store.wipeRemains(clock(), 'own')) === null) return false
      await store.endErasing(clock(), receipt)
      return true
    },
    probe: commits.probe,
    // It is here, and answers.
    hasten() {},
    async close() {
      await commits.idle()
      await store.close()
    },
  }
}

/** Methods that are one call of the store's method of that name. */
type Timed = { [M in keyof Ledger & keyof Store as Store[M] extends Stored[M] ? M : never]: Ledger[M] }

/** The store's methods, each told first at which moment it is called. */
function timed(store: object, clock: () => number): Timed {
  const methods = Object.entries<(...args: never[]) => unknown>(store as never)
  return Object.fromEntries(
    methods.map(([name, method]) => [
      name,
      (...args: unknown[]) => method(...([clock(), ...args] as never[])),
    ]),
  ) as unknown as Timed
}

/** What `read` brings, beginning after the contact 0, until it says that there is no more. */
async function* slices<T>(read: (after: number) => Promise<Slice<T>>): AsyncGenerator<T> {
  for (let after: number | null = 0; after !== null; ) {
    const slice: Slice<T> = await read(after)
    yield slice.value
    after = slice.after
  }
}

const dueProfile = ([id, channel, name, revision, value, changedAt]: DueRow, now: number): DueProfile => ({
  id,
  channel,
  address: id > 0 ? { userId: name } : { externalId: name },
  revision,
  value: value === 1 ? name : typeof value === 'string' ? value : null,
  mayHold: value !== 2,
  pendingMs: now - changedAt,
})

function answerRows(acknowledgements: readonly Acknowledgements[], now: number) {
  const [told, untold, rejected] = [newAnswers(), newAnswers(), newAnswers()]
  // One process delivers as one holder.
  let untoldBy: string | null = null
  for (const { answers, settleMs } of acknowledgements) {
    for (const { id, revision, failure, untold: by } of answers) {
      // Ids of customers' profiles are below 0, see profile-ids.ts.
      const kind = (id as number) > 0 ? 'contact' : 'customer'
      const row = [Math.abs(id as number), revision, by ? 0 : Math.ceil(now + settleMs)]
      if (failure !== null) rejected[kind].push([...row, failure])
      else (by ? untold : told)[kind].push(row)
      untoldBy = by ?? untoldBy
    }
  }
  return { told: answersOf(told), untold: answersOf(untold), untoldBy, rejected: answersOf(rejected) }
}

const newAnswers = () => ({ contact: [] as unknown[][], customer: [] as unknown[][] })
const answersOf = ({ contact, customer }: ReturnType<typeof newAnswers>): AnswerRows => ({
  contact: rows(contact),
  customer: rows(customer),
})

function pageRows(pages: readonly FollowerPage[]): PageRows {
  const sum = (of: (page: FollowerPage) => number) => pages.reduce((total, page) => total + of(page), 0)
  return {
    users: JSON.stringify(pages.flatMap(({ userIds }) => userIds)),
    next: pages.at(-1)?.next ?? null,
    pages: pages.length,
    listed: sum(({ userIds }) => userIds.length),
    invalid: sum(({ invalid }) => invalid),
  }
}

/** One JSON text for a whole batch: it crosses to the thread as a copy of bytes, and SQLite reads it as it is. */
const rows = (items: readonly unknown[][]): string | null => (items.length > 0 ? JSON.stringify(items) : null)
