import { sleep } from './time.ts'

/** What came of trying something; with `mayPass` it may be better the next time. */
export type Attempt<T> =
  | { readonly value: T }
  | {
      readonly error: Error
      readonly mayPass: boolean
      /** How long to wait, where somebody said so: that is not counted as a failure. */
      readonly forMs?: number | undefined
    }

export interface RetryOptions {
  readonly signal?: AbortSignal | undefined
  /** How often it is tried again. Default 5, over some 15 seconds. */
  readonly retries?: number | undefined
  /** Told before each pause. */
  readonly onPause?: ((reason: string, ms: number) => void) | undefined
  /** 0 to 1, for the jitter that keeps many callers apart. */
  readonly random?: (() => number) | undefined
  /** Rejects when `signal` aborts. */
  readonly sleep?: ((ms: number, signal?: AbortSignal) => Promise<unknown>) | undefined
}

const LONGEST_MS = 300_000

/**
 * How long to wait after so many failures in a row, from 1 on: `firstMs` at most, doubling up to `longestMs`, 5 minutes
 * where it is not said.
 *
 * @param random 0 to 1, for the jitter that keeps many callers apart
 */
export const backoffMs = (
  failures: number,
  random: number,
  firstMs = 1_000,
  longestMs = LONGEST_MS,
): number => Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (0.5 + random / 2)

/**
 * The value of the first attempt that brings one. What may pass is tried again, after pauses that double.
 *
 * @throws the error of the last attempt; the reason of `signal` once that aborts
 */
export async function retry<T>(attempt: () => Promise<Attempt<T>>, options: RetryOptions): Promise<T> {
  const { signal, retries = 5, onPause, random = Math.random, sleep: rest = sleep } = options
  for (let failures = 0; ; ) {
    const outcome = await attempt()
    if ('value' in outcome) return outcome.value
    const { error, mayPass, forMs } = outcome
    if (mayPass && forMs === undefined) failures += 1
    if (!mayPass || failures > retries) {
      if (mayPass && retries > 0) error.message += `; tried ${failures} times`
      throw error
    }
    const ms = forMs ?? Math.round(backoffMs(failures, random(), 500))
    onPause?.(error.message, ms)
    await rest(ms, signal)
    signal?.throwIfAborted()
  }
}
