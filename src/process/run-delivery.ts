import type { Deliverer } from '../delivery/deliverer.ts'
import type { Ledger, Outstanding, ProfileId, Run, RunKind } from '../ledger/ledger.ts'
import { many } from '../terminal/numbers.ts'
import { sleep as sleepFor } from '../wire/time.ts'
import { type BrazeSettings, createDelivery } from './delivery.ts'
import { CHANNEL, type Log } from './environment.ts'
import type { Task } from './task.ts'

export interface RunDeliveryOptions {
  readonly task: Task
  readonly settings: BrazeSettings
  readonly ledger: Ledger
  readonly log: Log
  /** Kept up to date once there is a run. */
  readonly progress: { outstanding: Outstanding | null }
}

/** How often it is looked how far delivery has come while a run is still making changes. */
const LOOK_MS = 1_000
const POLL_MS = 100
/** When nothing has moved for so long, it is worth a sentence. */
const SLOW_MS = 60_000
/** Longer than Braze's longest limit, an hour: the end of waiting for another process. */
const STALLED_MS = 65 * 60_000
/** Looking costs time in proportion to what is left: it may take this part of the time. */
const SHARE = 0.05

/** Runs of several processes at once would count each other's changes: the second ends with this sentence. */
export async function lockRuns(ledger: Ledger) {
  if (await ledger.lock('runs')) return
  throw new Error(
    'Another backfill, resync or verify --fix is at work on this database; wait until it has ended.',
  )
}

/** Tells Braze of what a run changes, from the first change on: this process does, unless a running server does. */
export function startRunDelivery({ task, settings, ledger, log, progress }: RunDeliveryOptions) {
  const { display, signal, closing } = task
  const { deliverer, braze } = createDelivery(settings, { ledger, log })
  let working = new AbortController()
  let followed: number | undefined
  const onLook = (outstanding: Outstanding) => {
    progress.outstanding = outstanding
  }
  async function look(run: number, signal: AbortSignal) {
    for await (const outstanding of looks({ ledger, run, signal }, LOOK_MS)) onLook(outstanding)
  }
  // What is wrong with the ledger shows where it is needed.
  const ignore = () => {}

  closing(braze.close)
  closing(async () => {
    working.abort()
    await deliverer.stop()
    // What was under way counts, too.
    if (followed !== undefined) await ledger.outstanding(followed).then(onLook, ignore)
  })
  deliverer.start()

  return {
    /** The run has begun, or goes on; it may be another one than before. */
    follow({ id }: Run) {
      if (followed === id) return
      followed = id
      working.abort()
      working = new AbortController()
      look(id, working.signal).catch(ignore)
    },
    /** The run makes no more changes: waits until Braze has heard of all of them. Throws as `deliverRun` does. */
    finish({ id }: Run) {
      working.abort()
      return deliverRun({ ledger, run: id, deliverer, onLook, note: display.say, signal })
    },
  }
}

/** Tells Braze again of contacts about which nothing has changed, in a run of its own that begins with the first ones. */
export async function startResending(
  kind: RunKind,
  options: RunDeliveryOptions & { readonly progress: { resent: number } },
) {
  const { ledger, progress } = options
  await lockRuns(ledger)
  const delivery = startRunDelivery(options)
  let run: Run | undefined
  return {
    async resend(ids: readonly ProfileId[]) {
      run ??= await ledger.beginRun(kind, CHANNEL)
      delivery.follow(run)
      progress.resent += await ledger.resend(run.id, ids)
    },
    /** Waits until Braze has heard of them. Throws as `deliverRun` does. */
    async finish() {
      if (run) await delivery.finish(await ledger.endRun(run.id, 'complete'))
    },
  }
}

export interface WaitOptions {
  readonly ledger: Pick<Ledger, 'outstanding'>
  readonly run: number
  readonly deliverer: Pick<Deliverer, 'delivery' | 'stop'>
  /** Told at each look. */
  readonly onLook: (outstanding: Outstanding) => void
  /** Something that a person should know; a sentence. */
  readonly note: (sentence: string) => void
  readonly signal: AbortSignal
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
  readonly sleep?: typeof sleepFor
}

type LookOptions = Omit<WaitOptions, 'deliverer' | 'onLook' | 'note'>

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
async function* looks(options: LookOptions, everyMs = POLL_MS): AsyncGenerator<Outstanding> {
  const { ledger, run, signal, monotonic = () => performance.now(), sleep = sleepFor } = options
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
