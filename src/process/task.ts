import type { Ledger } from '../ledger/ledger.ts'
import { openLedger } from '../ledger/open.ts'
import { createDisplay, type Display } from '../terminal/display.ts'
import { type Closers, closeAll } from './closing.ts'
import { type BrazeSettings, createDelivery } from './delivery.ts'
import { createLog, type Log } from './environment.ts'
import type { Host } from './host.ts'
import { createInterruption, Interrupted, type Interruption } from './interruption.ts'
import { EXIT } from './run.ts'

/** What a command that works something off has at hand. */
export interface Task {
  readonly host: Host
  readonly interruption: Interruption
  /** Aborts when somebody asks for an end. */
  readonly signal: AbortSignal
  readonly display: Display
  /** Calls `close` in the end, the last one first. */
  closing(close: () => unknown): void
  log(level: string): Log
}

const LINE_MS = 5_000
/** Nobody waits for an answer: another program may have the database for a while. */
const BUSY_TIMEOUT_MS = 30_000

/**
 * Runs a command that works something off: closes what it opened, whatever happens, and ends it with 130 where somebody
 * asked for an end.
 *
 * @param work throws Error with a sentence for a person
 * @param onEnd the work is over: by itself, by an end that was asked for, or by an error; prints the result
 */
export async function runTask(
  host: Host,
  work: (task: Task) => Promise<void>,
  onEnd: (end: 'done' | 'interrupted' | 'failed') => void,
) {
  const interruption = createInterruption(host)
  const display = createDisplay(host.stderr, {
    lineMs: LINE_MS,
    hasStamps: false,
    term: host.env.TERM,
  })
  const closers: Closers = []
  const task: Task = {
    host,
    interruption,
    signal: interruption.signal,
    display,
    closing: (close) => closers.push(close),
    log(level) {
      const log = createLog(level, display, host)
      closers.push(() => log.flush())
      return log
    },
  }
  const failed = await work(task).catch((error: unknown) => error ?? new Error('unknown'))
  display.end()
  const failure = await closeAll(closers, failed).catch((error: unknown) => error)
  interruption.close()

  if (failure === undefined) return onEnd('done')
  const { aborted, reason } = interruption.signal
  const isInterrupted = aborted && reason instanceof Interrupted
  onEnd(isInterrupted ? 'interrupted' : 'failed')
  if (!isInterrupted) throw aborted ? reason : failure
  host.exitCode = EXIT.interrupted
}

/** The ledger of a task. When it is lost, the task ends with that. */
export async function openTaskLedger(
  { host, closing, interruption }: Task,
  url: string,
  { isScratch = false, mustExist = false } = {},
): Promise<Ledger> {
  const open = host.openLedger ?? openLedger
  const ledger = await open({
    url,
    isScratch,
    mustExist,
    busyTimeoutMs: BUSY_TIMEOUT_MS,
    onLost: interruption.abort,
  })
  closing(ledger.close)
  return ledger
}

/** Runs of several processes at once would count each other's changes: the second ends with this sentence. */
export async function lockRuns(ledger: Ledger) {
  if (await ledger.lock('runs')) return
  throw new Error(
    'Another backfill, resync or verify --fix is at work on this database; wait until it has ended.',
  )
}

/** This process's own deliverer: it delivers unless a running server holds the lease. */
export function startDelivery(
  settings: BrazeSettings,
  { task, ledger, log }: { task: Task; ledger: Ledger; log: Log },
) {
  const { deliverer, braze } = createDelivery(settings, { ledger, log })
  task.closing(braze.close)
  task.closing(deliverer.stop)
  deliverer.start()
  return deliverer
}
