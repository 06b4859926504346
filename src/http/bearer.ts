import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** What is wrong with the token of a request. `in URL`: it was sent where proxies and browsers keep it. */
export type TokenRejection = 'missing' | 'wrong' | 'in URL'

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i
/** What a parameter that holds a token may be called. */
const TOKEN_NAME = /token|key|auth|secret|bearer/i

interface Sent {
  readonly url: string
  readonly headers: { readonly authorization?: string | undefined }
}

/**
 * Which of `tokens` is sent, if any. How long that takes tells nothing of them: what is compared are digests with a key of
 * this process, and each is.
 *
 * @throws Error when a token is empty: anybody could send that
 */
export function createTokenMatch(tokens: readonly string[]) {
  if (tokens.length === 0 || tokens.includes('')) throw new Error('An API token is empty.')
  const key = randomBytes(32)
  const digestOf = (token: string) => createHmac('sha256', key).update(token).digest()
  const known = tokens.map((token) => ({ token, digest: digestOf(token) }))

  return (sent: string): string | undefined => {
    const digest = digestOf(sent)
    return known.filter((each) => timingSafeEqual(each.digest, digest))[0]?.token
  }
}

/**
 * Says what is wrong with the token of a request; null where it is one of `tokens`, of which several may be valid while one
 * is being replaced.
 *
 * @throws Error when a token is empty: anybody could send that
 */
export function createBearer(tokens: readonly string[]) {
  const matchOf = createTokenMatch(tokens)

  return ({ url, headers }: Sent): TokenRejection | null => {
    if (namesToken(url)) return 'in URL'
    const [, token] = BEARER.exec(headers.authorization ?? '') ?? []
    if (token === undefined) return headers.authorization ? 'wrong' : 'missing'
    return matchOf(token) === undefined ? 'wrong' : null
  }
}

/** Strangers make URLs, and nothing else runs meanwhile: each character is looked at a few times, and not once for each other. */
function namesToken(url: string): boolean {
  const queryAt = url.indexOf('?')
  if (queryAt < 0) return false
  for (const name of new URLSearchParams(url.slice(queryAt)).keys()) if (TOKEN_NAME.test(name)) return true
  return false
}
