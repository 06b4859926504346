import { fieldsOf } from '../wire/answer.ts'
import type { HttpAnswer } from '../wire/client.ts'
import { type Caller, LineError, LineRefusal } from './call.ts'
import { dateOf, isMoment } from './epoch.ts'
import { isPerson } from './user-id.ts'

export interface LineLoginOptions {
  readonly call: Caller
  /** Milliseconds since 1970, for answers of LINE that bear no date. */
  readonly clock?: () => number
}

/** An ID token, as somebody says that LINE has issued it. */
export interface IdTokenClaim {
  readonly idToken: string
  /** The LINE Login channel for which it must be. */
  readonly loginChannelId: string
  /** What the login was begun with, if it was with a nonce. */
  readonly nonce?: string | undefined
}

/** Whom LINE vouches for. */
export interface Vouched {
  /** The same as in webhooks where the LINE Login channel is of the Messaging API channel's provider. */
  readonly userId: string
  /** For how long from now LINE will go on vouching for that token. */
  readonly lifeMs: number
}

const ISSUER = 'https://access.line.me'

/** What an ID token may lack, for who has sent it. */
const FAULTS = {
  expired: 'it has expired; the person must log in anew',
  audience:
    'it was issued for another LINE Login channel than the one of this channel (LINE_LOGIN_CHANNEL_ID, or loginChannelId in LINE_CHANNELS_FILE)',
  issuer: 'it was issued by somebody else',
  nonce: 'the login was begun with another nonce',
  invalid: 'it is no ID token of LINE, or was changed; send it as LINE or liff.getIDToken() gave it',
} as const
type Fault = keyof typeof FAULTS

/** LINE Login, as far as it is used here. Methods throw what `createCaller` says. */
export function createLineLogin({ call, clock = Date.now }: LineLoginOptions) {
  return {
    /**
     * `POST /oauth2/v2.1/verify`: LINE checks the signature and all else, and what it answers is checked here once more,
     * by LINE's clock where it says what time it is. It is asked twice at most, since somebody waits.
     * Source: developers.line.biz/en/reference/line-login/#verify-id-token
     *
     * @throws LineRefusal where LINE does not vouch for the token, with why
     */
    async verifyIdToken(
      { idToken, loginChannelId, nonce }: IdTokenClaim,
      signal?: AbortSignal,
    ): Promise<Vouched> {
      const { claims, date } = await call({
        method: 'POST',
        path: '/oauth2/v2.1/verify',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          id_token: idToken,
          client_id: loginChannelId,
          ...(nonce !== undefined && { nonce }),
        }).toString(),
        secrets: [idToken],
        read: readClaims,
        retries: 1,
        signal,
      }).catch((error) => {
        throw error instanceof LineError && error.status === 400
          ? refusal(faultIn(error.message), error)
          : error
      })
      const lifeMs = claims.expiresAt - (date ?? clock())
      if (claims.issuer !== ISSUER) throw refusal('issuer')
      if (claims.audience !== loginChannelId) throw refusal('audience')
      if (nonce !== undefined && claims.nonce !== nonce) throw refusal('nonce')
      if (lifeMs <= 0) throw refusal('expired')
      return { userId: claims.userId, lifeMs }
    },
  }
}

export type LineLogin = ReturnType<typeof createLineLogin>

const refusal = (fault: Fault, cause?: LineError) =>
  new LineRefusal(`LINE does not vouch for this ID token: ${FAULTS[fault]}.`, cause?.status, cause)

/** LINE's words are free to change: they are good for a better sentence only. */
const faultIn = (words: string): Fault =>
  (['expired', 'audience', 'issuer', 'nonce'] as const).find((fault) =>
    words.toLowerCase().includes(fault),
  ) ?? 'invalid'

function readClaims(body: unknown, { headers }: HttpAnswer) {
  const { iss: issuer, aud: audience, sub: userId, exp, nonce } = fieldsOf(body)
  const expiresAt = typeof exp === 'number' ? exp * 1000 : undefined
  if (!isPerson(userId) || !isMoment(expiresAt)) return undefined
  return { claims: { issuer, audience, userId, nonce, expiresAt }, date: dateOf(headers) }
}
