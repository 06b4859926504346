import { type Evidence, merge } from '../contact/contact.ts'
import { type Acknowledgement, LedgerError, TOO_SLOW } from './ledger.ts'

/** Everything that one transaction stores. */
interface Batch {
  /** At most one evidence for a contact. */
  readonly evidence: readonly Evidence[]
  readonly acknowledgements: readonly Acknowledgements[]
  /** When the first of the calls that share it was made, by `performance.now()`. */
  readonly madeAt: number
  /** The promise that each of the calls was given. */
  readonly answered: Promise<void>
}

/** What one call said of what Braze answered. */
export interface Acknowledgements {
  readonly answers: readonly Acknowledgement[]
  readonly settleMs: number
}

export interface GroupCommitOptions {
  /** Stores a batch in one durable transaction, wholly or not at all. */
  readonly commit: (batch: Batch) => Promise<void>
  /** So many batches may be on their way at the same moment, and end in any order. Default 1. */
  readonly commitsAtOnce?: number
  /**
   * Told soon after each commit that succeeded how many calls it carried, and how many milliseconds it took. What it throws
   * is its own affair.
   */
  readonly onCommit?: (calls: number, milliseconds: number) => void
  /** Without it nothing is followed, and nothing is done for it. */
  readonly trace?: CommitTrace
}

/** Who follows calls into the commits that carry them. */
export interface CommitTrace {
  /** Asked as a call is made: whatever `commit` is to know it by. */
  caller(): unknown
  /** Runs a commit. `callers` are all of its calls by its end, and may be fewer at its beginning. */
  commit(
    contents: { readonly contacts: number; readonly answers: number },
    callers: () => readonly unknown[],
    run: () => Promise<void>,
  ): Promise<void>
}

/** A batch that holds this much evidence takes no more calls: a commit must not keep the next one waiting for long. */
const BATCH_LIMIT = 5_000
/**
 * So many calls do not wait for the end of the turn: the thread of the database commits them while this one reads the
 * requests that came with them. With fewer, commits would cost more than that saves.
 */
const ENOUGH_CALLS = 16
/** More evidence waiting than this is refused: better a 503 that LINE repeats than memory without end. */
export const WAITING_LIMIT = 200_000

/**
 * Lets calls that arrive together share a transaction: while one commit is under way the next batch gathers,
 * so that a slow disk makes batches larger and not the queue longer. No timer: a call on an idle system is
 * committed at once.
 */
export const createGroupCommit = ({ trace, ...options }: GroupCommitOptions) =>
  trace ? followed(options, trace) : gathering(options)

function gathering({ commit, commitsAtOnce = 1, onCommit }: Omit<GroupCommitOptions, 'trace'>) {
  const queue: Gathering[] = []
  let waiting = 0
  let underWay = 0
  let turnEnd: NodeJS.Immediate | undefined
  const unanswered = new Set<Promise<void>>()

  /** A call goes into one batch as a whole: its promise speaks for all of it. */
  function add(fill: (into: Gathering) => void): Promise<void> {
    let last = queue.at(-1)
    if (!last || last.evidence.size >= BATCH_LIMIT) {
      last = newGathering()
      queue.push(last)
      unanswered.add(last.promise)
    }
    const before = last.evidence.size
    fill(last)
    last.calls += 1
    waiting += last.evidence.size - before
    if (underWay < commitsAtOnce) begin(last.calls)
    return last.promise
  }

  /** Calls made in the same turn of the event loop, of all the sockets that were ready, share a transaction. */
  function begin(calls: number) {
    if (calls >= ENOUGH_CALLS) commitFirst()
    else turnEnd ??= setImmediate(commitFirst)
  }

  async function commitFirst() {
    clearImmediate(turnEnd)
    turnEnd = undefined
    const batch = queue.shift()
    if (!batch) return
    underWay += 1
    waiting -= batch.evidence.size
    const { acknowledgements, madeAt, calls, promise: answered } = batch
    const startedAt = performance.now()
    try {
      await commit({ evidence: [...batch.evidence.values()], acknowledgements, madeAt, answered })
      const tookMs = performance.now() - startedAt
      if (onCommit) queueMicrotask(() => onCommit(calls, tookMs))
      batch.resolve()
    } catch (error) {
      batch.reject(error)
    }
    underWay -= 1
    unanswered.delete(batch.promise)
    // The answers to these leave first, and what is said in this turn comes along; unless the next batch is full.
    if (queue.length > 1) commitFirst()
    else if (queue.length > 0) turnEnd ??= setImmediate(commitFirst)
  }

  return {
    record(evidence: readonly Evidence[]): Promise<void> {
      if (waiting + evidence.length > WAITING_LIMIT) {
        return Promise.reject(new LedgerError(TOO_SLOW))
      }
      return add((into) => addEvidence(into.evidence, evidence))
    },
    acknowledge: (answers: readonly Acknowledgement[], settleMs: number) =>
      add((into) => void into.acknowledgements.push({ answers, settleMs })),
    /** A commit of nothing: it takes a transaction and an fsync like any other. */
    probe: () => add(() => undefined),
    /** Resolves when everything that was added has been committed or refused. */
    async idle() {
      while (unanswered.size > 0) await Promise.allSettled(unanswered)
    },
  }
}

/** The same, with calls followed into commits: those of a batch are given the same promise. */
function followed({ commit, ...options }: Omit<GroupCommitOptions, 'trace'>, trace: CommitTrace) {
  const callersOf = new WeakMap<Promise<void>, unknown[]>()
  const commits = gathering({
    ...options,
    commit(batch) {
      const { evidence, acknowledgements, answered } = batch
      const contents = {
        contacts: evidence.length,
        answers: acknowledgements.reduce((sum, { answers }) => sum + answers.length, 0),
      }
      return trace.commit(
        contents,
        () => callersOf.get(answered) ?? [],
        () => commit(batch),
      )
    },
  })
  const follow =
    <Args extends unknown[]>(call: (...args: Args) => Promise<void>) =>
    (...args: Args) => {
      const answered = call(...args)
      const callers = callersOf.get(answered)
      if (callers) callers.push(trace.caller())
      else callersOf.set(answered, [trace.caller()])
      return answered
    }
  return { ...commits, record: follow(commits.record), acknowledge: follow(commits.acknowledge) }
}

type Gathering = ReturnType<typeof newGathering>

const newGathering = () => ({
  calls: 0,
  madeAt: performance.now(),
  evidence: new Map<string, Evidence>(),
  acknowledgements: [] as Acknowledgements[],
  ...Promise.withResolvers<void>(),
})

/** Merged here already, because a flip there and back within one transaction is no news for Braze. */
function addEvidence(into: Map<string, Evidence>, evidence: readonly Evidence[]) {
  for (const item of evidence) {
    const key = `${item.channel}\n${item.userId}`
    const known = into.get(key)
    into.set(key, known ? { ...item, ...merge(known, item) } : item)
  }
}
