import type { LedgerFacts } from '../ledger/facts.ts'
import { fieldsOf, parseJson } from '../wire/answer.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import { type Check, notChecked, ok, sentence, warning, wrong } from './check.ts'
import { type Asking, reach } from './reach.ts'

export interface ServerMeans extends Asking {
  /** Where it should be, for people. */
  readonly url: string
  /** This code's. */
  readonly version: string
  /** What the database says, once it does; null where it says nothing. */
  readonly ledger: Promise<LedgerFacts | null>
}

/** A running server, by its health, and whether it works on this database. */
export async function checkServer(means: ServerMeans): Promise<Check[]> {
  const { url, version, ledger } = means
  const { answer } = await reach('the server', { method: 'GET', path: '/health', headers: {} }, means)
  if (typeof answer === 'string')
    return noServer(
      warning('server', `No server answers at ${url} (${answer}): start it, if one should run here.`),
      ledger,
    )
  const health = fieldsOf(parseJson(answer.body))
  const { state } = fieldsOf(health.delivery)
  if ((health.status !== 'ok' && health.status !== 'degraded') || typeof state !== 'string')
    return noServer(
      wrong(
        'server',
        `Something else than line-braze answers at ${url} (${answer.status}): it has taken the port, or HOST and PORT, or PRIVATE_HOST and PRIVATE_PORT, are not the server's.`,
      ),
      ledger,
    )
  return [
    checkHealth(url, health),
    checkVersion(health.version, version),
    (await ledger)?.version === 0
      ? wrong(LEASE, ELSEWHERE)
      : checkLease(state, (await ledger)?.contents?.isDelivered),
  ]
}

const LEASE = 'server.lease'
const ELSEWHERE =
  'A server runs, and the database of DATABASE_URL has no ledger: the server works on another one, or its database was removed. Give both the same DATABASE_URL; a relative path counts from the folder in which each is started.'

/** What is known where there is no server to ask, for the reason that `check` says. */
export const noServer = async (check: Check, ledger: ServerMeans['ledger']): Promise<Check[]> => [
  check,
  notChecked('server.version', NO_SERVER),
  checkLease(undefined, (await ledger)?.contents?.isDelivered),
]

const NO_SERVER = 'There is no server to ask.'

function checkHealth(url: string, health: Readonly<Record<string, unknown>>): Check {
  const { state, reason, failed, stumbling } = fieldsOf(health.delivery)
  const { error } = fieldsOf(health.ledger)
  if (health.status === 'ok')
    return ok('server', `The server at ${url} is well; it says ${foreignWords(state)}.`)
  const why = [
    ...(typeof error === 'string' ? [error] : []),
    ...(typeof reason === 'string' ? [reason] : []),
    ...(Number(failed) > 0 ? [`Braze has rejected ${Number(failed)} contacts`] : []),
    ...(Number(stumbling) > 0 ? [`Braze fails over ${Number(stumbling)} contacts`] : []),
    ...problemsOf(health.tokens),
  ]
  return wrong(
    'server',
    sentence(
      `The server at ${url} is degraded: ${why.map((text) => foreignWords(text).replace(/\.$/, '')).join('; ') || 'see its /health'}`,
    ),
  )
}

const problemsOf = (tokens: unknown): string[] =>
  (Array.isArray(tokens) ? tokens : []).flatMap((token) => {
    const { problem } = fieldsOf(token)
    return typeof problem === 'string' ? [problem] : []
  })

function checkVersion(theirs: unknown, ours: string): Check {
  if (theirs === ours) return ok('server.version', `The server has this version, ${ours}.`)
  const shown = typeof theirs === 'string' ? foreignWords(theirs) : 'that does not say which it is'
  return warning(
    'server.version',
    `The server has the version ${shown}, and this is ${ours}: restart it, or use its own checkout.`,
  )
}

/** @param state of the server's delivery; undefined without a server */
function checkLease(state: string | undefined, isDelivered: boolean | undefined): Check {
  const name = LEASE
  if (isDelivered === undefined) return notChecked(name, 'The database does not say who delivers.')
  if (isDelivered)
    return ok(
      name,
      state === 'standby' || state === undefined
        ? 'Another process delivers to Braze.'
        : 'A process delivers to Braze.',
    )
  if (state !== undefined && state !== 'standby')
    return wrong(
      name,
      'The server has the lease to deliver, and in the database of DATABASE_URL nobody has it: the server works on another one. Give both the same DATABASE_URL.',
    )
  return warning(
    name,
    'Nobody delivers to Braze: webhooks may be stored, and nothing is sent until a server runs.',
  )
}
