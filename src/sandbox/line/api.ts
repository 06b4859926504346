import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Reply, refusal, type ScriptedAnswer } from '../answers.ts'
import type { Random } from '../random.ts'
import { type Arrival, type ServiceOptions, startService } from '../service.ts'
import { type AccountLink, createAccountLinks, type Opening } from './account-links.ts'
import { type Channel, type ChannelOptions, createChannel } from './channel.ts'
import type { LineEvent } from './events.ts'
import { createIdTokens } from './id-tokens.ts'
import type { AnsweredPage } from './list.ts'

export interface LineApiSandboxOptions extends ServiceOptions, ChannelOptions {
  /** The LINE Login channel for which ID tokens are issued where nothing else is said. Default: one that is always the same. */
  loginChannelId?: string
  random?: Random
  /** Epoch milliseconds, for the ages of tokens and cursors. Default: the machine's clock. */
  clock?: () => number
}

/** What is kept of a request: not its Authorization. `path` is without the query. */
type Asked = Pick<Arrival, 'method' | 'path' | 'query'>

type Told = { page: AnsweredPage; accountLink: AccountLink }

export type LineApiSandbox = Awaited<ReturnType<typeof startLineApiSandbox>>

const listPath = '/v2/bot/followers/ids'
const dialogPath = '/dialog/bot/accountLink'
/** In place of the user id that it has in a path. */
const linkTokenPath = '/v2/bot/user/{userId}/linkToken'
/** How a last page begins. */
const opening = '{"userIds":["U0123456789abcdef0123456789abcdef"]'
const unauthorized =
  'Authentication failed. Confirm that the access token in the authorization header is valid.'

/**
 * Starts LINE's HTTP API with a follower list that can change while it is read, account links and ID tokens, and can be scripted. A request is
 * judged when its latency is over, by what is true then. It has one channel to begin with, and that one's followers, tokens and controls.
 * Rejects where it cannot listen.
 */
export async function startLineApiSandbox(options: LineApiSandboxOptions = {}) {
  const { random = Math.random, clock = Date.now, loginChannelId = '1999999999' } = options
  const channels: Channel[] = []
  const first = add(options)
  const links = createAccountLinks({ random, clock })
  const idTokens = createIdTokens({ loginChannelId, clock })
  const scriptedPages = new Map<number, ScriptedAnswer>()
  const scripted = new Map<string, ScriptedAnswer[]>()
  const outages = new Map<string, ScriptedAnswer>()
  let dateOf: (() => Date | string) | null = null

  function add(channelOptions: ChannelOptions): Channel {
    const onTokenIssued = () => {
      stats.tokensIssued++
    }
    const onPage = (page: AnsweredPage) => {
      stats.pages++
      service.tell('page', page)
    }
    const channel = createChannel(channelOptions, { random, clock, onTokenIssued, onPage })
    channels.push(channel)
    return channel
  }

  /** What is asked without a channel's token. */
  const open: Record<string, (arrival: Arrival) => Reply> = {
    'POST /oauth2/v3/token'(arrival) {
      const form = formOf(arrival)
      const channel = channels.find(({ channelId }) => channelId === form.get('client_id')) ?? first
      return channel.issueToken(form)
    },
    'POST /oauth2/v2.1/verify': (arrival) => idTokens.verify(formOf(arrival)),
    [`GET ${dialogPath}`]({ query: { linkToken = '', nonce = '' } }) {
      const event = finishAccountLink({ linkToken, nonce })
      return event ? { status: 200, body: { message: 'Linked' } } : refusal(400, 'The link cannot be used')
    },
  }
  /** What is asked with the token of a channel. */
  const owned: Record<string, (arrival: Arrival, channel: Channel) => Reply> = {
    [`GET ${listPath}`]: ({ query }, channel) => channel.answerList(query),
    'GET /v2/bot/info': (_, channel) => channel.answerInfo(),
    'GET /v2/bot/insight/followers': ({ query }, channel) => channel.answerInsight(query),
    [`POST ${linkTokenPath}`]: ({ path }, channel) => links.issue(channel, path.split('/')[4] as string),
  }

  function route(arrival: Arrival): Reply {
    const name = `${arrival.method} ${endpointOf(arrival.path)}`
    const [answerAnybody, answerOwner] = [open[name], owned[name]]
    if (answerAnybody !== undefined) return answerAnybody(arrival)
    if (answerOwner === undefined) return refusal(404, 'Not found')
    const channel = channels.find(({ admits }) => admits(arrival.authorization))
    return channel ? answerOwner(arrival, channel) : refusal(401, unauthorized)
  }

  function finishAccountLink(opened: Opening): LineEvent | null {
    const link = links.finish(opened)
    if (link !== null) service.tell('accountLink', link)
    return link?.event ?? null
  }

  function scriptedFor(endpoint: string): ScriptedAnswer | undefined {
    const count = (stats.byPath[endpoint] ?? 0) + 1
    stats.byPath[endpoint] = count
    const page = endpoint === listPath ? scriptedPages.get(count) : undefined
    if (page !== undefined) scriptedPages.delete(count)
    return page ?? scripted.get(endpoint)?.shift() ?? outages.get(endpoint)
  }

  function stamp(res: ServerResponse) {
    res.setHeader('x-line-request-id', randomUUID())
    const date = dateOf?.()
    if (date === '') res.sendDate = false
    else if (date !== undefined) res.setHeader('date', date instanceof Date ? date.toUTCString() : date)
  }

  const service = await startService<Asked, Told>(options, (arrival, takeScripted) => {
    const { method, path, query } = arrival
    const answer = scriptedFor(endpointOf(path)) ?? takeScripted()
    return { scripted: answer, reply: () => route(arrival), opening, stamp, kept: { method, path, query } }
  })
  const stats = Object.assign(service.stats, {
    /** Requests by their path, without its query; `{userId}` in place of a user id. */
    byPath: {} as Record<string, number>,
    /** Pages of the follower list that were answered. */
    pages: 0,
    /** Stateless tokens. */
    tokensIssued: 0,
  })

  return {
    ...service,
    ...first.controls,
    stats,
    loginChannelId,
    /** The long-lived token that was set last; invalid after `revokeTokens`. */
    get token(): string {
      return first.token()
    },
    /** Another account of the brand, with an id, a secret, tokens and followers of its own; what is returned has the controls of one. */
    addChannel(channelOptions: ChannelOptions = {}) {
      const channel = add(channelOptions)
      return {
        ...channel.controls,
        get token(): string {
          return channel.token()
        },
      }
    },
    /** The nth request for a page of a follower list is answered so, once; counted from 1 over the sandbox's life. Goes before all else. */
    answerPage: (n: number, answer: ScriptedAnswer) => void scriptedPages.set(n, answer),
    /** The next `times` requests with the path are answered so; `{userId}` stands for a user id. Earlier calls come first, and `answerNext` last. */
    answerNextOf(path: string, answer: ScriptedAnswer, times = 1) {
      scripted.set(path, [...(scripted.get(path) ?? []), ...Array<ScriptedAnswer>(times).fill(answer)])
    },
    /** All requests with the path are answered so, until null. `answerNextOf` goes before it. */
    setOutageOf(path: string, answer: ScriptedAnswer | null) {
      if (answer === null) outages.delete(path)
      else outages.set(path, answer)
    },
    /** What the Date header says; '' leaves it out. Null: the truth. */
    setDate(newDate: (() => Date | string) | null) {
      dateOf = newDate
    },
    /** An ID token as a person gets it who logs in with LINE. */
    issueIdToken: idTokens.issue,
    /**
     * A person opens the dialog's URL, as `GET /dialog/bot/accountLink` does. Returns the event that LINE sends the bot, and tells of it in
     * `accountLink`; null where LINE sends none.
     */
    finishAccountLink,
    /** No link token that was issued so far can be used. */
    expireLinkTokens: links.expire,
  }
}

/** A path as scripts and counts name it. */
const endpointOf = (path: string) => (/^\/v2\/bot\/user\/[^/]+\/linkToken$/.test(path) ? linkTokenPath : path)

/** The fields of a form; none where it is no form. */
function formOf({ contentType, body }: Arrival): URLSearchParams {
  const isForm = contentType.startsWith('application/x-www-form-urlencoded')
  return new URLSearchParams(isForm ? (body ?? '') : '')
}
