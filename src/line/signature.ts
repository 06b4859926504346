import { validateSignature } from '@line/bot-sdk'

/** The base64 of 32 bytes: what LINE sends in `x-line-signature`. */
const SIGNATURE = /^[A-Za-z0-9+/]{43}=$/

/** What the signature of a request says; `secret` is the place of the secret that matched, 0 the first listed. */
export type Verdict =
  | { readonly genuine: true; readonly secret: number }
  | { readonly genuine: false; readonly reason: Rejection }

export type Rejection = 'missing' | 'malformed' | 'wrong'

/** What is wrong with a signature before any byte of the body is here; null when it may be genuine. */
export function rejectionOf(signature: unknown): Rejection | null {
  if (signature === undefined || signature === '') return 'missing'
  return typeof signature === 'string' && SIGNATURE.test(signature) ? null : 'malformed'
}

/**
 * Checks LINE's `x-line-signature`: base64 of HMAC-SHA256 over the raw body bytes with the channel secret.
 * Several secrets may be valid while one is being replaced.
 * Source: developers.line.biz/en/docs/messaging-api/verify-webhook-signature
 *
 * @throws Error when a secret is empty: anybody could sign with an empty key
 */
export function createVerifier(secrets: readonly string[]) {
  if (secrets.length === 0 || secrets.some((secret) => secret === ''))
    throw new Error('A channel secret is empty.')
  return (body: Uint8Array, signature: unknown): Verdict => {
    const reason = rejectionOf(signature)
    if (reason) return { genuine: false, reason }
    const secret = secrets.findIndex((key) => validateSignature(body as Buffer, key, signature as string))
    return secret < 0 ? { genuine: false, reason: 'wrong' } : { genuine: true, secret }
  }
}
