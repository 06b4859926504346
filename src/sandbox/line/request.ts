import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { answerAfter, giveScripted, sendJson } from '../answers.ts'
import type { Arrival } from '../http.ts'
import type { Followers } from './followers.ts'
import { answerInsight } from './insight.ts'
import type { List } from './list.ts'
import type { LineApiRecord } from './record.ts'
import { type Reply, refusal } from './reply.ts'
import type { LineApiScript } from './script.ts'
import type { Tokens } from './tokens.ts'

/** The parts of one sandbox. */
export interface Parts {
  script: LineApiScript
  record: LineApiRecord
  tokens: Tokens
  followers: Followers
  list: List
  /** What `GET /v2/bot/info` says. */
  info: object
  latencyMs: number
}

const listPath = '/v2/bot/followers/ids'
/** What half an answer is half of, and a huge one the whole of: a last page. */
const pageOpening = '{"userIds":["U0123456789abcdef0123456789abcdef"]'

/** Handles one request: it is judged when its latency is over, by what is true then. */
export function handle(parts: Parts, arrival: Arrival) {
  const { script, record } = parts
  const { at, method, res } = arrival
  const [path = '', ...rest] = arrival.path.split('?')
  const query = Object.fromEntries(new URLSearchParams(rest.join('?')))
  const count = record.arrived(path)
  const scripted = script.takeAnswer(path === listPath ? count : null)
  let page: Reply['page']
  answerAfter(scripted === null ? parts.latencyMs : (scripted.delayMs ?? 0), res, give, (status) =>
    record.answered({ at, method, path, query, status }, page),
  )
  record.waits.check()

  function give(): number {
    stamp(res, script.date())
    if (scripted !== null) return giveScripted(res, scripted, {}, pageOpening)
    const reply = route(parts, arrival, path, query)
    page = reply.page
    return sendJson(res, reply.status, reply.body)
  }
}

/** Headers that every answer has. A null date is Node's own. */
function stamp(res: ServerResponse, date: string | null) {
  res.setHeader('x-line-request-id', randomUUID())
  if (date === '') res.sendDate = false
  else if (date !== null) res.setHeader('date', date)
}

function route(parts: Parts, arrival: Arrival, path: string, query: Record<string, string>): Reply {
  const { tokens, list, followers, script, record } = parts
  const routes: Record<string, () => Reply> = {
    [`GET ${listPath}`]: () => list.answer(query, record.stats.pages + 1),
    'GET /v2/bot/info': () => ({ status: 200, body: parts.info }),
    'GET /v2/bot/insight/followers': () => answerInsight(query.date, script.insight, followers),
  }
  const name = `${arrival.method} ${path}`
  if (name === 'POST /oauth2/v3/token') return tokens.issue(readForm(arrival))
  const answer = routes[name]
  if (answer === undefined) return refusal(404, 'Not found')
  if (tokens.admits(arrival.authorization)) return answer()
  return refusal(
    401,
    'Authentication failed. Confirm that the access token in the authorization header is valid.',
  )
}

/** A body that is not form-encoded has no fields. */
function readForm({ body, contentType }: Arrival): URLSearchParams {
  const isForm = contentType.startsWith('application/x-www-form-urlencoded')
  return new URLSearchParams(isForm ? (body ?? '') : '')
}
