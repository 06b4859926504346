import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { backMsOf, growthOf } from '../../desk/growth.ts'
import { csvOf } from '../../desk/growth-csv.ts'
import type { Inspection } from '../../desk/inspect.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { isObject, parseJson } from '../../wire/answer.ts'
import { createTokenMatch } from '../bearer.ts'
import { answerOf, LEDGER_PATIENCE_MS } from '../kept.ts'
import { asRefusal, Refusal } from '../refusal.ts'
import type { WebhookLog } from '../report.ts'
import { ROUTES } from '../routes.ts'
import { createSampledLog } from '../sampled.ts'
import { createDeadlines, type Time } from '../time.ts'
import { cookieFor, isForeign, readCookie } from './cookie.ts'
import { readFiles } from './files.ts'
import { PAGE_HEADERS } from './headers.ts'
import { createLive } from './live.ts'
import { seriesOf } from './series.ts'
import { createSessions, type Session } from './sessions.ts'
import { createView, type ViewOptions } from './view.ts'

/** The operator's page. */
export interface Page extends Omit<ViewOptions, 'health' | 'time'> {
  /** Any of them signs in. */
  readonly tokens: readonly string[]
  readonly ledger: ViewOptions['ledger'] & Pick<Ledger, 'samples'>
  /** Everybody whom this user id or external id names, in every channel. */
  readonly find: (name: string) => Promise<readonly Inspection[]>
}

export interface PageOptions {
  readonly page: Page
  readonly health: ViewOptions['health']
  readonly log: WebhookLog
  readonly time: Time
}

const BODY_LIMIT_BYTES = 4_096
/** Who sends a wrong token waits so long for the answer, */
const WRONG_MS = 1_000
/** and so many at a time: each of them keeps a connection. */
const WRONG_LIMIT = 8
/** The ranges that can be looked at, so that what was made for one viewer serves all. */
const REACH_DAYS = [1, 7, 31, 730]
const GROWTH_DAYS = [30, 90, 365]
const DAY_MS = 86_400_000

/** The page and what it asks for, all of it but the sign-in for sessions alone. */
export async function pageRoutes(app: FastifyInstance, { page, health, log, time }: PageOptions) {
  const matchOf = createTokenMatch(page.tokens)
  const sessions = createSessions(page.tokens)
  const sampled = createSampledLog(time)
  const files = readFiles()
  const view = createView({ ...page, health, time })
  const live = createLive({
    read: async () => JSON.stringify(await view()),
    time,
    onError: (error) =>
      sampled.write('view', () =>
        log.error({ error: error.message, stack: error.stack }, "the page can't be shown"),
      ),
  })
  const deadlines = createDeadlines(time)
  let wrongs = 0

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text))
  app.addHook('onRequest', async (_request, reply) => void reply.headers(PAGE_HEADERS))
  app.addHook('preClose', async () => live.close())
  app.addHook('onClose', async () => sampled.close())

  const sessionOf = (request: FastifyRequest) => {
    const cookie = readCookie(request)
    return cookie === '' ? Promise.resolve(null) : sessions.find(cookie)
  }
  async function assertSession(request: FastifyRequest): Promise<Session> {
    const session = await sessionOf(request)
    if (!session) throw new Refusal(401, 'Nobody is signed in, or not any more.')
    return session
  }

  function add(
    { method, url }: { readonly method: string; readonly url: string },
    handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  ) {
    app.route({
      method: method as RouteOptions['method'],
      url,
      bodyLimit: BODY_LIMIT_BYTES,
      async onRequest(request) {
        if (method !== 'GET' && isForeign(request)) throw new Refusal(403, FOREIGN)
      },
      handler,
      errorHandler(error, request, reply) {
        const { statusCode, message } = asRefusal(error)
        if (statusCode === 500) log.error({ error: error.message, stack: error.stack }, 'page failed')
        if (!request.raw.complete) reply.header('connection', 'close')
        return reply.code(statusCode).type('application/json').send({ error: message })
      },
    })
  }

  add(ROUTES.page, async (request, reply) => {
    const session = await sessionOf(request)
    return html(reply, session ? 'desk.html' : 'sign-in.html')
  })

  add(ROUTES.signIn, async (request, reply) => {
    const sent = new URLSearchParams(String(request.body ?? '')).get('token')?.trim() ?? ''
    const token = matchOf(sent)
    if (token === undefined) return refuse(sent, reply)
    log.info({}, 'signed in to the page')
    const cookie = cookieFor(request, await sessions.begin(token))
    return reply.header('set-cookie', cookie).redirect(ROUTES.page.url, 303)
  })

  /** A right token gets in however many are wrong. */
  async function refuse(sent: string, reply: FastifyReply) {
    const kind = sent === '' ? 'missing' : 'wrong'
    sampled.write(kind, (suppressed) =>
      log.warn(
        { token: kind, ...(suppressed > 0 && { suppressed }) },
        'somebody could not sign in to the page',
      ),
    )
    if (wrongs >= WRONG_LIMIT) return html(reply.code(429).header('retry-after', '1'), 'sign-in.html', BUSY)
    wrongs += 1
    await new Promise<void>((resolve) => time.after(WRONG_MS, resolve))
    wrongs -= 1
    return html(reply.code(401), 'sign-in.html', WRONG)
  }

  add(ROUTES.signOut, async (request, reply) => {
    const session = await sessionOf(request)
    if (session) {
      sessions.end(session)
      live.end(session.id)
    }
    return reply.header('set-cookie', cookieFor(request, '')).redirect(ROUTES.page.url, 303)
  })

  add(ROUTES.session, async (request, reply) => {
    await assertSession(request)
    return reply.code(204).send()
  })

  add(ROUTES.pageEvents, async (request, reply) => {
    const stream = live.view(await assertSession(request))
    if (!stream) throw new Refusal(503, 'Too many look at once.')
    return reply
      .headers({ 'content-type': 'text/event-stream', connection: 'close', 'x-accel-buffering': 'no' })
      .send(stream)
  })

  const samplesOf = (days: number) => page.ledger.samples(days * DAY_MS)
  const ask = <T>(ranges: readonly number[], read: (days: number) => Promise<T>) => {
    const kept = new Map(ranges.map((days) => [days, answerOf(time, () => read(days))]))
    return async (request: FastifyRequest): Promise<T> => {
      await assertSession(request)
      const days = Number((request.query as { days?: string }).days ?? ranges[0])
      const answer = await kept.get(days)?.()
      if (answer === undefined) throw new Refusal(400, `The days must be one of ${ranges.join(', ')}.`)
      if (answer instanceof Error) throw new Refusal(503, NO_ANSWER)
      return answer
    }
  }
  const reach = ask(REACH_DAYS, async (days) => seriesOf(await samplesOf(days), days, Date.now()))
  const growth = ask(GROWTH_DAYS, async (days) => {
    const now = Date.now()
    return growthOf(await page.ledger.samples(backMsOf(days, now)), days, now)
  })

  add(ROUTES.pageReach, async (request) => reach(request))
  add(ROUTES.pageGrowth, async (request) => growth(request))
  add(ROUTES.pageGrowthCsv, async (request, reply) => {
    const days = await growth(request)
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="line-braze-growth.csv"')
      .send(csvOf(days))
  })

  // In a body, since proxies keep URLs.
  add(ROUTES.pagePeople, async (request) => {
    await assertSession(request)
    const fields = parseJson(String(request.body ?? ''))
    const name = isObject(fields) ? fields.name : undefined
    if (typeof name !== 'string' || name.trim() === '') throw new Refusal(400, 'The name is missing.')
    const found = deadlines.by(time.monotonic() + LEDGER_PATIENCE_MS, page.find(name.trim()))
    const people = await found.catch((error: Error) => {
      sampled.write('people', () =>
        log.warn({ error: error.message }, 'nobody could be looked up on the page'),
      )
      throw new Refusal(503, NO_ANSWER)
    })
    return { people }
  })

  for (const [name, file] of files) {
    if (file.type.startsWith('text/html')) continue
    add({ method: 'GET', url: `${ROUTES.pageFiles.url.replace('*', '')}${name}` }, async (request, reply) => {
      reply.headers({ etag: file.etag, 'cache-control': 'no-cache' })
      if (request.headers['if-none-match'] === file.etag) return reply.code(304).send()
      return reply.type(file.type).send(file.text)
    })
  }

  function html(reply: FastifyReply, name: string, problem = '') {
    const { type, text } = files.get(name) as { type: string; text: string }
    return reply.type(type).send(text.replace('<!-- problem -->', problem))
  }
}

const WRONG =
  'This is none of the tokens in API_TOKENS. Look for spaces, and whether the server was restarted.'
const BUSY = 'Too many wrong tokens are being sent; try again in a second.'
const NO_ANSWER = 'The database does not answer; try again in a moment.'
const FOREIGN = 'This was asked for by a page that is not of this server.'
