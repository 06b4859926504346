import type { Readable } from 'node:stream'
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import type { Ledger } from '../ledger/ledger.ts'
import { createVerifier, type Rejection, rejectionOf } from '../line/signature.ts'
import { type EventType, readWebhook, type WebhookReading } from '../line/webhook.ts'
import { createAccountMemory } from './account.ts'
import { createUnverifiedBodies } from './body.ts'
import { asRefusal, Refusal } from './refusal.ts'
import { createReport, type Outcome, outcomeOf, type WebhookLog } from './report.ts'
import { ROUTES } from './routes.ts'
import { createDeadlines, realTime, type Time } from './time.ts'

/** A LINE Official Account's Messaging API channel. */
export interface Channel {
  readonly name: string
  /** Any of them may have signed a webhook. */
  readonly secrets: readonly string[]
}

export interface WebhookOptions {
  readonly channel: Channel
  readonly ledger: Pick<Ledger, 'record' | 'claimAccount'>
  readonly log: WebhookLog
  /** A body that is larger is answered 413. */
  readonly bodyLimitBytes: number
  /** What all large bodies that are not verified yet may take together; beyond it the answer is 503. */
  readonly unverifiedLimitBytes?: number
  readonly observer?: WebhookObserver
  readonly time?: Time
}

/** Beside the ordinary ones, which take as much where all connections send one. */
const UNVERIFIED_LIMIT_BYTES = 33_554_432

/**
 * LINE gives up after 2 seconds. What is stored later than this is stored all the same, and LINE's sending it again
 * changes nothing then.
 */
const ANSWER_WITHIN_MS = 1_800

/** Who wants to know the numbers. */
export interface WebhookObserver {
  answered(channel: string, outcome: Outcome): void
  verified(channel: string, secret: number): void
  read(channel: string, types: readonly EventType[]): void
}

declare module 'fastify' {
  /** What the log line of a webhook says. */
  interface FastifyRequest {
    /** By the monotonic clock. */
    arrivedAt: number
    contentType: string | undefined
    events: number
    rejection: Rejection | null
    isReported: boolean
  }
}

/**
 * `POST /webhook`: verify the bytes, read them, record what they say, and answer 200 once that is on disk.
 *
 * The body parser is where the bytes are whole and nothing has looked at them yet, so the signature is checked
 * there, before the content type and the JSON.
 */
export async function webhookRoute(app: FastifyInstance, options: WebhookOptions) {
  const { channel, ledger, log, observer, time = realTime } = options
  const { bodyLimitBytes: bodyLimit, unverifiedLimitBytes = UNVERIFIED_LIMIT_BYTES } = options
  const deadlines = createDeadlines(time)
  const report = createReport(channel.name, log, time)
  const unverified = createUnverifiedBodies(unverifiedLimitBytes)
  const verify = createVerifier(channel.secrets)
  const rememberAccount = createAccountMemory({ channel: channel.name, ledger, log })

  app.decorateRequest('arrivedAt', 0)
  app.decorateRequest('contentType', undefined)
  app.decorateRequest('events', 0)
  app.decorateRequest('rejection', null)
  app.decorateRequest('isReported', false)

  app.addHook('onRequest', async (request) => {
    request.arrivedAt = time.monotonic()
    // Fastify judges the content type before it reads the body, and we only after the signature.
    request.contentType = request.raw.headers['content-type']
    request.raw.headers['content-type'] = JSON_TYPE
    // What can't be genuine is not worth reading, be it as large as it likes.
    const rejection = rejectionOf(request.headers['x-line-signature'])
    if (rejection) throw unsigned(request, rejection)
  })
  app.removeAllContentTypeParsers()
  app.addHook('preParsing', (request, _reply, payload, done) => {
    done(null, unverified.watch(payload as Readable, Number(request.headers['content-length'] ?? Number.NaN)))
  })
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, (request, body, done) => {
    done(null, read(request, body as Buffer))
  })

  app.post(ROUTES.webhook.url, { bodyLimit }, async (request) => {
    const { evidence, types, destination } = request.body as WebhookReading
    request.events = types.length
    try {
      await deadlines.by(request.arrivedAt + ANSWER_WITHIN_MS, ledger.record(evidence))
    } catch (cause) {
      report.notStored((cause as Error).message)
      throw new Refusal(503, 'The events could not be stored; send them again.')
    }
    rememberAccount(destination)
    observer?.read(channel.name, types)
    return {}
  })

  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const refusal = asRefusal(error)
    if (refusal.statusCode === 500) log.error({ error: error.message, stack: error.stack }, 'webhook failed')
    return reply.code(refusal.statusCode).send({ error: refusal.message })
  })

  app.addHook('onResponse', async (request, reply) => {
    ended(request, outcomeOf(reply.statusCode))
  })
  app.addHook('onRequestAbort', async (request) => ended(request, 'aborted'))
  app.addHook('onClose', async () => report.close())

  function read(request: FastifyRequest, body: Buffer): WebhookReading {
    const verdict = verify(body, request.headers['x-line-signature'])
    if (!verdict.genuine) throw unsigned(request, verdict.reason)
    observer?.verified(channel.name, verdict.secret)
    if (!isJson(request.contentType)) throw new Refusal(415, 'The content type must be application/json.')
    return readWebhook(body, channel.name)
  }

  /** Once for each request, also for one that is given up by its sender. */
  function ended(request: FastifyRequest, outcome: Outcome) {
    if (request.isReported) return
    request.isReported = true
    observer?.answered(channel.name, outcome)
    const { events, rejection, arrivedAt } = request
    report.ended({ outcome, events, ms: Math.round(time.monotonic() - arrivedAt), rejection })
  }
}

function unsigned(request: FastifyRequest, rejection: Rejection): Refusal {
  request.rejection = rejection
  return new Refusal(401, 'The signature is missing or wrong.')
}

const JSON_TYPE = 'application/json'

const isJson = (contentType: string | undefined) => /^application\/json\s*(;|$)/i.test(contentType ?? '')
