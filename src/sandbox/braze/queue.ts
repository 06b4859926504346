import { between, type Random } from '../random.ts'

/** Shortest and longest; [0, 0] is at once. */
export type Delay = readonly [minMs: number, maxMs: number]

export type Queue = ReturnType<typeof createQueue>

/** What Braze has accepted and not applied yet. `onApplied` is called after each change. */
export function createQueue({ random, onApplied }: { random: Random; onApplied: () => void }) {
  const waiting = new Map<NodeJS.Timeout, () => void>()

  function run<Change>(apply: (change: Change) => void, change: Change) {
    apply(change)
    onApplied()
  }

  return {
    /** Each change is applied after a delay of its own, so in any order. [LIMITS] */
    take<Change>([minMs, maxMs]: Delay, apply: (change: Change) => void, change: Change) {
      if (maxMs === 0) return run(apply, change)
      const due = () => {
        waiting.delete(timer)
        run(apply, change)
      }
      const timer = setTimeout(due, between(random, minMs, maxMs))
      waiting.set(timer, due)
    },
    /** Changes that are not applied yet. */
    waiting: () => waiting.size,
    /** Applies at once what waits, in the order in which it was taken. */
    flush() {
      for (const [timer, due] of waiting) {
        clearTimeout(timer)
        due()
      }
    },
    /** Drops what is waiting. */
    close() {
      for (const timer of waiting.keys()) clearTimeout(timer)
      waiting.clear()
    },
  }
}
