import { type Reply, refusal } from '../answers.ts'
import { between, hex, type Random } from '../random.ts'
import { createFollowers } from './followers.ts'
import { type AnsweredPage, createList } from './list.ts'
import { createPushes, type Push } from './push.ts'
import { createTokens } from './tokens.ts'
import { createWebhookEndpoint } from './webhook-endpoint.ts'

export interface ChannelOptions {
  /** Who follows at the start. Default: nobody. */
  followers?: Iterable<string>
  /** The bot's user id, a long-lived channel access token, and the channel's id and secret. Default: random ones. */
  destination?: string
  token?: string
  channelId?: string
  channelSecret?: string
  /** Most ids of a page, where fewer than the request allows. Default: as many as it allows. */
  pageSize?: number
}

interface Parts {
  random: Random
  clock: () => number
  onTokenIssued: () => void
  onPage: (page: AnsweredPage) => void
  onPush: (push: Push) => void
}

/** How long after a message of theirs who is no friend can be written to. [REF] Send push message */
const messagerMs = 7 * 24 * 60 * 60 * 1000

/** `followers` counts everyone who ever followed, `blocks` those of them who do not now. */
interface Insight {
  /** `ready`, `unready`, `out_of_service`. */
  status: string
  followers?: number
  blocks?: number
}

export type Channel = ReturnType<typeof createChannel>

/** One LINE account of a brand: its followers, and the tokens that open its part of the API. */
export function createChannel(options: ChannelOptions, parts: Parts) {
  const { random, clock, onTokenIssued, onPage, onPush } = parts
  const { pageSize = Number.POSITIVE_INFINITY } = options
  const {
    destination = `U${hex(random, 32)}`,
    channelId = String(between(random, 1_000_000_000, 1_999_999_999)),
    channelSecret = hex(random, 32),
    token = hex(random, 64),
  } = options
  const followers = createFollowers(options.followers ?? [])
  const tokens = createTokens({ token, channelId, channelSecret, random, clock }, onTokenIssued)
  const list = createList(followers, { pageSize, random, clock }, onPage)
  /** Who wrote without following, and when. */
  const messagers = new Map<string, number>()
  const reaches = (userId: string) =>
    followers.now.has(userId) || (messagers.get(userId) ?? Number.NEGATIVE_INFINITY) + messagerMs > clock()
  const pushes = createPushes({ random, clock, reaches, onPush })
  const webhook = createWebhookEndpoint({ destination, channelSecret, clock })
  const info = infoOf(destination, random)
  let insight: Insight | null = null

  return {
    destination,
    channelId,
    channelSecret,
    isFriend: followers.now.has,
    tokens,
    admits: tokens.admits,
    pushes,
    webhook,
    answerList: list.answer,
    answerInfo: (): Reply => ({ status: 200, body: info }),
    answerInsight: ({ date }: Record<string, string>): Reply =>
      answerInsight(date, insight ?? { status: 'ready', ...followers.counts() }),
    /** What tests can make of it. */
    controls: {
      ...list.controls,
      ...tokens.controls,
      ...pushes.controls,
      ...webhook.controls,
      destination,
      channelId,
      channelSecret,
      /** A friend who does not block, at the end of the list; nothing happens where they are one already. */
      follow: followers.follow,
      /** They blocked the account, or deleted theirs. */
      unfollow(userId: string) {
        followers.unfollow(userId)
        messagers.delete(userId)
      },
      /** Somebody writes to the account: who is no friend can be written to for seven days. */
      write: (userId: string) => void messagers.set(userId, clock()),
      /** Who follows; live. */
      followers: () => followers.now,
      /** What the follower statistics say. Null: what the follower list says. */
      setInsight(newInsight: Insight | null) {
        insight = newInsight
      },
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
