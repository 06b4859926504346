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

const { path, isScratch } = workerData as WorkerSetup
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
    port.postMessage({ id, value: call() } satisfies WorkerAnswer)
  } catch (error) {
    port.postMessage({ id, error: asLedgerError(error, path).message } satisfies WorkerAnswer)
  }
}
