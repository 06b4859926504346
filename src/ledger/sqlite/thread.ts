import { Worker } from 'node:worker_threads'
import { LedgerError } from '../ledger.ts'
import type { Store } from './store.ts'
import type { WorkerAnswer, WorkerCall, WorkerSetup } from './worker.ts'

type Waiting = {
  readonly resolve: (value: never) => void
  readonly reject: (error: LedgerError) => void
  readonly patience?: NodeJS.Timeout | undefined
}

/** The store's methods, each as a promise of what it returns in its thread. */
export type RemoteStore = {
  readonly [M in Exclude<keyof Store, 'write'>]: (
    ...args: Parameters<Store[M]>
  ) => Promise<ReturnType<Store[M]>>
} & {
  /** @param madeAt since when somebody has waited for it, by `performance.now()`; by default since now */
  write(request: Parameters<Store['write']>[0], madeAt?: number): Promise<void>
}

/**
 * Starts a thread with a database; resolves when it is open and up to date.
 *
 * @throws LedgerError as `openDatabase` does
 */
export async function startThread(
  setup: WorkerSetup,
  onLost?: (error: LedgerError) => void,
  onWarning?: (sentence: string) => void,
): Promise<RemoteStore> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: setup,
  })
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let ended: LedgerError | undefined
  let isOpen = false

  worker.on('message', (answer: WorkerAnswer) => {
    if ('warning' in answer) return onWarning?.(answer.warning)
    const call = waiting.get(answer.id)
    // Not an answer: under --watch, Node tells by the same way which files the thread has loaded.
    if (!call) return
    const { resolve, reject, patience } = call
    clearTimeout(patience)
    waiting.delete(answer.id)
    if ('error' in answer) reject(new LedgerError(answer.error))
    else resolve(answer.value as never)
  })
  worker.on('error', (cause) =>
    end(new LedgerError(`The database thread failed: ${cause.message}`, { cause })),
  )
  worker.on('exit', () => end(new LedgerError('The database is closed.')))

  /** Nobody may wait for a thread that is gone. */
  function end(error: LedgerError) {
    if (ended) return
    ended = error
    for (const { reject, patience } of waiting.values()) {
      clearTimeout(patience)
      reject(ended)
    }
    waiting.clear()
    if (isOpen) onLost?.(error)
    isOpen = false
  }

  const wait = (id: number, patience?: NodeJS.Timeout) =>
    new Promise<never>((resolve, reject) => waiting.set(id, { resolve, reject, patience }))

  const send = (message: WorkerCall) => worker.postMessage(message)

  /** Patience counts from when a call was made, wherever it has waited since: it is this thread that ends it. */
  function post(method: keyof Store, args: readonly unknown[], madeAt = performance.now()): Promise<never> {
    if (!isOpen) return Promise.reject(ended ?? new LedgerError('The database is closed.'))
    const id = ++lastId
    const restMs = madeAt + setup.busyTimeoutMs - performance.now()
    const answer = wait(
      id,
      setTimeout(() => send({ givenUp: id }), restMs),
    )
    send({ id, method, args })
    return answer
  }
  const call =
    (method: keyof Store) =>
    (...args: unknown[]) =>
      post(method, args)

  const store: RemoteStore = {
    write: (request, madeAt) => post('write', [request], madeAt),
    due: call('due'),
    nextDueAt: call('nextDueAt'),
    clampDue: call('clampDue'),
    holdLease: call('holdLease'),
    releaseLease: call('releaseLease'),
    counts: call('counts'),
    oldestPendingAt: call('oldestPendingAt'),
    lock: call('lock'),
    unlock: call('unlock'),
    openRun: call('openRun'),
    lastListed: call('lastListed'),
    beginRun: call('beginRun'),
    recordPages: call('recordPages'),
    countAbsent: call('countAbsent'),
    clearAbsent: call('clearAbsent'),
    endRun: call('endRun'),
    contacts: call('contacts'),
    lookUp: call('lookUp'),
    resend: call('resend'),
    outstanding: call('outstanding'),
    claimAccount: call('claimAccount'),
    close() {
      const closed = call('close')()
      isOpen = false
      return closed
    },
  }
  try {
    await wait(0)
    isOpen = true
    return store
  } catch (error) {
    await worker.terminate()
    throw error
  }
}
