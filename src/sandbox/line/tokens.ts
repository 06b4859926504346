import type { Reply } from '../answers.ts'
import { hex, type Random } from '../random.ts'

interface Parts extends Record<'token' | 'channelId' | 'channelSecret', string> {
  random: Random
  clock: () => number
}

/** Issues stateless tokens and knows which tokens are valid. [TOK] `onIssued` hears of each. */
export function createTokens(parts: Parts, onIssued: () => void) {
  const { channelId, channelSecret, random, clock } = parts
  /** When each stateless token ends, in epoch milliseconds. */
  const endOf = new Map<string, number>()
  let token = parts.token
  let isRevoked = false
  /** Of a stateless token. [TOK] */
  let lifeSeconds = 900

  const controls = {
    /** Ends every token: the long-lived one until `setToken`, the stateless ones for good. New stateless ones can be issued. */
    revokeTokens() {
      isRevoked = true
      endOf.clear()
    },
    /** Ends the stateless tokens that were issued so far. */
    expireTokens: () => endOf.clear(),
    /** Another long-lived token is valid from now on, the one before is not. */
    setToken(newToken: string) {
      token = newToken
      isRevoked = false
    },
    /** The life of stateless tokens issued from now on. */
    setTokenLife(seconds: number) {
      lifeSeconds = seconds
    },
  }

  /** Answers `POST /oauth2/v3/token`. */
  function issue(form: URLSearchParams): Reply {
    if (form.get('grant_type') !== 'client_credentials')
      return oauthError('unsupported_grant_type', "'grant_type' must be 'client_credentials'")
    if (form.get('client_id') !== channelId || form.get('client_secret') !== channelSecret)
      return oauthError('invalid_client', 'Invalid client id or secret')
    for (const [old, endsAt] of endOf) if (endsAt <= clock()) endOf.delete(old)
    const access_token = `eyJhbGciOiJIUzI1NiJ9.${hex(random, 256)}.${hex(random, 40)}`
    endOf.set(access_token, clock() + lifeSeconds * 1000)
    onIssued()
    return { status: 200, body: { token_type: 'Bearer', access_token, expires_in: lifeSeconds } }
  }

  return {
    controls,
    issue,
    /** Whether an Authorization header lets a request in. */
    admits(authorization: string): boolean {
      const given = authorization.startsWith('Bearer ') ? authorization.slice(7) : ''
      return (given === token && !isRevoked) || (endOf.get(given) ?? 0) > clock()
    },
    token: () => token,
  }
}

function oauthError(error: string, error_description: string): Reply {
  return { status: 400, body: { error, error_description } }
}
