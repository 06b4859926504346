import type { FastifyInstance } from 'fastify'
import type { ChannelCounts, Ledger } from '../ledger/ledger.ts'
import { ROUTES } from './routes.ts'

export interface HealthOptions {
  readonly ledger: Pick<Ledger, 'probe' | 'counts' | 'oldestPendingMs'>
  /** What the deliverer says of itself. */
  readonly delivery: () => { readonly state: string; readonly reason: string | null }
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/** States in which nothing reaches Braze. `standby` is none of them: another process delivers. */
const STUCK = ['waiting', 'paused']

/** Anybody may ask, and each probe costs an fsync: the answer is good for so long. */
const PROBE_LIFE_MS = 1_000

/**
 * `/health`, `/health/live` and `/health/ready`. Degraded: nothing reaches Braze, or something waits for a person.
 * Only what keeps webhooks from being stored makes it 503.
 */
export async function healthRoutes(
  app: FastifyInstance,
  { ledger, delivery, clock = Date.now }: HealthOptions,
) {
  let probed: Promise<string | null> | undefined
  let probedAt = 0

  /** Why webhooks cannot be stored right now, for a person; null when they can. */
  function obstacle(): Promise<string | null> {
    const now = clock()
    if (!probed || now < probedAt || now - probedAt > PROBE_LIFE_MS) {
      probedAt = now
      probed = ledger.probe().then(
        () => null,
        (error: Error) => error.message,
      )
    }
    return probed
  }

  app.get(ROUTES.live.url, async () => ({ status: 'ok' }))

  app.get(ROUTES.ready.url, async (_request, reply) => {
    const ready = (await obstacle()) === null
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'degraded' })
  })

  app.get(ROUTES.health.url, async (_request, reply) => {
    const error = await obstacle()
    const parts = await read().catch((cause: Error) => ({
      ledger: { error: cause.message },
      delivery: delivery(),
    }))
    const isStuck =
      STUCK.includes(parts.delivery.state) || ('failed' in parts.delivery && parts.delivery.failed > 0)
    const status = error === null && !isStuck ? 'ok' : 'degraded'
    const ledgerPart = error === null ? parts.ledger : { ...parts.ledger, error }
    return reply.code(error === null ? 200 : 503).send({ status, ...parts, ledger: ledgerPart })
  })

  /** The numbers of all channels together. */
  async function read() {
    const [counts, oldestMs] = await Promise.all([ledger.counts(), ledger.oldestPendingMs()])
    const sum = (of: Exclude<keyof ChannelCounts, 'channel'>) =>
      counts.reduce((total, each) => total + each[of], 0)
    return {
      ledger: { friend: sum('friend'), messager: sum('messager'), gone: sum('gone') },
      delivery: {
        ...delivery(),
        pending: sum('pending'),
        oldestPendingSeconds: Math.round((oldestMs ?? 0) / 1000),
        failed: sum('failed'),
      },
    }
  }
}
