import { randomBytes } from 'node:crypto'
import type { ContactKey } from '../contact/contact.ts'
import type { Ledger, StoredLink } from '../ledger/ledger.ts'
import { dialogUrlOf } from '../line/account-link.ts'
import { LineError, LineRefusal } from '../line/call.ts'
import type { IdTokenClaim, Vouched } from '../line/login.ts'
import { hashOf } from './account-link.ts'
import { LEDGER_PATIENCE_MS } from './kept.ts'
import type { LinkOutcome } from './link-report.ts'
import { Refusal } from './refusal.ts'
import { createDeadlines, type Time, TooLate } from './time.ts'

/** What LINE can be asked for a channel; undefined where that is not set up. */
export interface ApiChannel {
  readonly verifyIdToken: ((claim: Omit<IdTokenClaim, 'loginChannelId'>) => Promise<Vouched>) | undefined
  readonly issueLinkToken: ((userId: string) => Promise<string>) | undefined
}

export interface LinkingOptions {
  readonly channels: ReadonlyMap<string, ApiChannel>
  readonly ledger: Pick<Ledger, 'link' | 'linkOnce' | 'addNonce'>
  readonly time: Time
  /** Where people are sent to LINE's account link, if not to LINE. */
  readonly dialogUrl?: string | undefined
}

/** What was done, and what to say of it; `null`: nothing that is counted. */
export interface LinkAnswer {
  readonly outcome: LinkOutcome | null
  readonly body: Readonly<Record<string, string | null>>
}

/** A link that was not made. */
export class LinkRefusal extends Refusal {
  readonly outcome: LinkOutcome
  /** Why, for the log alone. */
  readonly reason: string | undefined
  constructor(statusCode: number, message: string, outcome: LinkOutcome, reason?: string) {
    super(statusCode, message)
    this.outcome = outcome
    this.reason = reason
  }
}

/** As many random bits as anybody needs to be sure that nobody guesses them. */
const NONCE_BYTES = 32
/** LINE's link token lives for 10 minutes, and the person has to decide. */
const NONCE_LIFE_MS = 900_000
/** A person waits for it, and what is in front of us may not wait much longer. */
const LINE_PATIENCE_MS = 15_000
/** A used ID token is remembered for so much longer than LINE vouches for it. */
const PROOF_MARGIN_MS = 300_000

/**
 * What can be done about links under `/api`. It is on disk before it is answered.
 *
 * Methods throw a `Refusal` where it is not.
 */
export function createLinking({ channels, ledger, time, dialogUrl }: LinkingOptions) {
  const deadlines = createDeadlines(time)

  async function stored<T>(store: () => Promise<T>): Promise<T> {
    try {
      return await deadlines.by(time.monotonic() + LEDGER_PATIENCE_MS, store())
    } catch (cause) {
      throw new LinkRefusal(503, NOT_STORED, 'unavailable', (cause as Error).message)
    }
  }

  /** Waits for LINE's answer. Its words go to the log, and not to who asks us. */
  async function asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await deadlines.by(time.monotonic() + LINE_PATIENCE_MS, answer)
    } catch (error) {
      if (error instanceof TooLate) throw unreachable(`LINE has not answered within ${LINE_PATIENCE_MS} ms`)
      if (!(error instanceof LineError)) throw error
      const { message, cause } = error
      if (!(error instanceof LineRefusal)) throw unreachable(message)
      throw new LinkRefusal(422, message, 'refused', cause instanceof Error ? cause.message : message)
    }
  }

  return {
    /** Of two such requests for a contact the later one counts. */
    async set(key: ContactKey, externalId: string | null): Promise<LinkAnswer> {
      const [link] = await stored(() => ledger.link([{ ...key, externalId, linkedAt: null }]))
      return answerOf(link as StoredLink)
    },

    /** Links whom LINE vouches for. */
    async byIdToken(
      channel: string,
      { idToken, externalId, nonce }: { idToken: string; externalId: string; nonce?: string },
    ): Promise<LinkAnswer> {
      const verify = channels.get(channel)?.verifyIdToken
      if (!verify) throw new Refusal(404, NO_LOGIN)
      const { userId, lifeMs } = await asked(verify({ idToken, nonce }))
      // The same signature can be written in several ways; what it is over cannot.
      const signed = idToken.slice(0, idToken.lastIndexOf('.'))
      const link = await stored(() =>
        ledger.linkOnce(hashOf(signed), { channel, userId, externalId }, lifeMs + PROOF_MARGIN_MS),
      )
      if (link === 'used') throw new LinkRefusal(422, USED, 'used')
      return answerOf(link)
    },

    /** The address at which LINE asks the person with this link token; who that is comes back by webhook. */
    async offer(
      channel: string,
      { linkToken, externalId }: { linkToken: string; externalId: string },
    ): Promise<LinkAnswer> {
      const nonce = randomBytes(NONCE_BYTES).toString('base64url')
      const expiresAt = await stored(() => ledger.addNonce(hashOf(nonce), channel, externalId, NONCE_LIFE_MS))
      return {
        outcome: 'offered',
        body: { url: dialogUrlOf(linkToken, nonce, dialogUrl), expiresAt: written(expiresAt) },
      }
    },

    async tokenFor(channel: string, userId: string): Promise<LinkAnswer> {
      const issue = channels.get(channel)?.issueLinkToken
      if (!issue) throw new Refusal(404, NO_ACCESS_TOKEN)
      return { outcome: null, body: { linkToken: await asked(issue(userId)) } }
    },
  }
}

const unreachable = (reason: string) => new LinkRefusal(502, UNREACHABLE, 'unreachable', reason)

function answerOf({ userId, externalId, linkedAt, outcome }: StoredLink): LinkAnswer {
  if (outcome === 'forgotten') throw new LinkRefusal(409, FORGOTTEN, outcome)
  return { outcome, body: { userId, externalId, linkedAt: written(linkedAt) } }
}

const written = (moment: number) => new Date(moment).toISOString()

const NOT_STORED = 'The link could not be stored; send it again.'
const UNREACHABLE = 'LINE cannot be asked right now; send it again later.'
const USED = 'This ID token was used for another link; the person must log in anew.'
const FORGOTTEN =
  'This person asked to be forgotten, and is linked to nobody before they follow anew, or FORGET_DAYS are over.'
const NO_LOGIN =
  'This channel takes no ID tokens; set LINE_LOGIN_CHANNEL_ID, or its loginChannelId in LINE_CHANNELS_FILE.'
const NO_ACCESS_TOKEN =
  'This channel has no link tokens; set LINE_CHANNEL_ID or LINE_CHANNEL_ACCESS_TOKEN, or its channelId or accessToken in LINE_CHANNELS_FILE.'
