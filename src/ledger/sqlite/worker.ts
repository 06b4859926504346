/**
 * The thread that owns the database. An fsync takes as long as the disk likes, so none of them happens where
 * webhooks are verified and answered. It does what it is asked, in the order in which it is asked; see calls.ts.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { type Call, createCalls } from './calls.ts'
import { asLedgerError } from './errors.ts'
import { openDatabase } from './open.ts'
import { openScratch } from './scratch.ts'
import { createStore, type Store } from './store.ts'

/** What the thread is started with. */
export interface WorkerSetup {
  readonly path: string
  /** Whether a copy is opened instead, which ends with the thread. */
  readonly isScratch: boolean
  /** Whether it is only read, see `openDatabase`. */
  readonly isLook: boolean
  /** How long a call waits for another process's transaction, from when it was made. */
  readonly busyTimeoutMs: number
  /** See `SqliteLedgerOptions`. */
  readonly messagerWindowMs: number
}

/** One call of a method of the store, or that its maker has waited long enough. */
export type WorkerCall =
  | { readonly id: number; readonly method: keyof Store; readonly args: readonly unknown[] }
  | { readonly givenUp: number }

/** What comes back: first the answer 0, the names of the store's methods, when the database is open; then one for each call. */
export type WorkerAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly warning: string }

/**
 * SQLite's own waiting grows to 100 ms between two looks, and a process that commits one transaction after the other, as
 * a backfill does, could keep us out for good.
 */
const LOOK_MS = 2

const { path, isScratch, isLook, messagerWindowMs } = workerData as WorkerSetup
const port = parentPort as NonNullable<typeof parentPort>
const post = (answer: WorkerAnswer) => port.postMessage(answer)
const refuse = ({ id }: { id: number }, error: unknown) =>
  post({ id, error: asLedgerError(error, path).message })

try {
  post({ id: 0, value: await serve() })
} catch (error) {
  refuse({ id: 0 }, error)
}

async function serve(): Promise<string[]> {
  const open = isScratch
    ? await openScratch(path)
    : openDatabase(path, (warning) => post({ warning }), isLook)
  const store = createStore(open, messagerWindowMs)

  /** Every method of the store is one transaction or reads only, so that it may be called again when it was busy. */
  function perform(call: StoreCall): unknown {
    const method = store[call.method] as (...args: readonly unknown[]) => unknown
    if (call.method === 'close') return method()
    if (!call.done) {
      open.assertInPlace()
      call.done = { value: method(...call.args) }
    }
    // What was committed to a file that somebody removed meanwhile is not stored.
    open.assertInPlace()
    return call.done.value
  }

  function attempt(call: StoreCall): Error | undefined {
    try {
      post({ id: call.id, value: perform(call) })
    } catch (error) {
      if (isBusy(error)) return error as Error
      refuse(call, error)
      return undefined
    } finally {
      if (call.isLast) end()
    }
    if (!call.isLast) open.shortenLog()
    return undefined
  }

  function end() {
    open.close()
    port.close()
  }

  const calls = createCalls<StoreCall>({ attempt, refuse, later: (look) => setTimeout(look, LOOK_MS) })
  port.on('message', (message: WorkerCall) => {
    if ('givenUp' in message) calls.giveUp(message.givenUp)
    else calls.take({ ...message, isLast: message.method === 'close' })
  })
  return Object.keys(store)
}

type StoreCall = Call & {
  readonly method: keyof Store
  readonly args: readonly unknown[]
  /** What it returned, once it has. */
  done?: { readonly value: unknown }
}

const isBusy = (error: unknown) => String((error as { code?: string }).code).startsWith('SQLITE_BUSY')
