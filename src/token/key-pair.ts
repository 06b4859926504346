import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'

/**
 * A new assertion signing key, as LINE wants it: RSA with 2048 bits, the public half without a `kid`, which LINE gives it. The
 * private half has an empty one, to be filled in.
 * Source: developers.line.biz/en/docs/messaging-api/generate-json-web-token
 */
export function newKeyPair(): { readonly privateKey: JsonWebKey; readonly publicKey: JsonWebKey } {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const { kty, n, e, ...secret } = privateKey.export({ format: 'jwk' }) as Record<string, string>
  return {
    privateKey: { kid: '', alg: 'RS256', kty, n, e, ...secret } as JsonWebKey,
    publicKey: { kty, alg: 'RS256', use: 'sig', e, n } as JsonWebKey,
  }
}
