/** Ends one thing that was opened. */
export type Close = () => unknown

/** What has been opened, and how it is closed, in the order of opening. */
export type Closers = Close[]

/**
 * Closes everything, the last opened first, whatever fails; what is opened meanwhile, too. Safe to repeat.
 *
 * @param failure why all is closed, where something failed before
 * @throws `failure`, else what failed first; an AggregateError of all where several did
 */
export async function closeAll(closers: Closers, failure?: unknown): Promise<void> {
  const failures: unknown[] = failure === undefined ? [] : [failure]
  for (let close = closers.pop(); close; close = closers.pop()) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  failWith(failures)
}

/** The same for things that need not wait for each other: over once each of them has ended. */
export async function closeTogether(closers: readonly Close[]): Promise<void> {
  const ends = await Promise.allSettled(closers.map(async (close) => close()))
  failWith(ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : [])))
}

/** Each error of those that `error` stands for, the first one first. */
export const errorsIn = (error: unknown): Error[] =>
  error instanceof AggregateError ? error.errors.flatMap(errorsIn) : [error as Error]

/** @throws the one failure; an AggregateError of all where there are several */
export function failWith(failures: readonly unknown[]) {
  const [first, ...others] = failures
  if (first === undefined) return
  if (others.length === 0) throw first
  throw new AggregateError(failures, errorsIn(first)[0]?.message, { cause: first })
}
