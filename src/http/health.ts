import type { FastifyInstance } from 'fastify'
import type { ChannelCounts, Ledger } from '../ledger/ledger.ts'
import { KEPT_MS, keepFor } from './kept.ts'
import { ROUTES } from './routes.ts'
import { createPatience, realTime, type Time } from './time.ts'

export interface HealthOptions {
  readonly ledger: Pick<Ledger, 'probe' | 'counts' | 'oldestPendingMs'>
  /** What the deliverer says of itself, without asking the ledger; all of it is shown. */
  readonly delivery: () => {
    readonly state: string
    readonly reason: string | null
    /** Contacts over whom alone Braze fails. */
    readonly stumbling: number
  }
  readonly time?: Time
}

/** States in which nothing reaches Braze. `standby` is none of them: another process delivers. */
const STUCK = ['waiting', 'paused']

/** A load balancer may wait for 2 seconds only, as LINE does for a webhook. */
export const LEDGER_PATIENCE_MS = 1_800

/**
 * `/health`, `/health/live` and `/health/ready`. Degraded: nothing reaches Braze, or something waits for a person.
 * Only what keeps webhooks from being stored makes it 503. What the ledger says is asked for once a second at most.
 */
export async function healthRoutes(
  app: FastifyInstance,
  { ledger, delivery, time = realTime }: HealthOptions,
) {
  const inTime = createPatience(time, LEDGER_PATIENCE_MS)
  // One that hangs is not asked a second time beside it.
  const probe = keepFor(0, time, () => ledger.probe())
  const readLedger = keepFor(0, time, () => Promise.all([ledger.counts(), ledger.oldestPendingMs()]))

  /** Why webhooks cannot be stored right now, for a person; null when they can. */
  const obstacle = keepFor(KEPT_MS, time, () =>
    inTime(probe()).then(
      () => null,
      (error: Error) => error.message,
    ),
  )
  const numbers = keepFor(KEPT_MS, time, () =>
    inTime(readLedger()).then(
      ([counts, oldestMs]) => ({ ...sumOf(counts), oldestMs }),
      (error: Error) => ({ error: error.message }),
    ),
  )

  app.get(ROUTES.live.url, async () => ({ status: 'ok' }))

  app.get(ROUTES.ready.url, async (_request, reply) => {
    const ready = (await obstacle()) === null
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'degraded' })
  })

  app.get(ROUTES.health.url, async (_request, reply) => {
    const [error, known] = await Promise.all([obstacle(), numbers()])
    const parts = 'error' in known ? { ledger: known, delivery: delivery() } : partsOf(known)
    const { state, stumbling } = parts.delivery
    const isStuck = STUCK.includes(state) || stumbling > 0 || ('failed' in known && known.failed > 0)
    const status = error === null && !isStuck ? 'ok' : 'degraded'
    const ledgerPart = error === null ? parts.ledger : { ...parts.ledger, error }
    return reply.code(error === null ? 200 : 503).send({ status, ...parts, ledger: ledgerPart })
  })

  function partsOf({ friend, messager, gone, pending, failed, oldestMs }: Numbers) {
    const oldestPendingSeconds = Math.round((oldestMs ?? 0) / 1000)
    return {
      ledger: { friend, messager, gone },
      delivery: { ...delivery(), pending, oldestPendingSeconds, failed },
    }
  }
}

type Numbers = ReturnType<typeof sumOf> & { readonly oldestMs: number | null }

/** The numbers of all channels together. */
function sumOf(counts: readonly ChannelCounts[]) {
  const sum = (of: Exclude<keyof ChannelCounts, 'channel'>) =>
    counts.reduce((total, each) => total + each[of], 0)
  return {
    friend: sum('friend'),
    messager: sum('messager'),
    gone: sum('gone'),
    pending: sum('pending'),
    failed: sum('failed'),
  }
}
