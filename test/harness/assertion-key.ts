import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'

/** A new assertion signing key, as JWKs; the private half as LINE_ASSERTION_KEY has it. */
export function newAssertionKey(bits = 2_048) {
  const pair = generateKeyPairSync('rsa', { modulusLength: bits })
  const kid = `kid-${(pair.publicKey.export({ format: 'jwk' }).n as string).slice(0, 12)}`
  return {
    kid,
    publicKey: pair.publicKey.export({ format: 'jwk' }) as JsonWebKey,
    privateKey: { ...pair.privateKey.export({ format: 'jwk' }), alg: 'RS256', kid } as JsonWebKey,
  }
}
