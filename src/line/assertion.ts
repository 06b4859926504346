import { createPrivateKey, type JsonWebKey, sign } from 'node:crypto'
import { LineError } from './call.ts'

/**
 * LINE takes an assertion that ends within 30 minutes by its own clock. Half of that lets our clock be wrong by 15
 * minutes either way. Source: developers.line.biz/en/docs/messaging-api/generate-json-web-token
 */
const LIFE_SECONDS = 15 * 60

export interface AssertionOptions {
  /** The JSON of a private RSA JWK with its `kid`. */
  readonly key: string
  readonly channelId: string
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/** Signs who we are, in place of a channel secret: JWTs for LINE's token endpoints. */
export function createAssertions({ key, channelId, clock = Date.now }: AssertionOptions) {
  const jwk: JsonWebKey = JSON.parse(key)
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  const head = part({ alg: 'RS256', typ: 'JWT', kid: String(jwk.kid).trim() })

  function assert(more: object): string {
    const exp = Math.floor(clock() / 1000) + LIFE_SECONDS
    const claims = { iss: channelId, sub: channelId, aud: 'https://api.line.me/', exp, ...more }
    const signed = `${head}.${part(claims)}`
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`
  }

  return {
    channelId,
    /**
     * The fields of a form or query by which LINE knows the channel.
     *
     * @param tokenLifeSeconds how long the token is to live that is asked for with it; 30 days at most
     */
    fields: (tokenLifeSeconds?: number) => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assert(tokenLifeSeconds === undefined ? {} : { token_exp: tokenLifeSeconds }),
    }),
  }
}

export type Assertions = ReturnType<typeof createAssertions>

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The error of a request with an assertion, with what a person can do about it where LINE does not take that. */
export function explainAssertion(error: unknown): unknown {
  if (!(error instanceof LineError)) return error
  const { status = 0, message } = error
  if (/\bexp\b/i.test(message)) return new LineError(`${message}; ${CLOCK}`, status, error)
  return status === 400 || status === 401 || status === 404
    ? new LineError(`${message}; ${KEY}`, status, error)
    : error
}

const CLOCK =
  "LINE takes an assertion that ends within 30 minutes by its clock: check this machine's clock, which must be set by NTP"

const KEY =
  "LINE_ASSERTION_KEY and LINE_CHANNEL_ID, or assertionKey and channelId in LINE_CHANNELS_FILE, must be of one channel, with the kid that the LINE Developers Console shows for the key on the channel's page Basic settings"
