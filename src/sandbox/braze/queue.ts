import { between, type Random } from '../random.ts'

/** Shortest and longest; [0, 0] is at once. */
export type Delay = readonly [minMs: number, maxMs: number]

export type Queue = ReturnType<typeof createQueue>

/** What Braze has accepted and not applied yet. `onApplied` is called after each change. */
export function createQueue({ random, onApplied }: { random: Random; onApplied: () => void }) {
  const waiting = new Map<NodeJS.Timeout, () => void>()

  function run(change: () => void) {
    change()
    onApplied()
  }

  function close() {
    for (const timer of waiting.keys()) clearTimeout(timer)
    waiting.clear()
  }

  return {
    /** Each change is applied after a delay of its own, so in any order. [LIMITS] */
    take([minMs, maxMs]: Delay, change: () => void) {
      if (maxMs === 0) return run(change)
      const timer = setTimeout(
        () => {
          waiting.delete(timer)
          run(change)
        },
        between(random, minMs, maxMs),
      )
      waiting.set(timer, change)
    },
    /** Changes that are not applied yet. */
    waiting: () => waiting.size,
    /** Applies at once what waits, in the order in which it was taken. */
    flush() {
      const changes = [...waiting.values()]
      close()
      changes.forEach(run)
    },
    /** Drops what is waiting. */
    close,
  }
}
