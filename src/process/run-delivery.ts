import type { ChannelSettings } from '../config/channels.ts'
import type { Deliverer } from '../delivery/deliverer.ts'
import type { Ledger, Outstanding, ProfileId, Run, RunKind } from '../ledger/ledger.ts'
import { many } from '../terminal/numbers.ts'
import { sleep as sleepFor } from '../wire/time.ts'
import { assertDeliverable } from './channels.ts'
import { type BrazeSettings, createDelivery } from './delivery.ts'
import type { Log } from './environment.ts'
import type { Task } from './task.ts'

export interface RunDeliveryOptions {
  readonly task: Task
  readonly settings: BrazeSettings
  /** All that there are: who delivers does so for each. */
  readonly channels: readonly ChannelSettings[]
  readonly ledger: Ledger
  readonly log: Log
}

/** How far a command has come with a channel; kept up to date once there is a run. */
export interface RunProgress {
  outstanding: Outstanding | null
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
    'Another backfill, resync, verify --fix or failed retry is at work on this database; wait until it has ended.',
  )
}

/**
 * Tells Braze of what runs change, one of each channel, from the first change on: this process does, unless a running
 * server does.
 *
 * @throws SettingsError as `assertDeliverable` does
 */
export async function startRunDelivery({ task, settings, channels, ledger, log }: RunDeliveryOptions) {
  const { display, signal, closing } = task
  await assertDeliverable(ledger, channels)
  const { deliverer, braze } = createDelivery(settings, channels, { ledger, log })
  let working = new AbortController()
  const followed = new Map<RunProgress, Run['id']>()
  const onLook = (seen: readonly Outstanding[]) => {
    for (const [place, progress] of [...followed.keys()].entries()) progress.outstanding = seen[place] ?? null
  }
  const means = { ledger, runs: () => [...followed.values()] }
  async function look(signal: AbortSignal) {
    for await (const seen of looks({ ...means, signal }, LOOK_MS)) onLook(seen)
  }
  // What is wrong with the ledger shows where it is needed.
  const ignore = () => {}

  closing(braze.close)
  closing(async () => {
    working.abort()
    await deliverer.stop()
    // What was under way counts, too.
    await lookAt(means).then(onLook, ignore)
  })
  deliverer.start()

  return {
    /** The channel's run has begun, or goes on; it may be another one than before. */
    follow({ id }: Run, progress: RunProgress) {
      if (followed.get(progress) === id) return
      followed.set(progress, id)
      working.abort()
      working = new AbortController()
      look(working.signal).catch(ignore)
    },
    /** The runs make no more changes: waits until Braze has heard of all of them. Throws as `deliverRuns` does. */
    finish() {
      working.abort()
      return deliverRuns({ ...means, deliverer, onLook, note: display.say, signal })
    },
  }
}

/** Tells Braze again of contacts about which nothing has changed, in a run of each channel that begins with its first ones. */
export async function startResending(kind: RunKind, options: RunDeliveryOptions) {
  const { ledger } = options
  await lockRuns(ledger)
  const delivery = await startRunDelivery(options)
  const runs = new Map<string, Run>()
  return {
    async resend(channel: string, ids: readonly ProfileId[], progress: RunProgress & { resent: number }) {
      const run = runs.get(channel) ?? (await ledger.beginRun(kind, channel))
      runs.set(channel, run)
      delivery.follow(run, progress)
      progress.resent += await ledger.resend(run.id, ids)
    },
    /** Waits until Braze has heard of them. Throws as `deliverRuns` does. */
    async finish() {
      for (const { id } of runs.values()) await ledger.endRun(id, 'complete')
      if (runs.size > 0) await delivery.finish()
    },
  }
}

export interface WaitOptions {
  readonly ledger: Pick<Ledger, 'outstanding'>
  /** One at least. */
  readonly runs: () => readonly Run['id'][]
  readonly deliverer: Pick<Deliverer, 'delivery' | 'stop'>
  /** Told at each look what Braze has not heard of, of each run. */
  readonly onLook: (seen: readonly Outstanding[]) => void
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
 * @throws Error when Braze rejected contacts of the runs, when this process delivers and a person has to mend something
 * first, when nobody is left but those over whom Braze fails, or when the server that delivers does not get on
 */
export async function deliverRuns(options: WaitOptions) {
  const { deliverer, onLook } = options
  let last: Outstanding[]
  try {
    await untilDelivered(options)
  } finally {
    await deliverer.stop()
    last = await lookAt(options)
    onLook(last)
  }
  const failed = last.reduce((sum, outstanding) => sum + outstanding.failed, 0)
  if (failed === 0) return
  throw new Error(
    `Braze rejected ${many(failed, 'contact')}; line-braze failed has its words, and line-braze failed retry tries them again.`,
  )
}

/** What Braze has not heard of, of each run, and beside it of others. */
const lookAt = ({ ledger, runs }: Pick<WaitOptions, 'ledger' | 'runs'>): Promise<Outstanding[]> =>
  Promise.all(runs().map((run) => ledger.outstanding(run)))

/** A look every `everyMs`, or as often as that costs little. */
async function* looks(options: LookOptions, everyMs = POLL_MS): AsyncGenerator<Outstanding[]> {
  const { signal, monotonic = () => performance.now(), sleep = sleepFor } = options
  for (;;) {
    const askedAt = monotonic()
    yield await lookAt(options)
    await sleep(Math.max(everyMs, (monotonic() - askedAt) / SHARE), signal)
  }
}

async function untilDelivered(options: WaitOptions) {
  const { deliverer, onLook, note, monotonic = () => performance.now() } = options
  let movedAt = monotonic()
  let least = Number.POSITIVE_INFINITY
  let isTold = false
  for await (const seen of looks(options)) {
    onLook(seen)
    const open = openOf(seen)
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

/** Of all that runs made due: what is not of one is of others. */
const openOf = ([first]: readonly Outstanding[]) => (first ? first.pending + first.earlier : 0)

const stalled = (open: number) =>
  `The server that delivers has told Braze of nobody for ${STALLED_MS / 60_000} minutes; its /health says why. ${many(open, 'change')} wait for it.`

const stumblesOver = (open: number) =>
  `Braze has answered for everybody but ${many(open, 'contact')}, over whom it fails; LOG_LEVEL=debug names them. The server tries them again and again.`
