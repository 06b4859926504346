import type { Readable } from 'node:stream'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fastifyRawBody from 'fastify-raw-body'
import type { Ledger } from '../ledger/ledger.ts'
import { createVerifier, type Rejection, rejectionOf } from '../line/signature.ts'
import { readWebhook, type WebhookReading } from '../line/webhook.ts'
import { createAccountMemory } from './account.ts'
import { createRedeemer } from './account-link.ts'
import { createUnverifiedBodies } from './body.ts'
import { createLinkReport, type LinkObserver } from './link-report.ts'
import { asRefusal, Refusal, unsupported } from './refusal.ts'
import { createReport, outcomeOf, type WebhookLog, type WebhookObserver } from './report.ts'
import { webhookPaths } from './routes.ts'
import { createDeadlines, realTime, type Time } from './time.ts'

/** A LINE Official Account's Messaging API channel. */
export interface Channel {
  readonly name: string
  /** Any of them may have signed a webhook. */
  readonly secrets: readonly string[]
}

export interface WebhookOptions {
  readonly channels: readonly Channel[]
  readonly ledger: Pick<Ledger, 'record' | 'redeemNonce' | 'claimAccount'>
  readonly log: WebhookLog
  /** A body that is larger is answered 413. */
  readonly bodyLimitBytes: number
  /** What all large bodies that are not verified yet may take together; beyond it the answer is 503. */
  readonly unverifiedLimitBytes?: number
  readonly observer?: WebhookObserver
  readonly linkObserver?: LinkObserver
  readonly time?: Time
  /** Adds hooks to the routes, before all others. Without it there are none for it. */
  readonly instrument?: ((app: FastifyInstance) => void) | undefined
}

/** Beside the ordinary ones, which take as much where all connections send one. */
const UNVERIFIED_LIMIT_BYTES = 33_554_432

/**
 * LINE gives up after 2 seconds. What is stored later than this is stored all the same, and LINE's sending it again
 * changes nothing then.
 */
const ANSWER_WITHIN_MS = 1_800

/**
 * `POST /webhook/:channel`: verify the bytes, read them, record what they say, and answer 200 once that is on disk. Each
 * channel has a route of its own, so that nothing is read for a channel that there is not.
 *
 * Fastify only collects the bytes, whatever type they claim to be of, and fastify-raw-body hands them over: nothing looks
 * at what nobody has signed.
 */
export async function webhookRoutes(app: FastifyInstance, options: WebhookOptions) {
  const { channels, ledger, log, observer, linkObserver, time = realTime } = options
  const { bodyLimitBytes: bodyLimit, unverifiedLimitBytes = UNVERIFIED_LIMIT_BYTES } = options
  const unverified = createUnverifiedBodies(unverifiedLimitBytes)
  const deadlines = createDeadlines(time)
  const linkReport = createLinkReport({ log, time, observer: linkObserver })
  const redeem = createRedeemer({ ledger, report: linkReport, time })
  options.instrument?.(app)

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _bytes, done) => done(null))
  await app.register(fastifyRawBody, { global: false, encoding: false, jsonContentTypes: [] })

  // What can't be genuine is not worth reading, be it as large as it likes.
  app.addHook('onRequest', (request, _reply, done) => {
    const rejection = rejectionOf(request.headers['x-line-signature'])
    // A type that is none counts as missing: Fastify would refuse it before the signature was looked at.
    if (request.mediaType === undefined) delete request.raw.headers['content-type']
    done(rejection ? unsigned(rejection) : undefined)
  })
  app.addHook('preParsing', (request, reply, payload, done) => {
    const statedBytes = Number(request.headers['content-length'] ?? Number.NaN)
    done(null, unverified.watch(payload as Readable, statedBytes, reply.raw))
  })

  for (const channel of channels) {
    const { receive, errorHandler, close } = createReception(channel, {
      ledger,
      log,
      observer,
      time,
      deadlines,
      redeem,
    })
    for (const path of webhookPaths(channel.name))
      app.post(path, { bodyLimit, config: { rawBody: true }, errorHandler }, receive)
    app.addHook('onClose', async () => close())
  }
  app.addHook('onClose', async () => linkReport.close())
}

interface ReceptionMeans extends Pick<WebhookOptions, 'ledger' | 'log'> {
  readonly observer: WebhookObserver | undefined
  readonly time: Time
  readonly deadlines: ReturnType<typeof createDeadlines>
  readonly redeem: ReturnType<typeof createRedeemer>
}

/** What a channel's webhooks go through, once their bytes are here. */
function createReception(
  { name, secrets }: Channel,
  { ledger, log, observer, time, deadlines, redeem }: ReceptionMeans,
) {
  const verify = createVerifier(secrets)
  const report = createReport(name, { log, time, observer })
  const rememberAccount = createAccountMemory({ channel: name, ledger, log })

  async function receive(request: FastifyRequest, reply: FastifyReply) {
    const { types, destination, ...said } = read(request)
    // Counted since the head of the request was here, as long as there is a hook `onResponse`: server.ts has one.
    const arrivedAt = time.monotonic() - reply.elapsedTime
    try {
      await deadlines.by(arrivedAt + ANSWER_WITHIN_MS, store(said))
    } catch (cause) {
      report.notStored((cause as Error).message)
      throw new Refusal(503, 'The events could not be stored; send them again.', { events: types.length })
    }
    rememberAccount(destination)
    observer?.read(name, types)
    report.ended('accepted', reply.elapsedTime, { events: types.length })
    return {}
  }

  function store({ evidence, accountLinks }: Said): Promise<unknown> {
    const recorded = ledger.record(evidence)
    return accountLinks.length === 0 ? recorded : Promise.all([recorded, redeem(name, accountLinks)])
  }

  function read(request: FastifyRequest): WebhookReading {
    const bytes = (request.rawBody as Buffer | undefined) ?? NO_BYTES
    // Let go, before anybody waits for the ledger: there may be many of them.
    request.rawBody = NO_BYTES
    const verdict = verify(bytes, request.headers['x-line-signature'])
    if (!verdict.genuine) throw unsigned(verdict.reason)
    observer?.verified(name, verdict.secret)
    if (request.mediaType !== 'application/json') throw unsupported()
    return readWebhook(bytes, name)
  }

  function errorHandler(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
    const refusal = asRefusal(error)
    if (refusal.statusCode === 500)
      log.error({ channel: name, error: error.message, stack: error.stack }, 'webhook failed')
    // A body that its sender gave up comes here, too.
    const outcome = request.raw.readableAborted ? 'aborted' : outcomeOf(refusal.statusCode)
    report.ended(outcome, reply.elapsedTime, refusal.about)
    // Else a flood behind one connection has the event loop for itself: 350 requests come with each packet.
    if (refusal.statusCode !== 503) reply.header('connection', 'close')
    return reply.code(refusal.statusCode).send({ error: refusal.message })
  }

  return { receive, errorHandler, close: report.close }
}

/** What of a webhook is to be durable before it is answered. */
type Said = Pick<WebhookReading, 'evidence' | 'accountLinks'>

/** What a request without a body has: it is complete before anything has handed its bytes over. */
const NO_BYTES = Buffer.alloc(0)

const unsigned = (rejection: Rejection) =>
  new Refusal(401, 'The signature is missing or wrong.', { rejection })
