/** Time that stands still until it is told to pass. */
export function createTime() {
  const timers = new Set<{ readonly at: number; readonly call: () => void }>()
  let now = 0

  function passTo(moment: number) {
    now = Math.max(now, moment)
    for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > now || !timers.delete(timer)) continue
      timer.call()
    }
  }

  return {
    /** Milliseconds that nobody sets. */
    monotonic: () => now,
    after(ms: number, call: () => void) {
      const timer = { at: now + ms, call }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    pass: (ms: number) => passTo(now + ms),
    /** Lets time pass until the next timer rings; says whether there was one. */
    passToNext(): boolean {
      const next = Math.min(...Array.from(timers, ({ at }) => at))
      if (next === Number.POSITIVE_INFINITY) return false
      passTo(next)
      return true
    },
    timers: () => timers.size,
  }
}

export type TestTime = ReturnType<typeof createTime>

/** Lets everything run that waits for no timer and no socket. */
export async function turns(count = 20) {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}
