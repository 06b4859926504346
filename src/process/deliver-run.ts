import type { Deliverer } from '../delivery/deliverer.ts'
import type { Ledger, Outstanding } from '../ledger/ledger.ts'
import { many } from '../terminal/numbers.ts'
import { sleep as sleepFor } from '../wire/retry.ts'

export interface LookOptions {
  readonly ledger: Pick<Ledger, 'outstanding'>
  readonly run: number
  readonly signal: AbortSignal
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
  readonly sleep?: typeof sleepFor
}

export interface WaitOptions extends LookOptions {
  readonly deliverer: Pick<Deliverer, 'delivery' | 'stop'>
  /** Told at each look. */
  readonly onLook: (outstanding: Outstanding) => void
  /** Something that a person should know; a sentence. */
  readonly note: (sentence: string) => void
}

const POLL_MS = 100
/** When nothing has moved for so long, it is worth a sentence. */
const SLOW_MS = 60_000
/** Longer than Braze's longest limit, an hour: the end of waiting for another process. */
const STALLED_MS = 65 * 60_000
/** Looking costs time in proportion to what is left: it may take this part of the time. */
const SHARE = 0.05

/**
 * Waits until Braze has heard of everything that runs made due, this one and those before it: from this process, or from
 * the server that holds the lease. Then, or when it ends early, stops the deliverer and looks a last time, since what was
 * under way counts, too.
 *
 * @throws Error when Braze rejected contacts of the run, when this process delivers and a person has to mend something
 * first, when nobody is left but those over whom Braze fails, or when the server that delivers does not get on
 */
export async function deliverRun(options: WaitOptions) {
  const { ledger, run, deliverer, onLook } = options
  let last: Outstanding
  try {
    await untilDelivered(options)
  } finally {
    await deliverer.stop()
    last = await ledger.outstanding(run)
    onLook(last)
  }
  const { failed } = last
  if (failed === 0) return
  throw new Error(
    `Braze rejected ${many(failed, 'contact')}; contacts.failure in the database has its words, and resync tries them again.`,
  )
}

/** What of the run, and of others, Braze has not heard of, every `everyMs` or as often as that costs little. */
export async function* looks(
  { ledger, run, signal, monotonic = () => performance.now(), sleep = sleepFor }: LookOptions,
  everyMs = POLL_MS,
): AsyncGenerator<Outstanding> {
  for (;;) {
    const askedAt = monotonic()
    yield await ledger.outstanding(run)
    await sleep(Math.max(everyMs, (monotonic() - askedAt) / SHARE), signal)
  }
}

async function untilDelivered(options: WaitOptions) {
  const { deliverer, onLook, note, monotonic = () => performance.now() } = options
  let movedAt = monotonic()
  let least = Number.POSITIVE_INFINITY
  let isTold = false
  for await (const outstanding of looks(options)) {
    onLook(outstanding)
    const open = outstanding.pending + outstanding.earlier
    if (open === 0) return
    if (open < least) {
      least = open
      movedAt = monotonic()
    }
    const { state, reason, stumbling } = deliverer.delivery()
    if (state === 'paused') throw new Error(String(reason))
    const stillMs = monotonic() - movedAt
    if (state === 'delivering' && open <= stumbling && stillMs > SLOW_MS) throw new Error(stumblesOver(open))
    if (state === 'standby' && stillMs > STALLED_MS) throw new Error(stalled(open))
    if (state === 'standby' && stillMs > SLOW_MS && !isTold) {
      isTold = true
      note('The server that delivers has told Braze of nobody for a minute; its /health says why.')
    }
  }
}

const stalled = (open: number) =>
  `The server that delivers has told Braze of nobody for ${STALLED_MS / 60_000} minutes; its /health says why. ${many(open, 'change')} wait for it.`

const stumblesOver = (open: number) =>
  `Braze has answered for everybody but ${many(open, 'contact')}, over whom it fails; LOG_LEVEL=debug names them. The server tries them again and again.`
