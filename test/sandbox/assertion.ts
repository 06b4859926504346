import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto'

/** A new assertion signing key; `jwk` is its public half, as LINE's console takes it. */
export function newKey(bits = 2048): { jwk: JsonWebKey; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  return { jwk: { ...publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }, privateKey }
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A signed JWT. */
export function jwt(privateKey: KeyObject, header: object, claims: object): string {
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`
}

/** The fields of a request that shows who asks by a JWT; `more` go over the right ones. */
export function assertion(client_assertion: string, more: Record<string, string> = {}) {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion,
    ...more,
  })
}
