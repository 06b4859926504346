import type { Ledger } from '../ledger/ledger.ts'
import { sleep as sleepFor } from '../wire/time.ts'
import { closeTogether } from './closing.ts'
import { VERSION } from './version.ts'

export interface PresenceOptions {
  readonly ledger: Pick<Ledger, 'report' | 'signOff' | 'keepSample'>
  /** As in the lease of whoever delivers. */
  readonly id: string
  readonly channels: readonly string[]
  /** What health says of delivery. */
  readonly delivery: () => { readonly state: string; readonly reason: string | null }
  readonly log: { debug(fields: object, message: string): void }
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
  /** Rejects when the signal aborts. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<unknown>
}

/** How old at most is what `line-braze status` and the page say of a server that lives. */
export const REPORT_MS = 10_000
/** Often enough that the last sample of an hour is its end. */
export const SAMPLE_MS = 60_000

/**
 * Says in the ledger, now and then, that this server is there, what it last did, and how many people can be reached: for
 * whoever looks without asking it. It is on nobody's way, and a ledger that does not answer is told of elsewhere.
 */
export function createPresence(options: PresenceOptions) {
  const { ledger, id, channels, delivery, log, sleep = sleepFor } = options
  const { monotonic = () => performance.now() } = options
  const startedAt = monotonic()
  const webhookAt = new Map<string, number>()
  const deliveredAt = new Map<string, number>()
  const stopping = new AbortController()
  const { signal } = stopping
  let running: Promise<unknown> | undefined

  const agoMs = (at: number | undefined) => (at === undefined ? null : monotonic() - at)
  function report() {
    const { state, reason } = delivery()
    const activity = channels.map((channel) => ({
      channel,
      webhookMs: agoMs(webhookAt.get(channel)),
      deliveredMs: agoMs(deliveredAt.get(channel)),
    }))
    const upMs = monotonic() - startedAt
    return ledger.report({ id, version: VERSION, upMs, state, reason, activity })
  }
  async function repeat(work: () => Promise<void>, everyMs: number) {
    while (!signal.aborted) {
      await work().catch((error) => log.debug({ error: error.message }, 'presence not stored'))
      await sleep(everyMs, signal).catch(() => {})
    }
  }

  return {
    webhookStored: (channel: string) => void webhookAt.set(channel, monotonic()),
    delivered: (channel: string) => void deliveredAt.set(channel, monotonic()),
    start() {
      running ??= Promise.all([repeat(report, REPORT_MS), repeat(ledger.keepSample, SAMPLE_MS)])
    },
    /** Says what is left to say. */
    async stop() {
      stopping.abort()
      await running
      // Whoever delivers says in the end what it did.
      const last = report().then(() => ledger.signOff(id))
      await closeTogether([() => last.catch(() => {}), () => ledger.keepSample().catch(() => {})])
    },
  }
}
