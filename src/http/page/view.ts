import { asHolder, type Delivery, deliveryOf, isSilent, NOBODY, saidOf } from '../../desk/delivery.ts'
import { type Activity, DELIVERY_LEASE, type Ledger, type RunSummary } from '../../ledger/ledger.ts'
import type { Quota } from '../../line/messaging.ts'
import type { Health } from '../health.ts'
import { answerOf } from '../kept.ts'
import type { Time } from '../time.ts'
import type { Meter, Metered } from './meter.ts'
import { type FailureReasons, readReasons } from './reasons.ts'

export interface ViewOptions {
  readonly ledger: Pick<Ledger, 'servers' | 'activity' | 'leaseHolder' | 'runs' | 'failures'>
  readonly health: Health
  readonly meter: Meter
  readonly quotas: () => readonly { readonly channel: string; readonly quota: Quota | null }[]
  /** Names this one. */
  readonly server: string
  readonly time: Time
}

/** A server, as people tell it from others. */
export interface ShownServer {
  readonly id: string
  /** The beginning of that. */
  readonly name: string
  readonly version: string
  readonly upMs: number
  readonly seenMs: number
  readonly state: string
  readonly reason: string | null
  readonly isThis: boolean
  readonly isDelivering: boolean
  /** It has said nothing for too long. */
  readonly isSilent: boolean
}

/** What the page shows and renews; what comes from a ledger that does not answer is null. */
export interface View {
  /** Milliseconds since 1970. */
  readonly at: number
  /** As `/health` says it. */
  readonly health: Awaited<ReturnType<Health['tell']>>['body']
  /** Who tells Braze, whichever server it is. */
  readonly delivery: (Delivery & { readonly silence: string | null }) | null
  readonly servers: readonly ShownServer[] | null
  readonly activity: readonly Activity[] | null
  readonly runs: readonly RunSummary[] | null
  readonly failures: FailureReasons | null
  readonly quotas: readonly { readonly channel: string; readonly quota: Quota | null }[]
  readonly meter: Metered
}

const RUNS = 12

/** All that changes while somebody looks. */
export function createView(options: ViewOptions): () => Promise<View> {
  const { ledger, health, meter, quotas, server, time } = options
  const stored = answerOf(time, () =>
    Promise.all([ledger.servers(), ledger.activity(), ledger.leaseHolder(DELIVERY_LEASE), ledger.runs(RUNS)]),
  )
  const rejected = answerOf(time, readReasons(ledger, time))

  async function desk() {
    const answer = await stored()
    if (answer instanceof Error) return { delivery: null, servers: null, activity: null, runs: null }
    const [servers, activity, lease, runs] = answer
    const delivery = lease ? deliveryOf(lease.holder, servers) : NOBODY
    return {
      delivery: { ...delivery, silence: isSilent(delivery) ? saidOf(delivery) : null },
      servers: servers.map(
        (known): ShownServer => ({
          ...(known.id === lease?.holder ? asHolder(known) : known),
          name: known.id.slice(0, 8),
          isThis: known.id === server,
          isDelivering: known.id === lease?.holder,
          isSilent: isSilent(known),
        }),
      ),
      activity,
      runs,
    }
  }

  return async () => {
    const [{ body }, known, reasons] = await Promise.all([health.tell(), desk(), rejected()])
    return {
      at: Date.now(),
      health: body,
      ...known,
      failures: reasons instanceof Error ? null : reasons,
      quotas: quotas(),
      meter: meter.read(),
    }
  }
}
