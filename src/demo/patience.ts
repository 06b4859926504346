import type { Interruption } from '../process/interruption.ts'

/** Far longer than an act of so many people takes: what has not ended by then never will. */
export const patienceMs = (people: number) => 90_000 + people * 5

/**
 * Plays an act, and interrupts it where it takes longer than `mostMs`; `open` says as a clause what it waits for then.
 * It has to end by itself: only when it has is it known what is to be closed.
 */
export async function withPatience<T>(
  mostMs: number,
  interruption: Interruption,
  open: () => string,
  act: () => Promise<T>,
): Promise<T> {
  const giveUp = () => interruption.abort(new Error(`The demo gave up waiting: ${open()}.`))
  const timer = setTimeout(giveUp, mostMs)
  return act().finally(() => clearTimeout(timer))
}
