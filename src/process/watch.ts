import { LedgerError } from '../ledger/ledger.ts'
import { sleep as sleepFor } from '../wire/time.ts'
import type { Task } from './task.ts'

/** As fresh as what it shows can be: servers report every ten seconds, and people look at numbers that move. */
const LOOK_MS = 2_000

/**
 * Looks again and again, until somebody asks for the end, which is how it is meant to end. A database that does not answer
 * for a while is told of, and looked at again.
 *
 * @param look throws LedgerError
 * @param onTrouble told why there is nothing new; null: there is again
 */
export async function watch(
  { host, signal }: Pick<Task, 'host' | 'signal'>,
  look: () => Promise<void>,
  onTrouble: (reason: string | null) => void,
) {
  const { sleep = sleepFor } = host
  while (!signal.aborted) {
    await sleep(LOOK_MS, signal).catch(() => {})
    if (signal.aborted) return
    try {
      await look()
      onTrouble(null)
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof LedgerError)) throw error
      onTrouble(error.message)
    }
  }
}
