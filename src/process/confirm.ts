import { createInterface } from 'node:readline/promises'
import { UsageError } from './run.ts'
import type { Task } from './task.ts'

/**
 * Asks whether what `cost` says may be done.
 *
 * @throws UsageError where nobody can be asked; Error where the answer is no
 */
export async function confirm(cost: string, { host, signal, interruption }: Task) {
  if (!host.stdin.isTTY) throw new UsageError(`${cost} Add --yes: there is no terminal to ask at.`)
  const terminal = createInterface({ input: host.stdin, output: host.stderr })
  // At a terminal it is readline that hears Ctrl-C.
  terminal.on('SIGINT', interruption.interrupt)
  try {
    const answer = await terminal.question(`${cost} Go on? [y/N] `, { signal }).catch(() => '')
    signal.throwIfAborted()
    if (!/^y(es)?$/i.test(answer.trim())) throw new Error('Nothing was changed.')
  } finally {
    terminal.close()
  }
}
