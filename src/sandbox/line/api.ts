import { type JsonWebKey, randomUUID } from 'node:crypto'
import { type Reply, refusal, type ScriptedAnswer } from '../answers.ts'
import type { Random } from '../random.ts'
import { type Arrival, type ServiceOptions, startService } from '../service.ts'
import { type AccountLink, createAccountLinks, type Opening } from './account-links.ts'
import { createAssertions } from './assertions.ts'
import { type Channel, type ChannelOptions, createChannel } from './channel.ts'
import type { LineEvent } from './events.ts'
import { formOf } from './form.ts'
import { createIdTokens } from './id-tokens.ts'
import type { AnsweredPage } from './list.ts'
import { validate } from './messages.ts'
import { type Push, parse } from './push.ts'
import { createTokenEndpoints } from './token-endpoints.ts'

export interface LineApiSandboxOptions extends ServiceOptions, ChannelOptions {
  /** The LINE Login channel for which ID tokens are issued where nothing else is said. Default: one that is always the same. */
  loginChannelId?: string
  random?: Random
  /** Epoch milliseconds, for the ages of tokens and cursors. Default: the machine's clock. */
  clock?: () => number
}

/** What is kept of a request: not its Authorization. `path` is without the query. */
type Asked = Pick<Arrival, 'method' | 'path' | 'query'>

type Told = { page: AnsweredPage; accountLink: AccountLink; push: Push }

export type LineApiSandbox = Awaited<ReturnType<typeof startLineApiSandbox>>

const listPath = '/v2/bot/followers/ids'
const pushPath = '/v2/bot/message/push'
const webhookPath = '/v2/bot/channel/webhook/endpoint'
/** Of the sandbox alone: registers the public JWK of an assertion signing key for its first channel. */
export const consolePath = '/console/assertion-signing-key'
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
  const assertions = createAssertions({ random, clock })
  const idTokens = createIdTokens({ loginChannelId, clock })
  const scriptedPages = new Map<number, ScriptedAnswer>()
  const scripted = new Map<string, ScriptedAnswer[]>()
  const outages = new Map<string, ScriptedAnswer>()

  function add(channelOptions: ChannelOptions): Channel {
    const onTokenIssued = () => {
      stats.tokensIssued++
    }
    const onPage = (page: AnsweredPage) => {
      stats.pages++
      service.tell('page', page)
    }
    const onPush = (push: Push) => service.tell('push', push)
    const channel = createChannel(channelOptions, { random, clock, onTokenIssued, onPage, onPush })
    channels.push(channel)
    return channel
  }

  /** What is asked without a channel's token. */
  const open: Record<string, (arrival: Arrival) => Reply> = {
    ...createTokenEndpoints({ assertions, channels }),
    // At LINE the console has a page for that.
    [`POST ${consolePath}`]: ({ body }) => registerKey(parse(body)),
    'POST /oauth2/v2.1/verify': (arrival) => idTokens.verify(formOf(arrival)),
    [`GET ${dialogPath}`]({ query: { linkToken = '', nonce = '' } }) {
      const event = finishAccountLink({ linkToken, nonce })
      return event ? { status: 200, body: { message: 'Linked' } } : refusal(400, 'The link cannot be used')
    },
  }
  /** What is asked with the token of a channel. */
  const owned: Record<
    string,
    (arrival: Arrival, channel: Channel, requestId: string) => Reply | Promise<Reply>
  > = {
    [`GET ${listPath}`]: ({ query }, channel) => channel.answerList(query),
    'GET /v2/bot/info': (_, channel) => channel.answerInfo(),
    'GET /v2/bot/insight/followers': ({ query }, channel) => channel.answerInsight(query),
    [`POST ${linkTokenPath}`]: ({ path }, channel) => links.issue(channel, path.split('/')[4] as string),
    [`POST ${pushPath}`]: (arrival, { pushes }, requestId) => pushes.push(arrival, requestId),
    'POST /v2/bot/message/validate/push': ({ body }) => validate(parse(body)),
    [`GET ${webhookPath}`]: (_, { webhook }) => webhook.answerEndpoint(),
    [`PUT ${webhookPath}`]: ({ body }, { webhook }) => webhook.setEndpoint(parse(body)),
    'POST /v2/bot/channel/webhook/test': ({ body }, { webhook }) => webhook.test(parse(body)),
    'GET /v2/bot/message/quota': (_, { pushes }) => pushes.answerQuota(),
    'GET /v2/bot/message/quota/consumption': (_, { pushes }) => pushes.answerConsumption(),
  }

  function registerKey(jwk: unknown): Reply {
    try {
      return { status: 200, body: { kid: assertions.register(first.channelId, Object(jwk)) } }
    } catch (error) {
      return refusal(400, (error as Error).message)
    }
  }

  function route(arrival: Arrival, requestId: string): Reply | Promise<Reply> {
    const name = `${arrival.method} ${endpointOf(arrival.path)}`
    const [answerAnybody, answerOwner] = [open[name], owned[name]]
    if (answerAnybody !== undefined) return answerAnybody(arrival)
    if (answerOwner === undefined) return refusal(404, 'Not found')
    const channel = channels.find(({ admits }) => admits(arrival.authorization))
    if (channel === undefined) return refusal(401, unauthorized)
    // [RETRY]
    if (arrival.headers['x-line-retry-key'] !== undefined && arrival.path !== pushPath)
      return refusal(400, 'The retry key is not supported')
    return answerOwner(arrival, channel, requestId)
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

  const service = await startService<Asked, Told>(options, (arrival, takeScripted) => {
    const { method, path, query } = arrival
    const answer = scriptedFor(endpointOf(path)) ?? takeScripted()
    const requestId = randomUUID()
    return {
      scripted: answer,
      reply: () => route(arrival, requestId),
      opening,
      stamp: (res) => void res.setHeader('x-line-request-id', requestId),
      kept: { method, path, query: 'client_assertion' in query || 'access_token' in query ? {} : query },
    }
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
      return first.tokens.token()
    },
    /** Another account of the brand, with an id, a secret, tokens and followers of its own; what is returned has the controls of one. */
    addChannel(channelOptions: ChannelOptions = {}) {
      const channel = add(channelOptions)
      return {
        registerKey: (jwk: JsonWebKey) => assertions.register(channel.channelId, jwk),
        ...channel.controls,
        get token(): string {
          return channel.tokens.token()
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
    /** Registers the public JWK of an assertion signing key for the channel, as the console does; returns its `kid`, or throws why it would not. */
    registerKey: (jwk: JsonWebKey) => assertions.register(first.channelId, jwk),
    /** The console forgets a key. */
    removeKey: assertions.remove,
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
