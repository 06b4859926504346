import { listen } from '../http.ts'
import { between, hex, type Random } from '../random.ts'
import { createFollowers } from './followers.ts'
import { createList } from './list.ts'
import { createRecord, type LineApiEvents } from './record.ts'
import { handle } from './request.ts'
import { createScript } from './script.ts'
import { createTokens } from './tokens.ts'

export type { FaultKind, ScriptedAnswer } from '../answers.ts'
export type { FollowerSet } from './followers.ts'
export type { Insight } from './insight.ts'
export type { ListControls } from './list.ts'
export type { AnsweredPage, LineApiEvents, LineApiRequest, LineApiStats } from './record.ts'
export type { ScriptControls } from './script.ts'
export type { TokenControls } from './tokens.ts'

export interface LineApiSandboxOptions {
  /** Default 0: a free one. Always on 127.0.0.1. */
  port?: number
  /** Who follows at the start. Default: nobody. */
  followers?: Iterable<string>
  /** The bot's user id. Default: a random one. */
  destination?: string
  /** A long-lived channel access token. Default: a random one. */
  token?: string
  /** Default: random digits. */
  channelId?: string
  /** Default: a random one. */
  channelSecret?: string
  /** Most ids of a page, where fewer than the request allows. Default: as many as it allows. */
  pageSize?: number
  /** Delay before LINE's own answers. Default 0. */
  latencyMs?: number
  /** Keeps every request in memory, for `requests`. Default false. */
  keepRequests?: boolean
  random?: Random
  /** Epoch milliseconds, for the ages of tokens and cursors. Default: the machine's clock. */
  clock?: () => number
}

export type LineApiSandbox = Awaited<ReturnType<typeof startLineApiSandbox>>

/** Starts LINE's HTTP API with a follower list that can change while it is read, and can be scripted. Rejects where it cannot listen. */
export async function startLineApiSandbox(options: LineApiSandboxOptions = {}) {
  const { random = Math.random, latencyMs = 0, keepRequests = false } = options
  const {
    destination = `U${hex(random, 32)}`,
    channelId = String(between(random, 1_000_000_000, 1_999_999_999)),
    channelSecret = hex(random, 32),
  } = options
  const record = createRecord({ keepRequests })
  const onIssued = () => record.stats.tokensIssued++
  const made = createParts({ ...options, random, channelId, channelSecret }, onIssued)
  const parts = { ...made, record, info: infoOf(destination, random), latencyMs }
  const { port, close } = await listen(
    options.port ?? 0,
    (arrival) => handle(parts, arrival),
    () => record.stats.connections++,
  )
  const { followers, list, script, tokens } = parts

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    destination,
    channelId,
    channelSecret,
    /** The long-lived token that was set last; invalid after `revokeTokens`. */
    get token(): string {
      return tokens.token
    },
    /** A friend who does not block, at the end of the list; nothing happens where they are one already. */
    follow: followers.follow,
    /** They blocked the account, or deleted theirs. */
    unfollow: followers.unfollow,
    /** Who follows; live. */
    followers: () => followers.view,
    ...list.controls,
    ...tokens.controls,
    ...script.controls,
    stats: record.stats,
    /** All requests that are over, oldest first; empty without `keepRequests`. */
    requests: record.requests,
    /** Listens to answered requests or pages of the follower list; the function returned ends it. */
    on<Name extends keyof LineApiEvents>(
      event: Name,
      listener: (detail: LineApiEvents[Name][0]) => void,
    ): () => void {
      record.events.on(event, listener as never)
      return () => record.events.off(event, listener as never)
    },
    /** Resolves once `predicate` holds; it is asked again whenever a request arrives or is answered. */
    until: record.waits.until,
    /** Stops listening, cuts all connections and rejects what waits. */
    async close(): Promise<void> {
      await close()
      record.waits.close()
    },
  }
}

type Given = LineApiSandboxOptions & { random: Random; channelId: string; channelSecret: string }

function createParts(given: Given, onIssued: () => void) {
  const { random, clock = Date.now, token = hex(random, 64), pageSize = Number.POSITIVE_INFINITY } = given
  const followers = createFollowers(given.followers ?? [])
  return {
    followers,
    list: createList({ followers, pageSize, random, clock }),
    tokens: createTokens({ ...given, token, clock, onIssued }),
    script: createScript(),
  }
}

/** [REF] Get bot info */
function infoOf(userId: string, random: Random) {
  const basicId = `@${hex(random, 8)}`
  return { userId, basicId, displayName: 'Sandbox', chatMode: 'bot', markAsReadMode: 'manual' }
}
