import { fieldsOf } from '../wire/answer.ts'
import { type Assertions, explainAssertion } from './assertion.ts'
import { type Caller, LineError } from './call.ts'

/** Where channel access tokens come from. */
export interface TokenSource {
  get(signal?: AbortSignal): Promise<string>
  /** LINE does not take this token any more. Whether there can be another one. */
  expire(token: string): boolean
}

/** A token that somebody issued by hand. */
export const fixedToken = (token: string): TokenSource => ({ get: async () => token, expire: () => false })

/** How LINE knows the channel: by its secret, or by what a key of its has signed. */
export type Credentials =
  | { readonly channelId: string; readonly channelSecret: string }
  | { readonly assertions: Assertions }

export type StatelessTokenOptions = Credentials & {
  readonly call: Caller
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
}

/** A token is renewed so long before it ends, or in the last fifth of its life where that is less. */
const RENEW_BEFORE_MS = 60_000

/**
 * Stateless channel access tokens: they live for 15 minutes, any number of them may exist, and issuing one takes none
 * away from anybody. Source: developers.line.biz/en/docs/basics/channel-access-token
 */
export function statelessTokens(options: StatelessTokenOptions): TokenSource {
  const { call, monotonic = () => performance.now() } = options
  const { formOf, explain } = credentialsOf(options)
  let token: string | undefined
  let renewAt = 0
  /** Those who ask together get the same one. */
  let issuing: Promise<string> | undefined

  async function issue(signal: AbortSignal | undefined): Promise<string> {
    const askedAt = monotonic()
    const { fields, secret } = formOf()
    const issued = await call({
      method: 'POST',
      path: '/oauth2/v3/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...fields }).toString(),
      secrets: [secret],
      read: readToken,
      signal,
    }).catch((error) => {
      throw explain(error)
    })
    const lifeMs = issued.expiresIn * 1000
    renewAt = askedAt + lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 5)
    token = issued.token
    return token
  }

  return {
    async get(signal) {
      if (token !== undefined && monotonic() < renewAt) return token
      issuing ??= issue(signal).finally(() => {
        issuing = undefined
      })
      return issuing
    },
    expire(stale) {
      if (token === stale) token = undefined
      return true
    },
  }
}

/** The form's fields, anew for each request, and which of them nobody may see; and what a refusal of LINE's means. */
function credentialsOf(credentials: Credentials) {
  if ('assertions' in credentials) {
    const formOf = () => {
      const fields = credentials.assertions.fields()
      return { fields, secret: fields.client_assertion }
    }
    return { formOf, explain: explainAssertion }
  }
  const { channelId, channelSecret: secret } = credentials
  return {
    formOf: () => ({ fields: { client_id: channelId, client_secret: secret }, secret }),
    explain: (error: unknown) =>
      error instanceof LineError && isRefusal(error) ? wrongCredentials(error) : error,
  }
}

const isRefusal = ({ status = 0 }: LineError) => status === 400 || status === 401

function wrongCredentials(cause: LineError): LineError {
  const message = `${cause.message}; LINE_CHANNEL_ID and the first secret of LINE_CHANNEL_SECRET, or channelId and the first of secret in LINE_CHANNELS_FILE, must be those of one channel`
  return new LineError(message, cause.status, cause)
}

/** Whether a text can be a channel access token. In a Content Block it must be no Liquid, either. Source: RFC 6750, 2.1 */
export const isToken = (text: string): boolean => /^[A-Za-z0-9._~+/-]+=*$/.test(text) && text.length <= 4_096

/** What an answer to a request for a token says. `expiresIn` is in seconds. */
export function readToken(body: unknown): { token: string; expiresIn: number } | undefined {
  const { access_token: token, expires_in: expiresIn } = fieldsOf(body)
  if (typeof token !== 'string' || !isToken(token)) return undefined
  return typeof expiresIn === 'number' && expiresIn > 0 ? { token, expiresIn } : undefined
}
