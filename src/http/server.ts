import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { type HealthOptions, healthRoutes } from './health.ts'
import { ROUTES } from './routes.ts'
import { type WebhookOptions, webhookRoute } from './webhook.ts'

export interface ServerOptions extends Omit<WebhookOptions, 'ledger'>, Omit<HealthOptions, 'ledger'> {
  readonly ledger: WebhookOptions['ledger'] & HealthOptions['ledger']
  /** A webhook body that is larger is answered 413. */
  readonly bodyLimitBytes: number
  /** The Prometheus text, and its content type. */
  readonly metricsText: () => Promise<{ contentType: string; text: string }>
}

/** A request must be here, to its last byte, within this time: LINE gives up after 2 seconds. */
const REQUEST_TIMEOUT_MS = 10_000
const HEADERS_TIMEOUT_MS = 5_000
/** Longer than the idle time of most proxies in front (60 s), so that they and not we close a connection. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000
/** How often connections are held against these times. */
const TIMEOUT_CHECK_MS = 1_000
const HEADERS_LIMIT_BYTES = 16_384
/** Further connections are refused: each may hold a body of the largest size in memory. */
const CONNECTIONS_LIMIT = 2_000

/** The HTTP side as an app that never listens: who starts it owns the socket and the signals. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    // The webhook route writes the one line that each webhook is worth.
    logger: false,
    frameworkErrors: (_error, _request, reply) => notFound(reply),
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    exposeHeadRoutes: false,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: HEADERS_LIMIT_BYTES,
    },
  })

  app.server.maxConnections = CONNECTIONS_LIMIT
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    // Bodies, types and methods that no route of ours asks for.
    if ((error.statusCode ?? 500) < 500) return notFound(reply)
    options.log.error({ error: error.message }, 'request failed')
    return reply.code(500).send({ error: 'internal error' })
  })
  app.setNotFoundHandler((_request, reply) => notFound(reply))
  app.get(ROUTES.metrics.url, async (_request, reply) => {
    const { contentType, text } = await options.metricsText()
    return reply.type(contentType).send(text)
  })
  await app.register(webhookRoute, options)
  await app.register(healthRoutes, options)
  return app
}

const notFound = (reply: FastifyReply) => reply.code(404).send({ error: 'not found' })
