import { type Reply, refusal } from '../answers.ts'
import { hex, type Random } from '../random.ts'

interface Parts extends Record<'token' | 'channelId' | 'channelSecret', string> {
  random: Random
  clock: () => number
}

interface ChannelToken {
  keyId: string
  /** In epoch milliseconds. */
  endsAt: number
}

/** Most channel access tokens v2.1 that live at a time. [TOK] */
const mostTokens = 30
/** Where an assertion does not say. [TOK] */
const defaultSeconds = 30 * 24 * 60 * 60
const scope = 'profile chat_message.write'

/** Issues stateless tokens and those of v2.1, and knows which tokens are valid. [TOK] `onIssued` hears of each stateless one. */
export function createTokens(parts: Parts, onIssued: () => void) {
  const { channelId, channelSecret, random, clock } = parts
  /** When each stateless token ends, in epoch milliseconds. */
  const endOf = new Map<string, number>()
  /** Those of v2.1, expired ones among them: LINE says so of them. */
  const issued = new Map<string, ChannelToken>()
  /** Long-lived tokens before the present one, and when each ends. */
  const replaced = new Map<string, number>()
  let token = parts.token
  let isRevoked = false
  /** Of a stateless token. [TOK] */
  let lifeSeconds = 900

  const make = () => `eyJhbGciOiJIUzI1NiJ9.${hex(random, 256)}.${hex(random, 40)}`
  const secondsLeft = (endsAt: number) => Math.max(0, Math.floor((endsAt - clock()) / 1000))
  const live = () => [...issued.values()].filter(({ endsAt }) => endsAt > clock())
  const isLongLived = (given: string) =>
    (given === token && !isRevoked) || (replaced.get(given) ?? 0) > clock()

  const controls = {
    /** Ends every token: the long-lived one until `setToken`, all others for good. New ones can be issued. */
    revokeTokens() {
      isRevoked = true
      endOf.clear()
      issued.clear()
      replaced.clear()
    },
    /** Ends the stateless tokens that were issued so far. */
    expireTokens: () => endOf.clear(),
    /** Another long-lived token is valid from now on, the one before is not. */
    setToken(newToken: string) {
      token = newToken
      isRevoked = false
    },
    /** A new long-lived token, as the console issues it; the one before lives on for `graceMs`, at most 24 hours. [TOK] */
    reissueToken(graceMs = 0): string {
      if (!isRevoked) replaced.set(token, clock() + graceMs)
      token = `${hex(random, 86)}+${hex(random, 84)}=`
      isRevoked = false
      return token
    },
    /** The life of stateless tokens issued from now on. */
    setTokenLife(seconds: number) {
      lifeSeconds = seconds
    },
    /** The key ids of the living tokens of v2.1, oldest first. */
    keyIds: () => live().map(({ keyId }) => keyId),
    /** Ends a token of v2.1 that goes by the key id, as if somebody had revoked it. */
    revokeKeyId(keyId: string) {
      for (const [given, known] of issued) if (known.keyId === keyId) issued.delete(given)
    },
  }

  function issueStateless(): Reply {
    for (const [old, endsAt] of endOf) if (endsAt <= clock()) endOf.delete(old)
    const access_token = make()
    endOf.set(access_token, clock() + lifeSeconds * 1000)
    onIssued()
    return { status: 200, body: { token_type: 'Bearer', access_token, expires_in: lifeSeconds } }
  }

  /** Answers `POST /oauth2/v3/token` with an id and a secret. */
  function issue(form: URLSearchParams): Reply {
    if (form.get('client_id') !== channelId || form.get('client_secret') !== channelSecret)
      return oauthError('invalid_client', 'Invalid client id or secret')
    return issueStateless()
  }

  /** Answers `POST /oauth2/v2.1/token`, once the assertion has been taken. */
  function issueV21(seconds = defaultSeconds): Reply {
    if (live().length >= mostTokens)
      return refusal(400, 'The maximum number of access tokens has already been issued')
    const access_token = make()
    const keyId = Buffer.from(hex(random, 32), 'hex').toString('base64url')
    issued.set(access_token, { keyId, endsAt: clock() + seconds * 1000 })
    return { status: 200, body: { access_token, token_type: 'Bearer', expires_in: seconds, key_id: keyId } }
  }

  /** Answers `GET /oauth2/v2.1/verify`; null: the token is none of this channel's. */
  function verify(given: string): Reply | null {
    const known = issued.get(given)
    if (known === undefined) return null
    if (known.endsAt <= clock()) return tokenExpired
    return { status: 200, body: { client_id: channelId, expires_in: secondsLeft(known.endsAt), scope } }
  }

  /** Answers `POST /oauth2/v2.1/revoke`. Whoever names a token that does not live is told nothing. */
  function revoke(form: URLSearchParams): Reply {
    if (form.get('client_secret') !== channelSecret) return invalidCredentials
    issued.delete(form.get('access_token') ?? '')
    return { status: 200, body: '' }
  }

  return {
    controls,
    issue,
    issueStateless,
    issueV21,
    verify,
    revoke,
    /** Answers `POST /v2/oauth/verify` of a long-lived token, which has no end; null: the token is none of this channel's. */
    verifyLongLived: (given: string): Reply | null =>
      isLongLived(given) ? { status: 200, body: { client_id: channelId, scope } } : null,
    /** Ends a long-lived token, as `POST /v2/oauth/revoke` does. */
    revokeLongLived(given: string) {
      replaced.delete(given)
      if (given === token) isRevoked = true
    },
    answerKeyIds: (): Reply => ({ status: 200, body: { kids: controls.keyIds() } }),
    /** Whether an Authorization header lets a request in. */
    admits(authorization: string): boolean {
      const given = authorization.startsWith('Bearer ') ? authorization.slice(7) : ''
      return isLongLived(given) || Math.max(endOf.get(given) ?? 0, issued.get(given)?.endsAt ?? 0) > clock()
    },
    token: () => token,
  }
}

export function oauthError(error: string, error_description: string): Reply {
  return { status: 400, body: { error, error_description } }
}

const tokenExpired = oauthError('invalid_request', 'The access token expired')
export const invalidCredentials = oauthError('invalid_request', "Invalid 'client_credentials'.")
