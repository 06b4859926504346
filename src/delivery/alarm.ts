import type { After } from '../wire/time.ts'

const realAfter: After = (ms, call) => {
  const timer = setTimeout(call, ms)
  return () => clearTimeout(timer)
}

/** A rest that can be cut short; a call of `wake` while nobody rests ends the next rest at once. */
export function createAlarm(after = realAfter) {
  let rung = false
  let ring = () => {
    rung = true
  }
  const idle = ring
  return {
    wake: () => ring(),
    async rest(ms: number) {
      if (rung || ms <= 0) {
        rung = false
        return
      }
      await new Promise<void>((resolve) => {
        const stop = after(ms, resolve)
        ring = () => {
          stop()
          resolve()
        }
      })
      ring = idle
    },
  }
}
