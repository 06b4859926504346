/**
 * The thread that owns the database. An fsync takes as long as the disk likes, so none of them happens where
 * webhooks are verified and answered. It does what it is asked, in the order in which it is asked.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { asLedgerError, openDatabase, openScratch } from './open.ts'
import { createStore, type Store } from './store.ts'

/** What the thread is started with. */
export interface WorkerSetup {
  readonly path: string
  /** Whether a copy is opened instead, which ends with the thread. */
  readonly isScratch: boolean
  /** How long a call waits for another process's transaction. */
  readonly busyTimeoutMs: number
}

/** One call of a method of the store. */
export interface WorkerCall {
  readonly id: number
  readonly method: keyof Store
  readonly args: readonly unknown[]
}

/** What comes back: first the answer 0, when the database is open, then one for each call. */
export type WorkerAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }

const LOOK_MS = 2
const sleeper = new Int32Array(new SharedArrayBuffer(4))

const { path, isScratch, busyTimeoutMs } = workerData as WorkerSetup
const port = parentPort as NonNullable<typeof parentPort>

answer(0, () => {
  const store = createStore(isScratch ? openScratch(path) : openDatabase(path))
  port.on('message', ({ id, method, args }: WorkerCall) => {
    answer(id, () => (store[method] as (...args: readonly unknown[]) => unknown)(...args))
    if (method === 'close') port.close()
  })
})

function answer(id: number, call: () => unknown) {
  try {
    port.postMessage({ id, value: patiently(call) } satisfies WorkerAnswer)
  } catch (error) {
    port.postMessage({ id, error: asLedgerError(error, path).message } satisfies WorkerAnswer)
  }
}

/**
 * Waits for another process's transaction, and looks often: SQLite's own waiting grows to 100 ms between two looks, and
 * a process that commits one transaction after the other, as a backfill does, could keep us out for good. Every method of
 * the store is one transaction or reads only, so that it may be called again.
 */
function patiently<T>(call: () => T): T {
  const patientUntil = performance.now() + busyTimeoutMs
  for (;;) {
    try {
      return call()
    } catch (error) {
      const isBusy = String((error as { code?: string }).code).startsWith('SQLITE_BUSY')
      if (!isBusy || performance.now() > patientUntil) throw error
      Atomics.wait(sleeper, 0, 0, LOOK_MS)
    }
  }
}
