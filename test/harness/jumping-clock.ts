/** Loaded into a process before everything else: at each SIGCONT, suspended or not, its wall clock jumps by CLOCK_JUMP_MS, and its monotonic clock goes on. */
const jumpMs = Number(process.env.CLOCK_JUMP_MS)
const RealDate = Date
let shiftMs = 0

const now = () => RealDate.now() + shiftMs
globalThis.Date = class extends RealDate {
  static override now = now
  constructor(...args: []) {
    super(...((args.length > 0 ? args : [now()]) as []))
  }
} as DateConstructor

process.on('SIGCONT', () => {
  shiftMs += jumpMs
})
