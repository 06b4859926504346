import { fieldsOf } from '../wire/answer.ts'
import { type Assertions, explainAssertion } from './assertion.ts'
import { type Caller, LineError } from './call.ts'
import { isToken, readToken } from './tokens.ts'

/** LINE lets a channel have so many channel access tokens v2.1 that have not ended, and refuses the next. */
export const TOKEN_LIMIT = 30

/** The longest that LINE lets a channel access token v2.1 live. */
export const LONGEST_LIFE_SECONDS = 30 * 24 * 3_600

/** A channel access token v2.1. Its key id names it, and nothing can be done with that. */
export interface IssuedToken {
  readonly token: string
  readonly keyId: string
  readonly lifeMs: number
}

/** What LINE says of a token that it takes. */
export interface TokenFacts {
  readonly channelId: string
  /** Null where it does not end by itself, as a long-lived one. */
  readonly leftMs: number | null
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
/** Somebody waits, or it is looked at again soon anyway. */
const RETRIES = 1

/**
 * Issues, counts and checks channel access tokens. Methods throw what `createCaller` says.
 * Source: developers.line.biz/en/reference/messaging-api/#channel-access-token
 */
export function createChannelTokens(call: Caller) {
  /** Whether LINE takes the token; undefined where it does not. A refusal names no token. */
  async function facts(
    token: string,
    request: { method: 'GET' | 'POST'; path: string; body?: string },
    signal?: AbortSignal,
  ): Promise<TokenFacts | undefined> {
    try {
      return await call({
        ...request,
        headers: FORM,
        secrets: [token, encodeURIComponent(token)],
        read: readFacts,
        retries: RETRIES,
        signal,
      })
    } catch (error) {
      if (error instanceof LineError && (error.status === 400 || error.status === 401)) return undefined
      throw error
    }
  }

  return {
    /**
     * Issues a token that lives for 30 days. It is asked once: an answer that does not come may leave a token that nobody
     * has, of the 30 that a channel may have.
     */
    async issue(assertions: Assertions): Promise<IssuedToken> {
      const fields = assertions.fields(LONGEST_LIFE_SECONDS)
      const body = new URLSearchParams({ grant_type: 'client_credentials', ...fields }).toString()
      try {
        return await call({
          method: 'POST',
          path: '/oauth2/v2.1/token',
          headers: FORM,
          body,
          secrets: [fields.client_assertion],
          read: readIssued,
          retries: 0,
        })
      } catch (error) {
        throw explainAssertion(error)
      }
    },

    /** The key ids of the channel's tokens v2.1 that have not ended. */
    async keyIds(assertions: Assertions, signal?: AbortSignal): Promise<readonly string[]> {
      const fields = assertions.fields()
      try {
        return await call({
          method: 'GET',
          path: `/oauth2/v2.1/tokens/kid?${new URLSearchParams(fields)}`,
          headers: {},
          secrets: [fields.client_assertion],
          read: readKeyIds,
          retries: RETRIES,
          signal,
        })
      } catch (error) {
        throw explainAssertion(error)
      }
    },

    /** What LINE says of a token of whichever kind; undefined where it does not take it (any more, or at all). */
    async verify(token: string, signal?: AbortSignal): Promise<TokenFacts | undefined> {
      if (!isToken(token)) return undefined
      const query = new URLSearchParams({ access_token: token }).toString()
      const known = await facts(token, { method: 'GET', path: `/oauth2/v2.1/verify?${query}` }, signal)
      // Short-lived and long-lived ones are known here alone.
      return known ?? facts(token, { method: 'POST', path: '/v2/oauth/verify', body: query }, signal)
    },
  }
}

export type ChannelTokens = ReturnType<typeof createChannelTokens>

function readIssued(body: unknown): IssuedToken | undefined {
  const issued = readToken(body)
  const { key_id: keyId } = fieldsOf(body)
  if (!issued || typeof keyId !== 'string' || !/^[\w.-]{1,200}$/.test(keyId)) return undefined
  return { token: issued.token, keyId, lifeMs: issued.expiresIn * 1000 }
}

function readKeyIds(body: unknown): string[] | undefined {
  const { kids } = fieldsOf(body)
  return Array.isArray(kids) && kids.every((kid) => typeof kid === 'string') ? kids : undefined
}

function readFacts(body: unknown): TokenFacts | undefined {
  const { client_id: channelId, expires_in: expiresIn } = fieldsOf(body)
  if (typeof channelId !== 'string') return undefined
  const seconds = Number(expiresIn)
  // Of what ends beyond any life that LINE gives, or says no end, the end is none.
  const ends = expiresIn !== undefined && Number.isFinite(seconds) && seconds > 0 && seconds < 1e8
  return { channelId, leftMs: ends ? seconds * 1000 : null }
}
