import type { FastifyInstance } from 'fastify'
import { ROUTES } from './routes.ts'

export interface HealthOptions {
  /** Resolves when webhooks can be made durable right now, rejects when not. */
  readonly probe: () => Promise<void>
  /** What there is to say beyond that. */
  readonly health: () => Promise<Health>
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/** The body of `GET /health`. */
export interface Health {
  readonly status: 'ok' | 'degraded'
  readonly [part: string]: unknown
}

/** Anybody may ask, and each probe costs an fsync: the answer is good for so long. */
const PROBE_LIFE_MS = 1_000

/** `/health`, `/health/live` and `/health/ready`. */
export async function healthRoutes(app: FastifyInstance, { probe, health, clock = Date.now }: HealthOptions) {
  let probed: Promise<boolean> | undefined
  let probedAt = 0

  function isReady(): Promise<boolean> {
    const now = clock()
    if (!probed || now < probedAt || now - probedAt > PROBE_LIFE_MS) {
      probedAt = now
      probed = probe().then(
        () => true,
        () => false,
      )
    }
    return probed
  }

  app.get(ROUTES.live.url, async () => ({ status: 'ok' }))

  app.get(ROUTES.ready.url, async (_request, reply) => {
    const ready = await isReady()
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'degraded' })
  })

  app.get(ROUTES.health.url, async (_request, reply) => {
    const ready = await isReady()
    const body = await health().catch((error: Error) => ({
      status: 'degraded',
      ledger: { error: error.message },
    }))
    return reply.code(ready ? 200 : 503).send({ ...body, status: ready ? body.status : 'degraded' })
  })
}
