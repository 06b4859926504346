import { type Reply, refusal } from '../answers.ts'
import { hex, type Random } from '../random.ts'
import { createEvents, type LineEvent } from './events.ts'

/** What an account link needs to know of the channel whose bot asked for it. */
interface Bot {
  destination: string
  isFriend: (userId: string) => boolean
}

/** What LINE tells a bot about a link, by webhook. */
export interface AccountLink {
  /** The bot's user id. */
  destination: string
  event: LineEvent
}

/** Somebody opens the URL of the dialog. */
export interface Opening {
  linkToken: string
  nonce: string
  /** Whose LINE it is. Default: theirs for whom the token was issued. */
  by?: string
}

export type AccountLinks = ReturnType<typeof createAccountLinks>

/** How long a link token can be used. [LINK] */
const tokenLifeMs = 10 * 60 * 1000
/** Of a nonce, in characters. [LINK] */
const [minNonce, maxNonce] = [10, 255]

/** Link tokens, and the dialog in which a person links their account at LINE with the one that they have at the bot's owner. [LINK] */
export function createAccountLinks({ random, clock }: { random: Random; clock: () => number }) {
  const make = createEvents(random)
  const issued = new Map<string, { bot: Bot; userId: string; expiresAt: number }>()

  /** Answers `POST /v2/bot/user/{userId}/linkToken`. That who is no friend is not found is not documented. */
  function issue(bot: Bot, userId: string): Reply {
    if (!bot.isFriend(userId)) return refusal(404, 'Not found')
    const linkToken = hex(random, 32)
    issued.set(linkToken, { bot, userId, expiresAt: clock() + tokenLifeMs })
    return { status: 200, body: { linkToken } }
  }

  /** What LINE tells the bot; null where it tells nothing: the token is used, expired or unknown, or the nonce too short or too long. */
  function finish({ linkToken, nonce, by }: Opening): AccountLink | null {
    const known = issued.get(linkToken)
    if (known === undefined || nonce.length < minNonce || nonce.length > maxNonce) return null
    issued.delete(linkToken)
    if (known.expiresAt <= clock()) return null
    const { bot, userId } = known
    const isTheirs = by === undefined || by === userId
    const event = isTheirs ? make.accountLink(userId, nonce, clock()) : make.accountLinkFailed(nonce, clock())
    return { destination: bot.destination, event }
  }

  return {
    issue,
    finish,
    /** Every link token that was issued so far has expired. */
    expire: () => issued.clear(),
  }
}
