import type { Reply } from '../answers.ts'
import type { Arrival } from '../service.ts'
import type { Asserted, createAssertions } from './assertions.ts'
import type { Channel } from './channel.ts'
import { formOf } from './form.ts'
import { invalidCredentials, oauthError } from './tokens.ts'

interface Parts {
  assertions: ReturnType<typeof createAssertions>
  channels: readonly Channel[]
}

/** Where channel access tokens are issued, verified, listed and revoked. None of it needs a token. [TOK] */
export function createTokenEndpoints({ assertions, channels }: Parts) {
  const channelOf = (id: string | null) => channels.find(({ channelId }) => channelId === id)

  /** Goes on with the channel that an assertion shows. */
  function asserted(fields: URLSearchParams, go: (channel: Channel, asserted: Asserted) => Reply): Reply {
    const judged = assertions.judge(fields)
    if ('status' in judged) return judged
    return go(channelOf(judged.channelId) as Channel, judged)
  }

  const endpoints: Record<string, (arrival: Arrival) => Reply> = {
    'POST /oauth2/v3/token'(arrival) {
      const form = formOf(arrival)
      if (!isGrant(form)) return unsupportedGrant
      if (form.has('client_assertion')) return asserted(form, ({ tokens }) => tokens.issueStateless())
      const channel = channelOf(form.get('client_id')) ?? (channels[0] as Channel)
      return channel.tokens.issue(form)
    },
    'POST /oauth2/v2.1/token'(arrival) {
      const form = formOf(arrival)
      if (!isGrant(form)) return unsupportedGrant
      return asserted(form, ({ tokens }, { tokenSeconds }) => tokens.issueV21(tokenSeconds))
    },
    'GET /oauth2/v2.1/tokens/kid': ({ query }) =>
      asserted(new URLSearchParams(query), ({ tokens }) => tokens.answerKeyIds()),
    'GET /oauth2/v2.1/verify'({ query: { access_token = '' } }) {
      if (!isJws(access_token)) return notJws
      return firstOf(channels, ({ tokens }) => tokens.verify(access_token)) ?? malformed
    },
    'POST /oauth2/v2.1/revoke'(arrival) {
      const form = formOf(arrival)
      if (!isJws(form.get('access_token') ?? '')) return notJws
      return channelOf(form.get('client_id'))?.tokens.revoke(form) ?? invalidCredentials
    },
    'POST /v2/oauth/verify'(arrival) {
      const given = formOf(arrival).get('access_token') ?? ''
      return firstOf(channels, ({ tokens }) => tokens.verifyLongLived(given)) ?? expired
    },
    'POST /v2/oauth/revoke'(arrival) {
      for (const { tokens } of channels) tokens.revokeLongLived(formOf(arrival).get('access_token') ?? '')
      return { status: 200, body: '' }
    },
  }
  return endpoints
}

const isGrant = (form: URLSearchParams) => form.get('grant_type') === 'client_credentials'
const isJws = (token: string) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)

function firstOf(channels: readonly Channel[], ask: (channel: Channel) => Reply | null): Reply | null {
  for (const channel of channels) {
    const reply = ask(channel)
    if (reply !== null) return reply
  }
  return null
}

const unsupportedGrant = oauthError('unsupported_grant_type', "'grant_type' must be 'client_credentials'")
const notJws = oauthError('invalid_request', 'The access token not JWS')
const malformed = oauthError('invalid_request', 'The access token malformed')
const expired = oauthError('invalid_request', 'access token expired')
