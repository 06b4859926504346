import type { ContactId, Ledger, Outstanding, Run, RunKind } from '../ledger/ledger.ts'
import { deliverRun, looks } from './deliver-run.ts'
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
    async resend(ids: readonly ContactId[]) {
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
