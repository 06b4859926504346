import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import type { ContactKey } from '../contact/contact.ts'
import type { Inspection } from '../desk/inspect.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { check, readFields } from './api-body.ts'
import { createBearer, type TokenRejection } from './bearer.ts'
import { forgettingRoute } from './forgetting.ts'
import { LEDGER_PATIENCE_MS } from './kept.ts'
import {
  createLinkReport,
  type LinkObserver,
  type LinkOutcome,
  type LinkSource,
  linkOutcomeOf,
} from './link-report.ts'
import { type ApiChannel, createLinking, LinkRefusal } from './linking.ts'
import { asRefusal, Refusal, unsupported } from './refusal.ts'
import type { WebhookLog } from './report.ts'
import { ROUTES } from './routes.ts'
import { createDeadlines, realTime, type Time } from './time.ts'

/** What the brand's own systems may ask of this server. */
export interface Api {
  /** Any of them lets a request in. */
  readonly tokens: readonly string[]
  /** By their names. */
  readonly channels: ReadonlyMap<string, ApiChannel>
  readonly ledger: Pick<Ledger, 'link' | 'linkOnce' | 'addNonce' | 'forget'>
  /** All that is known of a person; null: nothing. */
  readonly inspect: (key: ContactKey) => Promise<Inspection | null>
  /** For how long news of who was forgotten is ignored. */
  readonly forgetMs: number
  /** Where people are sent to LINE's account link, if not to LINE. */
  readonly dialogUrl?: string | undefined
}

export interface ApiOptions {
  readonly api: Api
  readonly log: WebhookLog
  readonly linkObserver?: LinkObserver
  readonly time?: Time
}

/** An ID token has some 1,000 bytes. */
const BODY_LIMIT_BYTES = 16_384

/** What is answered. */
interface Answer {
  /** What came of a link; null or left out: nothing that is counted. */
  readonly outcome?: LinkOutcome | null
  readonly body: object
}

interface Params {
  readonly channel: string
  readonly userId: string
}

/** The routes under `/api`: a bearer token, a channel, a body of a few fields, and what is to be done with them. */
export async function apiRoutes(app: FastifyInstance, options: ApiOptions) {
  const { api, log, linkObserver, time = realTime } = options
  const rejectionOf = createBearer(api.tokens)
  const linking = createLinking({ ...api, time })
  const report = createLinkReport({ log, time, observer: linkObserver })
  const deadlines = createDeadlines(time)

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, bytes, done) => done(null, bytes))

  // Before any byte of the body is read: a stranger's are not worth it.
  app.addHook('onRequest', (request, _reply, done) => {
    const rejection = rejectionOf(request)
    if (rejection) return done(new Unauthorized(rejection))
    done(api.channels.has((request.params as Params).channel) ? undefined : new Refusal(404, UNKNOWN_CHANNEL))
  })

  add(ROUTES.link, 'api', async (channel, request) => {
    const key = keyOf(channel, request)
    const { externalId } = readFields(jsonOf(request), ['externalId'])
    return linking.set(key, externalId)
  })
  add(ROUTES.unlink, 'api', async (channel, request) => linking.set(keyOf(channel, request), null))
  add(ROUTES.contact, null, async (channel, request) => ({ body: await known(keyOf(channel, request)) }))
  add(ROUTES.idTokenLinks, 'id_token', async (channel, request) =>
    linking.byIdToken(channel, readFields(jsonOf(request), ['idToken', 'externalId'], ['nonce'])),
  )
  add(ROUTES.accountLinks, 'account_link', async (channel, request) =>
    linking.offer(channel, readFields(jsonOf(request), ['linkToken', 'externalId'])),
  )
  add(ROUTES.linkTokens, 'account_link', async (channel, request) =>
    linking.tokenFor(channel, readFields(jsonOf(request), ['userId']).userId),
  )

  async function known(key: ContactKey): Promise<Inspection> {
    const looked = deadlines.by(time.monotonic() + LEDGER_PATIENCE_MS, api.inspect(key))
    const inspection = await looked.catch((cause: Error) => {
      log.warn({ channel: key.channel, error: cause.message }, 'contact not read')
      throw new Refusal(503, NOT_READ)
    })
    if (!inspection) throw new Refusal(404, NOBODY)
    return inspection
  }

  forgettingRoute(app, { ...api, log, time, refuse })

  /** @param source of links; null: it is not about one */
  function add(
    { method, url }: { readonly method: string; readonly url: string },
    source: LinkSource | null,
    answer: (channel: string, request: FastifyRequest) => Promise<Answer>,
  ) {
    app.route({
      method: method as HTTPMethods,
      url,
      bodyLimit: BODY_LIMIT_BYTES,
      async handler(request, reply) {
        const { channel } = request.params as Params
        const { outcome, body } = await answer(channel, request)
        if (source && outcome) report.ended(channel, source, outcome, reply.elapsedTime)
        return body
      },
      errorHandler: (error, request, reply) =>
        refuse(error, request, reply, (refusal) => tell(refusal, source, request, reply)),
    })
  }

  /** @param onRefusal told of all but those that have no token */
  function refuse(
    error: FastifyError,
    request: FastifyRequest,
    reply: FastifyReply,
    onRefusal: (refusal: Refusal) => void = () => {},
  ) {
    const refusal = asRefusal(error)
    if (refusal.statusCode === 500) log.error({ error: error.message, stack: error.stack }, 'api failed')
    if (refusal instanceof Unauthorized) {
      report.unauthorized(refusal.rejection)
      reply.header('www-authenticate', refusal.challenge)
    } else onRefusal(refusal)
    // A stranger's flood, and what is left of a body that nobody reads.
    if (refusal.statusCode === 401 || !request.raw.complete) reply.header('connection', 'close')
    return reply.code(refusal.statusCode).send({ error: refusal.message })
  }

  function tell(refusal: Refusal, source: LinkSource | null, request: FastifyRequest, reply: FastifyReply) {
    // Who asks for what there is not is told so, and no label is made of it.
    if (refusal.statusCode === 404 || source === null) return
    const { channel } = request.params as Params
    const known = refusal instanceof LinkRefusal ? refusal : undefined
    const ended = request.raw.readableAborted ? 'aborted' : linkOutcomeOf(refusal.statusCode)
    report.ended(channel, source, known?.outcome ?? ended, reply.elapsedTime, known?.reason)
  }

  app.addHook('onClose', async () => report.close())
}

class Unauthorized extends Refusal {
  readonly rejection: TokenRejection
  constructor(rejection: TokenRejection) {
    super(401, UNAUTHORIZED)
    this.rejection = rejection
  }
  /** Source: RFC 6750, section 3. */
  get challenge() {
    return this.rejection === 'missing' ? 'Bearer' : 'Bearer error="invalid_token"'
  }
}

function keyOf(channel: string, request: FastifyRequest): ContactKey {
  const { userId } = request.params as Params
  check('userId', userId)
  return { channel, userId }
}

function jsonOf({ mediaType, body }: FastifyRequest): unknown {
  if (mediaType !== 'application/json') throw unsupported()
  return body
}

const UNAUTHORIZED =
  'The token is missing or wrong; send one of API_TOKENS in the header "Authorization: Bearer TOKEN", and not in the URL.'
const NOBODY = 'Nobody is known by this user id in this channel.'
const NOT_READ = 'The database does not answer right now; ask again.'
const UNKNOWN_CHANNEL =
  'There is no channel of this name; it is a name in LINE_CHANNELS_FILE, or else "default".'
