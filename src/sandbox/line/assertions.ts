import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { type Reply, refusal } from '../answers.ts'
import { hex, type Random } from '../random.ts'

/** Who has shown to be a channel, and what they asked for. */
export interface Asserted {
  channelId: string
  /** Life of the token that is asked for; undefined where the assertion does not say. */
  tokenSeconds?: number
}

type Claims = Record<string, unknown>

/** In seconds. [JWT] */
const longestAssertion = 30 * 60
const longestToken = 30 * 24 * 60 * 60
const keyBits = 2048
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const audience = 'https://api.line.me/'

/** Assertion signing keys as channels have registered them, and the JWTs that are signed with them. [JWT] */
export function createAssertions({ random, clock }: { random: Random; clock: () => number }) {
  const keys = new Map<string, { channelId: string; publicKey: KeyObject }>()

  /** What is wrong with a header; null: nothing. The key is looked for afterwards. */
  function headerFault({ alg, typ, kid }: Claims): string | null {
    if (alg !== 'RS256') return 'Invalid alg'
    if (typ !== 'JWT') return 'Invalid typ'
    return typeof kid === 'string' && kid !== '' ? null : 'Invalid kid'
  }

  function claimsFault({ iss, sub, aud, exp, token_exp }: Claims, channelId: string): string | null {
    if (iss !== channelId) return 'iss and clientId of key do not match'
    if (sub !== iss) return 'Invalid sub'
    if (aud !== audience) return 'Invalid aud'
    const now = clock() / 1000
    if (typeof exp !== 'number' || exp <= now || exp > now + longestAssertion) return 'Invalid exp'
    if (token_exp === undefined) return null
    const isLife = Number.isInteger(token_exp) && Number(token_exp) > 0 && Number(token_exp) <= longestToken
    return isLife ? null : 'Invalid token_exp'
  }

  /** Whom the fields of a form or query show to be a channel, or LINE's refusal. */
  function judge(fields: URLSearchParams): Asserted | Reply {
    if (fields.get('client_assertion_type') !== assertionType)
      return invalid('invalid_request', `'client_assertion_type' must be '${assertionType}'`)
    const [head = '', body = '', signature = '', ...rest] = (fields.get('client_assertion') ?? '').split('.')
    const [header, claims] = [decode(head), decode(body)]
    if (header === null || claims === null || rest.length > 0)
      return invalid('invalid_client', 'Invalid client_assertion')
    const fault = headerFault(header)
    if (fault !== null) return invalid('invalid_client', fault)
    const key = keys.get(header.kid as string)
    if (key === undefined) return refusal(404, 'Cannot find channel key that satisfies the conditions')
    const signed = Buffer.from(`${head}.${body}`)
    if (!verify('RSA-SHA256', signed, key.publicKey, Buffer.from(signature, 'base64url')))
      return invalid('invalid_client', 'Invalid signature')
    const wrong = claimsFault(claims, key.channelId)
    if (wrong !== null) return invalid('invalid_client', wrong)
    const { channelId } = key
    return claims.token_exp === undefined
      ? { channelId }
      : { channelId, tokenSeconds: claims.token_exp as number }
  }

  return {
    judge,
    /**
     * Registers the public half of a key as LINE's console does, and returns the `kid` that the console shows from then on. Throws, in a
     * sentence, where the console would refuse it.
     */
    register(channelId: string, jwk: JsonWebKey): string {
      const publicKey = readPublicKey(jwk)
      const kid = `${hex(random, 8)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 12)}`
      keys.set(kid, { channelId, publicKey })
      return kid
    },
    /** As deleting a key in the console: what it has signed is not taken any more. */
    remove: (kid: string) => void keys.delete(kid),
  }
}

function invalid(error: string, error_description: string): Reply {
  return { status: 400, body: { error, error_description } }
}

/** A part of a JWT; null of what is none. */
function decode(part: string): Claims | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : null
  } catch {
    return null
  }
}

function readPublicKey(jwk: JsonWebKey): KeyObject {
  const { kty, alg, use, key_ops: ops, kid, d } = jwk as Claims
  const isForVerifying = Array.isArray(ops) && ops.length === 1 && ops[0] === 'verify'
  const faults = [
    kty !== 'RSA' && 'its kty must be RSA',
    alg !== 'RS256' && 'its alg must be RS256',
    use !== 'sig' && !isForVerifying && 'its use must be sig, or its key_ops ["verify"]',
    kid !== undefined && 'it may have no kid: the console issues that',
    d !== undefined && 'it is a private key',
  ].filter((fault) => fault !== false)
  if (faults.length > 0) throw new Error(`The key cannot be registered: ${faults.join('; ')}`)
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
  if (publicKey.asymmetricKeyDetails?.modulusLength !== keyBits)
    throw new Error(`The key cannot be registered: it must have ${keyBits} bits`)
  return publicKey
}
