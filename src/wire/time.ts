import { setTimeout as sleepFor } from 'node:timers/promises'

/** Calls once, in so many milliseconds. Returns how to stop that. */
export type After = (ms: number, call: () => void) => () => void

/** @throws the reason of `signal` once that aborts */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await sleepFor(ms, undefined, signal && { signal }).catch(() => {})
  signal?.throwIfAborted()
}
