import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Reply } from '../answers.ts'

export interface IdTokenOptions {
  /** The LINE Login channel that it is for. Default: the sandbox's. */
  loginChannelId?: string
  /** Default 3600; what is negative has expired. */
  expiresInSeconds?: number
  /** As the login asked for it. Default: none. */
  nonce?: string
  /** Another provider than the bot's: the same person has another user id there. */
  provider?: string
  /** Who issued it. Default: LINE. */
  issuer?: string
}

const line = 'https://access.line.me'
const header = encode({ typ: 'JWT', alg: 'HS256' })

/** Issues ID tokens as a login with LINE does, and verifies them. [IDTOKEN] */
export function createIdTokens({ loginChannelId, clock }: { loginChannelId: string; clock: () => number }) {
  const secret = randomBytes(32)
  const sign = (text: string) => createHmac('sha256', secret).update(text).digest('base64url')
  const now = () => Math.floor(clock() / 1000)

  function issue(userId: string, options: IdTokenOptions = {}): string {
    const { expiresInSeconds = 3600, nonce, provider, issuer = line } = options
    const payload = encode({
      iss: issuer,
      sub: provider === undefined ? userId : userIdAt(provider, userId),
      aud: options.loginChannelId ?? loginChannelId,
      exp: now() + expiresInSeconds,
      iat: now(),
      ...(nonce !== undefined && { nonce }),
      amr: ['linesso'],
      name: 'Sandbox',
    })
    return `${header}.${payload}.${sign(`${header}.${payload}`)}`
  }

  /** The payload of a token that was issued here; undefined of any other text. */
  function read(token: string): Record<string, unknown> | undefined {
    const [, payload = '', signature] = token.split('.')
    if (token !== `${header}.${payload}.${signature}` || signature !== sign(`${header}.${payload}`))
      return undefined
    return JSON.parse(Buffer.from(payload, 'base64url').toString())
  }

  /** Answers `POST /oauth2/v2.1/verify`. */
  function verify(form: URLSearchParams): Reply {
    const [token, client] = [form.get('id_token'), form.get('client_id')]
    if (token === null || client === null) return refuse("'id_token' and 'client_id' are required")
    const payload = read(token)
    if (payload === undefined) return refuse('Invalid IdToken.')
    if (payload.iss !== line) return refuse('Invalid IdToken Issuer.')
    if (Number(payload.exp) <= now()) return refuse('IdToken expired.')
    if (payload.aud !== client) return refuse('Invalid IdToken Audience.')
    if (form.has('nonce') && payload.nonce !== form.get('nonce')) return refuse('Invalid IdToken Nonce.')
    if (form.has('user_id') && payload.sub !== form.get('user_id'))
      return refuse('Invalid IdToken Subject Identifier.')
    return { status: 200, body: payload }
  }

  return { issue, verify }
}

const refuse = (error_description: string): Reply => ({
  status: 400,
  body: { error: 'invalid_request', error_description },
})

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** User ids are a provider's own. */
const userIdAt = (provider: string, userId: string) =>
  `U${createHash('sha256').update(`${provider}\0${userId}`).digest('hex').slice(0, 32)}`
