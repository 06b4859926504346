import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Forgetting, Ledger } from '../ledger/ledger.ts'
import { check } from './api-body.ts'
import { LEDGER_PATIENCE_MS } from './kept.ts'
import { Refusal } from './refusal.ts'
import type { WebhookLog } from './report.ts'
import { ROUTES } from './routes.ts'
import { createDeadlines, type Time } from './time.ts'

export interface ForgettingOptions {
  readonly ledger: Pick<Ledger, 'forget'>
  /** For how long news of who was forgotten is ignored. */
  readonly forgetMs: number
  readonly log: Pick<WebhookLog, 'info' | 'warn'>
  readonly time: Time
  /** Answers what went wrong. */
  readonly refuse: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => FastifyReply
}

interface Asked {
  readonly Params: { readonly channel: string; readonly userId: string }
  readonly Querystring: { readonly deleteProfile?: unknown }
}

/** The route by which a person is forgotten: begun once that is on disk, and asked again until it is done. */
export function forgettingRoute(
  app: FastifyInstance,
  { ledger, forgetMs, log, time, refuse }: ForgettingOptions,
) {
  const deadlines = createDeadlines(time)

  async function forget(channel: string, userId: string, deletesProfile: boolean): Promise<Forgetting> {
    const asked = ledger.forget({ channel, userId }, { deletesProfile, lifeMs: forgetMs })
    const begun = await deadlines.by(time.monotonic() + LEDGER_PATIENCE_MS, asked).catch((cause) => {
      log.warn({ channel, error: (cause as Error).message }, 'forget')
      throw new Refusal(503, NOT_STORED)
    })
    if (!begun) throw new Refusal(404, UNKNOWN)
    return begun
  }

  app.route<Asked>({
    method: ROUTES.forget.method,
    url: ROUTES.forget.url,
    async handler({ params, query }, reply) {
      check('userId', params.userId)
      const begun = await forget(params.channel, params.userId, wanted(query.deleteProfile))
      const body = bodyOf(begun)
      log.info({ channel: begun.channel, receipt: begun.receipt, status: body.status }, 'forget')
      return reply.code(body.status === 'forgotten' ? 200 : 202).send(body)
    },
    errorHandler: (error, request, reply) => refuse(error, request as never, reply as never),
  })
}

function wanted(deleteProfile: unknown): boolean {
  if (deleteProfile === undefined || deleteProfile === 'false') return false
  if (deleteProfile === 'true') return true
  throw new Refusal(400, 'deleteProfile must be true or false.')
}

/** Names nobody. */
function bodyOf({ receipt, state, profile, forgottenAt, endsAt, failure, problem }: Forgetting) {
  return {
    status: state === 'done' ? 'forgotten' : 'forgetting',
    receipt,
    profile,
    forgottenAt: new Date(forgottenAt).toISOString(),
    endsAt: endsAt === null ? null : new Date(endsAt).toISOString(),
    problem: problem ?? failure,
  } as const
}

const NOT_STORED = 'The request could not be stored; send it again.'
const UNKNOWN = 'Nothing is known of a person with this user id.'
