import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Reply, refusal, type ScriptedAnswer } from '../answers.ts'
import { between, hex, type Random } from '../random.ts'
import { type Arrival, type ServiceOptions, startService } from '../service.ts'
import { createFollowers } from './followers.ts'
import { type AnsweredPage, createList } from './list.ts'
import { createTokens } from './tokens.ts'

export interface LineApiSandboxOptions extends ServiceOptions {
  /** Who follows at the start. Default: nobody. */
  followers?: Iterable<string>
  /** The bot's user id, a long-lived channel access token, and the channel's id and secret. Default: random ones. */
  destination?: string
  token?: string
  channelId?: string
  channelSecret?: string
  /** Most ids of a page, where fewer than the request allows. Default: as many as it allows. */
  pageSize?: number
  random?: Random
  /** Epoch milliseconds, for the ages of tokens and cursors. Default: the machine's clock. */
  clock?: () => number
}

/** What is kept of a request: not its Authorization. `path` is without the query. */
type Asked = Pick<Arrival, 'method' | 'path' | 'query'>

/** `followers` counts everyone who ever followed, `blocks` those of them who do not now. */
interface Insight {
  /** `ready`, `unready`, `out_of_service`. */
  status: string
  followers?: number
  blocks?: number
}

export type LineApiSandbox = Awaited<ReturnType<typeof startLineApiSandbox>>

const listPath = '/v2/bot/followers/ids'
/** How a last page begins. */
const opening = '{"userIds":["U0123456789abcdef0123456789abcdef"]'
const unauthorized =
  'Authentication failed. Confirm that the access token in the authorization header is valid.'

/**
 * Starts LINE's HTTP API with a follower list that can change while it is read, and can be scripted. A request is judged when its latency
 * is over, by what is true then. Rejects where it cannot listen.
 */
export async function startLineApiSandbox(options: LineApiSandboxOptions = {}) {
  const { random = Math.random, clock = Date.now, pageSize = Number.POSITIVE_INFINITY } = options
  const {
    destination = `U${hex(random, 32)}`,
    channelId = String(between(random, 1_000_000_000, 1_999_999_999)),
    channelSecret = hex(random, 32),
    token = hex(random, 64),
  } = options
  const followers = createFollowers(options.followers ?? [])
  const tokens = createTokens({ token, channelId, channelSecret, random, clock }, () => stats.tokensIssued++)
  const list = createList(followers, { pageSize, random, clock }, (page) => {
    stats.pages++
    service.tell('page', page)
  })
  const info = infoOf(destination, random)
  const scriptedPages = new Map<number, ScriptedAnswer>()
  let insight: Insight | null = null
  let dateOf: (() => Date | string) | null = null

  function route({ method, path, query, authorization, contentType, body }: Arrival): Reply {
    const isForm = contentType.startsWith('application/x-www-form-urlencoded')
    const name = `${method} ${path}`
    if (name === 'POST /oauth2/v3/token') return tokens.issue(new URLSearchParams(isForm ? (body ?? '') : ''))
    const routes: Record<string, () => Reply> = {
      [`GET ${listPath}`]: () => list.answer(query),
      'GET /v2/bot/info': () => ({ status: 200, body: info }),
      'GET /v2/bot/insight/followers': () =>
        answerInsight(query.date, insight ?? { status: 'ready', ...followers.counts() }),
    }
    const answer = routes[name]
    if (answer === undefined) return refusal(404, 'Not found')
    return tokens.admits(authorization) ? answer() : refusal(401, unauthorized)
  }

  function scriptedFor(path: string): ScriptedAnswer | undefined {
    const count = (stats.byPath[path] ?? 0) + 1
    stats.byPath[path] = count
    if (path !== listPath) return undefined
    const scripted = scriptedPages.get(count)
    scriptedPages.delete(count)
    return scripted
  }

  function stamp(res: ServerResponse) {
    res.setHeader('x-line-request-id', randomUUID())
    const date = dateOf?.()
    if (date === '') res.sendDate = false
    else if (date !== undefined) res.setHeader('date', date instanceof Date ? date.toUTCString() : date)
  }

  const service = await startService<Asked, { page: AnsweredPage }>(options, (arrival, takeScripted) => {
    const { method, path, query } = arrival
    const scripted = scriptedFor(path) ?? takeScripted()
    return { scripted, reply: () => route(arrival), opening, stamp, kept: { method, path, query } }
  })
  const stats = Object.assign(service.stats, {
    /** Requests by their path, without its query. */
    byPath: {} as Record<string, number>,
    /** Pages of the follower list that were answered. */
    pages: 0,
    /** Stateless tokens. */
    tokensIssued: 0,
  })

  return {
    ...service,
    ...list.controls,
    ...tokens.controls,
    stats,
    destination,
    channelId,
    channelSecret,
    /** The long-lived token that was set last; invalid after `revokeTokens`. */
    get token(): string {
      return tokens.token()
    },
    /** A friend who does not block, at the end of the list; nothing happens where they are one already. */
    follow: followers.follow,
    /** They blocked the account, or deleted theirs. */
    unfollow: followers.unfollow,
    /** Who follows; live. */
    followers: () => followers.now,
    /** The nth request for a page of the follower list is answered so, once; counted from 1 over the sandbox's life. Goes before all else. */
    answerPage: (n: number, answer: ScriptedAnswer) => void scriptedPages.set(n, answer),
    /** What the follower statistics say. Null: what the follower list says. */
    setInsight(newInsight: Insight | null) {
      insight = newInsight
    },
    /** What the Date header says; '' leaves it out. Null: the truth. */
    setDate(newDate: (() => Date | string) | null) {
      dateOf = newDate
    },
  }
}

/** [REF] Get bot info */
function infoOf(userId: string, random: Random) {
  const basicId = `@${hex(random, 8)}`
  return { userId, basicId, displayName: 'Sandbox', chatMode: 'bot', markAsReadMode: 'manual' }
}

/** Answers `GET /v2/bot/insight/followers`. [REF] */
function answerInsight(date: string | undefined, insight: Insight): Reply {
  if (date === undefined || !isDate(date))
    return refusal(400, "The value for the 'date' parameter is invalid")
  const { followers, blocks } = insight
  const hasBoth = followers !== undefined && blocks !== undefined
  return { status: 200, body: { ...insight, ...(hasBoth && { targetedReaches: followers - blocks }) } }
}

/** A day of the calendar as yyyyMMdd. */
function isDate(text: string): boolean {
  const iso = text.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3')
  const date = new Date(`${iso}T00:00:00Z`)
  return iso !== text && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso)
}
