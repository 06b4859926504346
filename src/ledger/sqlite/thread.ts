import { Worker } from 'node:worker_threads'
import { LedgerError } from '../ledger.ts'
import type { Store } from './store.ts'
import type { WorkerAnswer, WorkerCall, WorkerSetup } from './worker.ts'

interface Waiting {
  readonly id: number
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
    // Whatever else this process was told to load would be loaded again before the database is opened.
    execArgv: [],
  })
  // Few, and answered mostly in their order. Not a Map, whose old tables keep what was in them: see createDeadlines.
  const waiting: Waiting[] = []
  let lastId = 0
  let ended: LedgerError | undefined
  let isOpen = false

  worker.on('message', (answer: WorkerAnswer) => {
    if ('warning' in answer) return onWarning?.(answer.warning)
    const place = waiting.findIndex(({ id }) => id === answer.id)
    // Not an answer: under --watch, Node tells by the same way which files the thread has loaded.
    if (place < 0) return
    const [{ resolve, reject, patience }] = waiting.splice(place, 1) as [Waiting]
    clearTimeout(patience)
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
    for (const { reject, patience } of waiting.splice(0)) {
      clearTimeout(patience)
      reject(ended)
    }
    if (isOpen) onLost?.(error)
    isOpen = false
  }

  const wait = <T = never>(id: number, patience?: NodeJS.Timeout) =>
    new Promise<T>((resolve, reject) => waiting.push({ id, resolve, reject, patience }))

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

  try {
    const names = await wait<(keyof Store)[]>(0)
    isOpen = true
    const methods = Object.fromEntries(
      names.map((name) => [name, (...args: readonly unknown[]) => post(name, args)]),
    )
    return {
      ...(methods as unknown as RemoteStore),
      write: (request, madeAt) => post('write', [request], madeAt),
      close() {
        const closed = post('close', [])
        isOpen = false
        return closed
      },
    }
  } catch (error) {
    await worker.terminate()
    throw error
  }
}
