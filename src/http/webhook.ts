import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import type { Ledger } from '../ledger/ledger.ts'
import { createVerifier, type Rejection, rejectionOf } from '../line/signature.ts'
import { type EventType, readWebhook, type WebhookReading } from '../line/webhook.ts'
import { createAccountMemory } from './account.ts'
import { asRefusal, Refusal } from './refusal.ts'
import { ROUTES } from './routes.ts'

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
  readonly observer?: WebhookObserver
}

/** What a pino logger offers. */
export interface WebhookLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Who wants to know the numbers. */
export interface WebhookObserver {
  answered(channel: string, outcome: Outcome): void
  verified(channel: string, secret: number): void
  read(channel: string, types: readonly EventType[]): void
}

/** How a webhook request ended. */
const OUTCOMES = [
  'accepted',
  'unsigned',
  'malformed',
  'too_large',
  'unsupported',
  'unavailable',
  'aborted',
  'failed',
] as const
export type Outcome = (typeof OUTCOMES)[number]

const STATUS_OUTCOME: Readonly<Record<number, Outcome>> = {
  200: 'accepted',
  400: 'malformed',
  401: 'unsigned',
  413: 'too_large',
  415: 'unsupported',
  503: 'unavailable',
}

declare module 'fastify' {
  /** What the log line of a webhook says. */
  interface FastifyRequest {
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
  const { channel, ledger, log, observer } = options
  const verify = createVerifier(channel.secrets)
  const rememberAccount = createAccountMemory({ channel: channel.name, ledger, log })

  app.decorateRequest('arrivedAt', 0)
  app.decorateRequest('contentType', undefined)
  app.decorateRequest('events', 0)
  app.decorateRequest('rejection', null)
  app.decorateRequest('isReported', false)

  app.addHook('onRequest', async (request) => {
    request.arrivedAt = performance.now()
    // Fastify judges the content type before it reads the body, and we only after the signature.
    request.contentType = request.raw.headers['content-type']
    request.raw.headers['content-type'] = JSON_TYPE
    // What can't be genuine is not worth reading, be it as large as it likes.
    const rejection = rejectionOf(request.headers['x-line-signature'])
    if (rejection) throw unsigned(request, rejection)
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, (request, body, done) => {
    done(null, read(request, body as Buffer))
  })

  app.post(ROUTES.webhook.url, async (request) => {
    const { evidence, types, destination } = request.body as WebhookReading
    request.events = types.length
    try {
      await ledger.record(evidence)
    } catch (cause) {
      log.error({ channel: channel.name, error: (cause as Error).message }, 'webhook not stored')
      throw new Refusal(503, 'The events could not be stored; send them again.')
    }
    await rememberAccount(destination)
    observer?.read(channel.name, types)
    return {}
  })

  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const refusal = asRefusal(error)
    if (refusal.statusCode === 500) log.error({ error: error.message, stack: error.stack }, 'webhook failed')
    return reply.code(refusal.statusCode).send({ error: refusal.message })
  })

  app.addHook('onResponse', async (request, reply) => {
    report(request, STATUS_OUTCOME[reply.statusCode] ?? 'failed')
  })
  app.addHook('onRequestAbort', async (request) => report(request, 'aborted'))

  function read(request: FastifyRequest, body: Buffer): WebhookReading {
    const verdict = verify(body, request.headers['x-line-signature'])
    if (!verdict.genuine) throw unsigned(request, verdict.reason)
    observer?.verified(channel.name, verdict.secret)
    if (!isJson(request.contentType)) throw new Refusal(415, 'The content type must be application/json.')
    return readWebhook(body, channel.name)
  }

  /** Once for each request, also for one that is given up by its sender. */
  function report(request: FastifyRequest, outcome: Outcome) {
    if (request.isReported) return
    request.isReported = true
    observer?.answered(channel.name, outcome)
    const { events, rejection, arrivedAt } = request
    const ms = Math.round(performance.now() - arrivedAt)
    const line = { channel: channel.name, outcome, events, ms, ...(rejection && { signature: rejection }) }
    if (rejection) log.info({ ...line, hint: HINTS[rejection] }, 'webhook')
    else log.info(line, 'webhook')
  }
}

function unsigned(request: FastifyRequest, rejection: Rejection): Refusal {
  request.rejection = rejection
  return new Refusal(401, 'The signature is missing or wrong.')
}

const JSON_TYPE = 'application/json'

const HINTS: Readonly<Record<Rejection, string>> = {
  missing: 'x-line-signature is missing: not sent by LINE, or a proxy in front drops the header',
  malformed:
    'x-line-signature is not base64 of 32 bytes: not sent by LINE, or a proxy in front changes the header',
  wrong:
    "x-line-signature fits no configured secret: LINE_CHANNEL_SECRET is another channel's or an old one, or a proxy in front rewrites the body",
}

const isJson = (contentType: string | undefined) => /^application\/json\s*(;|$)/i.test(contentType ?? '')
