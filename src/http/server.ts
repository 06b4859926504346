import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import type { Ledger } from '../ledger/ledger.ts'
import { type Api, apiRoutes } from './api.ts'
import { createConnections } from './connections.ts'
import { createHealth, type HealthOptions, healthRoutes, type Numbers } from './health.ts'
import { answerOf, KEPT_MS, keepFor } from './kept.ts'
import { type Page, pageRoutes } from './page/page.ts'
import { ROUTES } from './routes.ts'
import { realTime } from './time.ts'
import { type WebhookOptions, webhookRoutes } from './webhook.ts'

export interface ServerOptions
  extends Omit<WebhookOptions, 'ledger'>,
    Pick<HealthOptions, 'version' | 'delivery' | 'tokens'> {
  readonly ledger: WebhookOptions['ledger'] &
    Pick<Ledger, 'probe' | 'counts' | 'oldestPendingMs' | 'beingForgotten'>
  /** Without it nothing under `/api` exists. */
  readonly api?: Api | undefined
  /** Without it there is no page. */
  readonly page?: Page | undefined
  /** The Prometheus text, and its content type. */
  readonly metricsText: (numbers: Numbers, isReady: boolean) => Promise<{ contentType: string; text: string }>
  /** At most so many are open at a time. */
  readonly connectionsLimit?: number
  /** A connection with an answer that is left unread for so long is closed. */
  readonly unreadMs?: number
}

/** What a server serves: the webhooks, and what only the operator should see. */
export type Part = 'webhooks' | 'private'

const TIMES_AND_SIZES = {
  /** A request must be here, to its last byte, within this time: LINE gives up after 2 seconds. */
  requestTimeout: 10_000,
  headersTimeout: 5_000,
  /** Longer than the idle time of most proxies in front (60 s), so that they and not we close a connection. */
  keepAliveTimeout: 65_000,
  /** How often connections are held against these times. */
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
}
/** Answers are small: who has not read one for so long never will. */
const UNREAD_MS = 10_000
/** Each takes a file descriptor, and some memory. */
const CONNECTIONS_LIMIT = 2_000

/** The HTTP side as an app that never listens: who starts it owns the socket and the signals. */
export async function createServer(
  options: ServerOptions,
  parts: readonly Part[] = ['webhooks', 'private'],
): Promise<FastifyInstance> {
  const { connectionsLimit = CONNECTIONS_LIMIT, unreadMs = UNREAD_MS, time = realTime } = options
  const connections = createConnections({ connections: connectionsLimit, unreadMs, after: time.after })
  const app = fastify({
    // The webhook route writes the one line that each webhook is worth.
    logger: false,
    frameworkErrors: (_error, _request, reply) => notFound(reply),
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    exposeHeadRoutes: false,
    // A user id that is too long is answered as one that is wrong; the head of a request has its own limit.
    routerOptions: { maxParamLength: TIMES_AND_SIZES.maxHeaderSize },
    serverFactory: (handle) => connections.createServer(TIMES_AND_SIZES, handle),
  })
  app.addHook('onResponse', (request, _reply, done) => {
    connections.answered(request.raw)
    done()
  })

  // A body that no route asks for is never held: it is answered 404 before it is here.
  app.removeAllContentTypeParsers()
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    // Bodies, types and methods that no route of ours asks for.
    if ((error.statusCode ?? 500) < 500) return notFound(reply)
    options.log.error({ error: error.message }, 'request failed')
    return reply.code(500).send({ error: 'internal error' })
  })
  app.setNotFoundHandler((_request, reply) => notFound(reply))
  if (parts.includes('webhooks')) await app.register(webhookRoutes, options)
  if (parts.includes('private')) {
    const { ledger, metricsText, api, log } = options
    if (api) await app.register(apiRoutes, { ...options, api })
    const numbers = answerOf(time, () =>
      Promise.all([ledger.counts(), ledger.oldestPendingMs(), ledger.beingForgotten()]),
    )
    const probed = answerOf(time, () => ledger.probe())
    const metrics = keepFor(KEPT_MS, time, async () => {
      const [known, probe] = await Promise.all([numbers(), probed()])
      return metricsText(known, !(probe instanceof Error))
    })
    app.get(ROUTES.metrics.url, async (_request, reply) => {
      const { contentType, text } = await metrics()
      return reply.type(contentType).send(text)
    })
    const health = createHealth({
      ...options,
      probed,
      numbers,
      channels: options.channels.map(({ name }) => name),
    })
    await app.register(healthRoutes, { health })
    const { page } = options
    if (page) await app.register(pageRoutes, { page, health, log, time })
  }
  return app
}

const notFound = (reply: FastifyReply) => reply.code(404).send({ error: 'not found' })
