import { createGroupCommit, type GroupCommitOptions } from '../group-commit.ts'
import { type Ledger, LedgerError } from '../ledger.ts'
import { createMergeStore } from './alias-merges.ts'
import { storeAnswers } from './answers.ts'
import { ALL_COUNTS } from './counting.ts'
import { createCustomerStore } from './customers.ts'
import { createDesk } from './desk.ts'
import { createDueProfiles } from './due-profiles.ts'
import { createFailures } from './failures.ts'
import { fewAtOnce } from './few.ts'
import { createForgettingStore } from './forgetting.ts'
import { createKnownContacts } from './known-contacts.ts'
import { createKnownProfiles } from './known-profiles.ts'
import { createLeaseStore } from './leases.ts'
import { createLinkStore } from './links.ts'
import { createLocks, createOwnLocks } from './locks.ts'
import { createMoving } from './moving.ts'
import { createNews } from './news.ts'
import { openDatabase } from './open.ts'
import { createRunContacts } from './run-contacts.ts'
import { createRunStore } from './runs.ts'
import { createTokenStore } from './tokens.ts'
import { createTouched } from './touched.ts'
import { createWrite } from './write.ts'

export interface PostgresLedgerOptions {
  readonly url: string
  /** Whether a database without a ledger is refused instead of getting one. Default false. */
  readonly mustExist?: boolean
  /** For rehearsals: nothing that is recorded is kept, and nobody else sees it. Default false. */
  readonly isScratch?: boolean
  /** How long evidence waits until it is stored, and any call for a connection. Default 1,500: LINE waits 2 seconds for a webhook. */
  readonly busyTimeoutMs?: number
  /**
   * For so long after the last message who only wrote counts as reachable. A message that is older than that says nothing.
   * Default 0: for ever.
   */
  readonly messagerWindowMs?: number
  /** For tests, instead of the database's clock: milliseconds since 1970. */
  readonly clock?: () => number
  /** Transactions with evidence under way at the same moment. Default 3. */
  readonly commitsAtOnce?: number
  /** Calls `later` after so many milliseconds; returns how to prevent it. */
  readonly after?: (ms: number, later: () => void) => () => void
  readonly onCommit?: GroupCommitOptions['onCommit']
  readonly trace?: GroupCommitOptions['trace']
  /** Told what a person should mend before it does harm, in a sentence. */
  readonly onWarning?: (sentence: string) => void
}

const WEBHOOK_PATIENCE_MS = 1_500
const COMMITS_AT_ONCE = 3
/** Of those that work out places, of which one at a time gets on in a channel. */
const PLACINGS_AT_ONCE = 3
/** Where nobody waits for them. */
const TURN_PATIENCE_MS = 30_000

/**
 * A ledger in a schema of a PostgreSQL database, shared by any number of processes.
 *
 * @throws LedgerError when the database cannot be used, with what to do about it
 */
export async function openPostgresLedger(options: PostgresLedgerOptions): Promise<Ledger> {
  const { isScratch = false, busyTimeoutMs = WEBHOOK_PATIENCE_MS, clock, onWarning } = options
  const { commitsAtOnce = COMMITS_AT_ONCE, messagerWindowMs = 0, after = afterTimer } = options
  const { url, mustExist = false, onCommit, trace } = options
  const open = await openDatabase({ url, mustExist, isScratch, waitMs: busyTimeoutMs, clock, onWarning })
  const { database, name, alone } = open

  let isClosed = false
  const listeners = new Set<() => void>()
  // Each by itself: what is stored is stored, whatever a listener does.
  const tellListeners = () => {
    for (const listener of listeners) queueMicrotask(listener)
  }
  const news = createNews({ sql: database, connect: alone, onNews: tellListeners, after })
  if (!isScratch) await news.listen()
  function tell() {
    tellListeners()
    if (!isScratch) news.tell()
  }
  async function told<T>(write: Promise<T>): Promise<T> {
    const written = await write
    tell()
    return written
  }

  const locks = isScratch ? createOwnLocks() : createLocks(alone, name)
  const warn = (sentence: string) => {
    // Whoever closes it leaves the rest to others.
    if (!isClosed) onWarning?.(sentence)
  }
  const touched = createTouched(
    fewAtOnce(database, { most: PLACINGS_AT_ONCE, waitMs: TURN_PATIENCE_MS }),
    warn,
  )
  // A test's clock is the only one there is.
  const leases = createLeaseStore(database, clock && (() => 0))
  const write = createWrite(database, messagerWindowMs)
  const evidence = createGroupCommit({
    commitsAtOnce: isScratch ? 1 : commitsAtOnce,
    ...(onCommit && { onCommit }),
    ...(trace && { trace }),
    async commit({ evidence, madeAt }) {
      // Whoever waits has waited since then, wherever that was.
      const leftMs = () => Math.max(1, madeAt + busyTimeoutMs - performance.now())
      if (evidence.length === 0) return write.probe(leftMs())
      await touched.settle(await write.record(evidence, leftMs), leftMs())
      tell()
    },
  })
  /** Apart from evidence: rows of contacts are locked in their order once in a transaction, and not twice. */
  const answers = createGroupCommit({
    ...(onCommit && { onCommit }),
    ...(trace && { trace }),
    commit: async ({ acknowledgements }) =>
      touched.settle(await storeAnswers(database, acknowledgements), busyTimeoutMs),
  })
  const placing = fewAtOnce(database, { most: PLACINGS_AT_ONCE, waitMs: busyTimeoutMs })
  const links = createLinkStore(placing)
  const known = createKnownProfiles(database)
  const merges = createMergeStore(placing)
  const customers = createCustomerStore(placing)
  const forgettings = createForgettingStore(placing, (ms) => new Promise<void>((done) => after(ms, done)))
  const moving = createMoving(database)
  const runContacts = createRunContacts({
    database,
    assertLocked: locks.assertHeld,
    async settle(channels) {
      await touched.settle(channels)
      tell()
    },
  })

  const ledger: Ledger = {
    ...createRunStore(database),
    ...createDueProfiles(database),
    ...links,
    ...known,
    ...merges,
    ...customers,
    ...createKnownContacts(database),
    ...createFailures(database),
    ...createDesk(database),
    ...runContacts,
    ...createTokenStore(database),
    ...forgettings,
    ...moving,
    async moveOut(isClosed) {
      if (isClosed) await touched.settleAll()
      return moving.moveOut(isClosed)
    },
    record: async (items) => {
      if (items.length > 0) await evidence.record(items)
    },
    acknowledge: async (items, settleMs) => {
      if (items.length > 0) await answers.acknowledge(items, settleMs)
    },
    probe: evidence.probe,
    async lapse() {
      const { restMs, channels } = await write.lapse()
      await touched.settle(channels, busyTimeoutMs)
      return restMs
    },
    link: (...args) => told(links.link(...args)),
    redeemNonce: (...args) => told(links.redeemNonce(...args)),
    linkOnce: (...args) => told(links.linkOnce(...args)),
    keepChecks: (...args) => told(customers.keepChecks(...args)),
    recheck: (...args) => told(customers.recheck(...args)),
    keepMerges: (...args) => told(merges.keepMerges(...args)),
    forget: (...args) => told(forgettings.forget(...args)),
    erase: (...args) => told(forgettings.erase(...args)),
    resend: (...args) => told(known.resend(...args)),
    onRecorded(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    lock: locks.lock,
    async holdLease(...args) {
      const answer = await leases.holdLease(...args)
      // What a process that has ended could not work out any more.
      if (answer.held) await touched.settleAll(busyTimeoutMs)
      return answer
    },
    releaseLease: leases.releaseLease,
    counts: () => database.query(ALL_COUNTS) as never,
    hasten: database.hasten,
    async close() {
      isClosed = true
      await Promise.all([evidence.idle(), answers.idle()])
      await Promise.all([leases.end().catch(() => {}), news.close(), locks.close()])
      await open.end()
    },
  }
  return refusing(ledger, () => isClosed)
}

/** Calls after `close` reject. */
function refusing(ledger: Ledger, isClosed: () => boolean): Ledger {
  const methods = Object.entries<(...args: never[]) => unknown>(ledger as never)
  const guarded = methods.map(([name, method]) => [
    name,
    (...args: never[]) => {
      if (!isClosed() || ['onRecorded', 'hasten'].includes(name)) return method(...args)
      const refusal = new LedgerError('The database is closed.')
      return name in STREAMS ? rejectingStream(refusal) : Promise.reject(refusal)
    },
  ])
  return Object.fromEntries(guarded) as Ledger
}

type Stream = {
  [M in keyof Ledger]: ReturnType<Ledger[M]> extends AsyncIterable<unknown> ? M : never
}[keyof Ledger]
const STREAMS: Record<Stream, true> = {
  profiles: true,
  links: true,
  failures: true,
  clearAbsent: true,
  dump: true,
}

/** Whoever looks at what it brings meets the refusal. */
const rejectingStream = (refusal: LedgerError): AsyncIterable<never> => ({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(refusal) }),
})

function afterTimer(ms: number, later: () => void) {
  const timer = setTimeout(later, ms)
  return () => clearTimeout(timer)
}
