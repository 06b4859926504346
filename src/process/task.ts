import type { Settings } from '../config/settings.ts'
import { type LedgerOptions, openLedger } from '../ledger/open.ts'
import { createDisplay, type Display } from '../terminal/display.ts'
import type { End, Report } from '../terminal/report.ts'
import { type Closers, closeAll } from './closing.ts'
import { createLog, windowMsOf } from './environment.ts'
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
}

/** What a task needs to open its ledger and its log. */
export const TASK_SETTINGS = ['MESSAGER_WINDOW_DAYS', 'DATABASE_URL', 'LOG_LEVEL'] as const

const LINE_MS = 5_000
/** Nobody waits for an answer: another program may have the database for a while. */
const BUSY_TIMEOUT_MS = 30_000
/** Once somebody asked for an end, a database that does not answer is waited for so long. */
const STOP_PATIENCE_MS = 1_500

/**
 * Runs a command that works something off: closes what it opened, whatever happens, prints the result, and ends with 130
 * where somebody asked for an end.
 *
 * @param work throws Error with a sentence for a person
 * @param report what to print, once the work is over, however that came, and everything is closed
 */
export async function runTask(
  host: Host,
  { json }: { readonly json?: boolean },
  work: (task: Task) => Promise<void>,
  report: (end: End) => Report,
) {
  const startedAt = performance.now()
  const interruption = createInterruption(host)
  const { signal } = interruption
  const display = createDisplay(host.stderr, { lineMs: LINE_MS, hasStamps: false, term: host.env.TERM })
  const closers: Closers = []
  const task: Task = { host, interruption, signal, display, closing: (close) => closers.push(close) }
  const failed = await work(task).catch((error: unknown) => error ?? new Error('unknown'))
  display.end()
  const failure = await closeAll(closers, failed).catch((error: unknown) => error)
  interruption.close()

  const isInterrupted = signal.aborted && signal.reason instanceof Interrupted
  const end = failure === undefined ? 'done' : isInterrupted ? 'interrupted' : 'failed'
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10
  const { result, text, interrupted } = report(end)
  if (json) host.stdout.write(`${JSON.stringify({ ...result, seconds })}\n`)
  else if (text) host.stdout.write(`${text}\n`)
  if (end === 'failed') throw signal.aborted ? signal.reason : failure
  if (end === 'interrupted') {
    host.stderr.write(`${interrupted}\n`)
    host.exitCode = EXIT.interrupted
  }
}

/** The ledger of a task, and its log. When the ledger is lost, the task ends with that. */
export async function openTaskLedger(
  { host, closing, interruption, signal, display }: Task,
  settings: Pick<Settings, (typeof TASK_SETTINGS)[number]>,
  how: Pick<LedgerOptions, 'isScratch' | 'mustExist' | 'isCopyTarget' | 'isCopySource' | 'isLook'> = {},
) {
  const log = createLog(settings.LOG_LEVEL, display, host)
  closing(() => log.flush())
  const open = host.openLedger ?? openLedger
  const ledger = await open({
    ...how,
    url: settings.DATABASE_URL,
    // An index for it is made by those who need it.
    messagerWindowMs: how.isLook ? 0 : windowMsOf(settings),
    busyTimeoutMs: BUSY_TIMEOUT_MS,
    onLost: interruption.abort,
    onWarning: (sentence) => log.warn({}, sentence),
  })
  closing(ledger.close)
  signal.addEventListener('abort', () => ledger.hasten(STOP_PATIENCE_MS))
  return { ledger, log }
}
