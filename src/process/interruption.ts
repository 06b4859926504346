import type { Host } from './host.ts'

/** Somebody asked for an end. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export type Interruption = ReturnType<typeof createInterruption>

/** Everything that can end a command early, as one AbortSignal whose reason is the Error to report. */
export function createInterruption(host: Host = process) {
  const controller = new AbortController()
  const { signal } = controller
  const interrupt = () => controller.abort(new Interrupted('interrupted'))
  // A reader such as `head` may go before we end; without a listener, what was started would be left behind.
  const outputs = [host.stdout, host.stderr]
  for (const name of SIGNALS) host.on(name, interrupt)
  for (const output of outputs) output.on('error', interrupt)

  return {
    signal,
    /** Somebody asks for the end. */
    interrupt,
    /** Ends the command with `error`, unless it is ending already. */
    abort: (error: Error) => controller.abort(error),
    /** The result of `promise`, or the reason for the end where that comes first. */
    race<T>(promise: Promise<T>): Promise<T> {
      const { promise: ended, reject } = Promise.withResolvers<never>()
      const onAbort = () => reject(signal.reason)
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort)
      return Promise.race([promise, ended]).finally(() => signal.removeEventListener('abort', onAbort))
    },
    /** Gives the signals their usual effect again. An output may still fail, and stays heard. */
    close() {
      for (const name of SIGNALS) host.off(name, interrupt)
    },
  }
}
