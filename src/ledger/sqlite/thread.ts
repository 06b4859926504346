import { Worker } from 'node:worker_threads'
import { LedgerError } from '../ledger.ts'
import type { Store } from './store.ts'
import type { WorkerAnswer, WorkerSetup } from './worker.ts'

type Waiting = { resolve: (value: never) => void; reject: (error: LedgerError) => void }

/** The store's methods, each as a promise of what it returns in its thread. */
export type RemoteStore = {
  readonly [M in keyof Store]: (...args: Parameters<Store[M]>) => Promise<ReturnType<Store[M]>>
}

/**
 * Starts a thread with a database; resolves when it is open and up to date.
 *
 * @throws LedgerError as `openDatabase` does
 */
export async function startThread(
  setup: WorkerSetup,
  onLost?: (error: LedgerError) => void,
): Promise<RemoteStore> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: setup,
  })
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let ended: LedgerError | undefined
  let isOpen = false

  worker.on('message', (answer: WorkerAnswer) => {
    const { resolve, reject } = waiting.get(answer.id) as Waiting
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
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
    if (isOpen) onLost?.(error)
  }

  const wait = (id: number) =>
    new Promise<never>((resolve, reject) => {
      if (ended) reject(ended)
      else waiting.set(id, { resolve, reject })
    })

  const call =
    (method: keyof Store) =>
    (...args: unknown[]) => {
      const id = ++lastId
      const answer = wait(id)
      if (!ended) worker.postMessage({ id, method, args })
      return answer
    }

  const store: RemoteStore = {
    write: call('write'),
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
      isOpen = false
      return call('close')()
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
