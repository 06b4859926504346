/** A rest that can be cut short; a call of `wake` while nobody rests ends the next rest at once. */
export function createAlarm() {
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
        const timer = setTimeout(resolve, ms)
        ring = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      ring = idle
    },
  }
}
