import { createPrivateKey } from 'node:crypto'

/** LINE takes signatures of RSA keys of so many bits. Source: developers.line.biz/en/docs/messaging-api/generate-json-web-token */
const LEAST_BITS = 2_048

/** What keeps a text from being the private JWK of an assertion signing key; undefined where nothing does. Completes "NAME …". */
export function assertionKeyFault(text: string): string | undefined {
  const jwk = parse(text)
  if (!jwk) return 'is no JWK'
  if (jwk.kty !== 'RSA') return 'is no RSA key'
  if (typeof jwk.d !== 'string') return 'is the public half of a key'
  if (jwk.alg !== undefined && jwk.alg !== 'RS256') return 'is a key for another algorithm than RS256'
  const bits = bitsOf(jwk)
  if (bits === undefined) return 'is a JWK whose numbers make no private key'
  if (bits < LEAST_BITS) return `is an RSA key of ${bits} bits`
  if (typeof jwk.kid !== 'string' || jwk.kid.trim() === '')
    return 'has no kid, which the LINE Developers Console shows where the public half was registered'
  return undefined
}

type Jwk = Readonly<Record<string, unknown>>

function parse(text: string): Jwk | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Jwk) : undefined
  } catch {
    return undefined
  }
}

function bitsOf(jwk: Jwk): number | undefined {
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' }).asymmetricKeyDetails?.modulusLength
  } catch {
    return undefined
  }
}
