import { AT_FAULT, MENDING } from '../braze/interpret.ts'
import { isObject, outcomeOf, parseJson } from '../wire/answer.ts'
import type { HttpAnswer, HttpRequest } from '../wire/client.ts'
import { type Check, notChecked, ok, sentence, warning, wrong } from './check.ts'
import type { ClockReading } from './clock.ts'
import { type Asking, messageOf, type Reached, reach } from './reach.ts'

type Ask = Pick<HttpRequest, 'method' | 'path' | 'body'>

/**
 * For each permission a request that changes nothing: it asks for somebody who is nobody, or lacks what it would take to do
 * anything, so that Braze has to refuse it with 400. Braze checks the key's permission before that, as far as is known.
 */
const PROBES = {
  'users.track': { method: 'POST', path: '/users/track', body: '{}' },
  'users.export.ids': {
    method: 'POST',
    path: '/users/export/ids',
    body: '{"external_ids":["line-braze-doctor-asks-for-nobody"],"fields_to_export":["external_id"]}',
  },
  'users.identify': { method: 'POST', path: '/users/identify', body: '{}' },
  'users.alias.update': { method: 'POST', path: '/users/alias/update', body: '{}' },
  'users.delete': { method: 'POST', path: '/users/delete', body: '{}' },
  'content_blocks.list': { method: 'GET', path: '/content_blocks/list?limit=1' },
  'content_blocks.info': { method: 'GET', path: '/content_blocks/info' },
  'content_blocks.create': { method: 'POST', path: '/content_blocks/create', body: '{}' },
  'content_blocks.update': { method: 'POST', path: '/content_blocks/update', body: '{}' },
  'segments.data_series': { method: 'GET', path: '/segments/data_series' },
} as const satisfies Readonly<Record<string, Ask>>

export type Permission = keyof typeof PROBES

/** What a permission is for. */
export interface Need {
  readonly permission: Permission
  /** Completes "it is needed to …". */
  readonly to: string
  /** Whether something that the settings ask for does not work without it. */
  readonly isNeeded: boolean
}

export interface BrazeMeans extends Asking {
  /** Undefined where there is none: then it is only seen whether Braze is there. */
  readonly apiKey: string | undefined
  readonly needs: readonly Need[]
}

export interface BrazeFindings {
  readonly checks: readonly Check[]
  readonly clock: ClockReading | undefined
}

/** Whether Braze is there, takes the key, and lets it do what it is needed for. Nothing is changed at Braze. */
export async function checkBraze(means: BrazeMeans): Promise<BrazeFindings> {
  const { apiKey, needs } = means
  const ask = (permission: Permission) => reach('Braze', requestOf(PROBES[permission], apiKey), means)
  const first = await ask('users.track')
  const endpoint = checkEndpoint(first)
  const findings = (checks: readonly Check[]) => ({ checks: [endpoint, ...checks], clock: first.clock })
  if (endpoint.status !== 'ok' || typeof first.answer === 'string')
    return findings(unknowns(needs, 'Braze does not answer as it should.'))
  if (apiKey === undefined) return findings(unknowns(needs, 'BRAZE_API_KEY is missing or wrong.'))
  if (first.answer.status === 401)
    return findings([
      wrong('braze.key', `${MENDING[401]}.`),
      ...unknowns(needs, 'The key is wrong.').slice(1),
    ])
  const others = await Promise.all(
    needs.map(async (need) => ({
      need,
      ...(need.permission === 'users.track' ? first : await ask(need.permission)),
    })),
  )
  const verdicts = others.map(({ need, answer }) => ({ need, verdict: verdictOf(answer) }))
  if (verdicts.every(({ verdict }) => verdict === 'lacking'))
    return findings([wrong('braze.key', FORBIDDEN), ...unknowns(needs, 'Braze refuses the key.').slice(1)])
  const isTaken = verdicts.some(({ verdict }) => verdict === 'held')
  return findings([
    isTaken
      ? ok('braze.key', 'Braze takes the key.')
      : notChecked('braze.key', 'Braze has not said whether it takes the key.'),
    ...verdicts.map(({ need, verdict }) => ofPermission(need, verdict)),
  ])
}

const FORBIDDEN =
  'Braze answers 403 to everything: the key has no permission that is needed, or does not allow this address, or the plan lacks the API. Look at the key in Settings > APIs and Identifiers, and create another one there with the permissions of README.'

const requestOf = (ask: Ask, apiKey: string | undefined): HttpRequest => ({
  ...ask,
  headers: {
    'content-type': 'application/json',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  },
})

const nameOf = (permission: Permission) => `braze.${permission}`

const unknowns = (needs: readonly Need[], why: string): Check[] => [
  notChecked('braze.key', why),
  ...needs.map(({ permission }) => notChecked(nameOf(permission), why)),
]

function checkEndpoint({ answer }: Reached): Check {
  const name = 'braze'
  if (typeof answer === 'string')
    return wrong(
      name,
      sentence(`Braze cannot be reached: ${answer}; check BRAZE_REST_ENDPOINT, and the way there`),
    )
  const { status } = answer
  if (status === 404) return wrong(name, `${MENDING[404]}.`)
  if (outcomeOf(status) === 'failed')
    return wrong(name, `Braze answers ${status}: it fails, or something before it; look at status.braze.com.`)
  return messageOf(answer) === undefined
    ? wrong(
        name,
        `At BRAZE_REST_ENDPOINT something else than Braze answers (${status}): check it, and the way there.`,
      )
    : ok(name, 'Braze answers at BRAZE_REST_ENDPOINT.')
}

/** `held`: taken, or refused in words for what it lacks, before which the permission was checked. */
type Verdict = 'held' | 'lacking' | { readonly why: string }

/** What an answer to one of the requests above says of the permission. */
export function verdictOf(answer: HttpAnswer | string): Verdict {
  if (typeof answer === 'string') return { why: sentence(`Braze cannot be reached: ${answer}`) }
  const { status } = answer
  const outcome = outcomeOf(status)
  if (status === 403) return 'lacking'
  if (outcome === 'success' && isObject(parseJson(answer.body))) return 'held'
  if (AT_FAULT.has(status) && messageOf(answer) !== undefined) return 'held'
  if (outcome === 'limited') return { why: 'Braze asks to wait (429): run doctor again in a minute.' }
  return { why: `Braze answers ${status}, which says nothing of the permission.` }
}

function ofPermission({ permission, to, isNeeded }: Need, verdict: Verdict): Check {
  const name = nameOf(permission)
  if (typeof verdict === 'object') return notChecked(name, verdict.why)
  if (verdict === 'held') return ok(name, `The key may ${to}.`)
  const judge = isNeeded ? wrong : warning
  return judge(
    name,
    `The key lacks the permission ${permission}, without which it may not ${to}; it cannot be added to a key: create another one with it.`,
  )
}
