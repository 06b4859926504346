import { sleep } from '../wire/time.ts'
import { type Check, notChecked, sentence } from './check.ts'

/** Some of what is checked, beside the rest. */
export interface Part {
  /** What its first check is called, for when it has not ended in time. */
  readonly name: string
  readonly channel?: string | undefined
  check(signal: AbortSignal): Promise<readonly Check[]>
}

export interface DoctorOptions {
  /** For each part. */
  readonly limitMs: number
  readonly signal: AbortSignal
}

/**
 * Checks all parts side by side: whatever does not answer, or fails, keeps none of the others from being checked.
 *
 * @returns the checks of the first part first
 * @throws the reason of `signal` once that aborts
 */
export async function examine(parts: readonly Part[], { limitMs, signal }: DoctorOptions): Promise<Check[]> {
  const checked = await Promise.all(parts.map((part) => inTime(part, limitMs, signal)))
  signal.throwIfAborted()
  return checked.flat()
}

async function inTime(part: Part, limitMs: number, signal: AbortSignal): Promise<readonly Check[]> {
  const over = new AbortController()
  const both = AbortSignal.any([signal, over.signal])
  const late = () => [notChecked(part.name, `It has not answered within ${limitMs / 1_000} seconds.`)]
  const failed = (error: unknown) => [
    notChecked(part.name, sentence(`It cannot be checked: ${(error as Error).message}`)),
  ]
  const checks = await within(limitMs, part.check(both).catch(failed), late, signal)
  over.abort()
  const { channel } = part
  return channel === undefined ? checks : checks.map((check) => ({ ...check, channel }))
}

/** What comes of `promise`, or what `late` says where nothing has come of it in time, or before `signal` aborts. */
export async function within<T>(
  limitMs: number,
  promise: Promise<T>,
  late: () => T,
  signal?: AbortSignal,
): Promise<T> {
  const done = new AbortController()
  const ends = signal ? AbortSignal.any([signal, done.signal]) : done.signal
  const limit = sleep(limitMs, ends).then(late, late)
  try {
    return await Promise.race([promise, limit])
  } finally {
    done.abort()
  }
}
