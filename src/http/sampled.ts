import type { Time } from './time.ts'

/** Between two lines of a kind. */
const REST_MS = 1_000

/** Writes a line that stands for `suppressed` others like it, which were not written. */
type Write = (suppressed: number) => void

/**
 * Lines that strangers can cause: the first of each kind is written at once, and then at most one a second. No line is
 * lost from the count: what came within a second is told at its end, by the newest of them.
 */
export function createSampledLog({ after }: Pick<Time, 'after'>) {
  const resting = new Map<string, { newest: Write | undefined; count: number; stop: () => void }>()

  function rest(kind: string) {
    resting.set(kind, { newest: undefined, count: 0, stop: after(REST_MS, () => tell(kind)) })
  }

  function tell(kind: string) {
    const rested = resting.get(kind)
    resting.delete(kind)
    if (!rested?.newest) return
    rest(kind)
    rested.newest(rested.count - 1)
  }

  return {
    write(kind: string, write: Write) {
      const rested = resting.get(kind)
      if (rested) {
        rested.newest = write
        rested.count += 1
      } else {
        rest(kind)
        write(0)
      }
    },
    /** Tells what is left, and ends all timers. */
    close() {
      for (const [kind, { newest, count, stop }] of resting) {
        stop()
        resting.delete(kind)
        newest?.(count - 1)
      }
    },
  }
}
