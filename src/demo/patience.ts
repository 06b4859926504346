import type { Interruption } from '../process/interruption.ts'

/** Beyond the time that an act should take: what has not ended by then never will. */
export const PATIENCE_MS = 90_000

export interface Patience {
  /** How long the act takes when nothing is slow. */
  readonly expectedMs: number
  /** What it still waits for, as a clause. */
  readonly open: () => string
}

/**
 * Plays an act, and interrupts it where it takes far too long. It has to end by itself then: only when it has is it
 * known what is to be closed.
 */
export async function withPatience<T>(
  { expectedMs, open }: Patience,
  interruption: Interruption,
  act: () => Promise<T>,
): Promise<T> {
  const giveUp = () => interruption.abort(new Error(`The demo gave up waiting: ${open()}.`))
  const timer = setTimeout(giveUp, expectedMs + PATIENCE_MS)
  try {
    return await act()
  } finally {
    clearTimeout(timer)
  }
}
