import { TOKEN_LIMIT } from '../line/channel-tokens.ts'
import type { Block, HeldBlock } from './block.ts'
import type { TokenLease } from './lease.ts'
import { type TokenChannel, TokenError, type TokenMeans } from './means.ts'
import type { OwnToken, OwnTokens } from './own-token.ts'

/** So many of a channel's tokens are left to people: at the limit LINE issues none any more. */
const LEFT_TO_PEOPLE = 2
/** What LINE says of a token's end, beside what it said when it was issued. */
const TOLERANCE_MS = 60_000

export interface RenewalOptions extends Pick<TokenMeans, 'ledger' | 'tokens'> {
  readonly channel: TokenChannel
  readonly block: Block
  readonly own: OwnTokens
  readonly lease: Pick<TokenLease, 'renew'>
}

export interface Renewed {
  readonly keyId: string
  readonly lifeMs: number
  readonly leftMs: number
}

/**
 * Puts another token into the block; the one that it holds ends by itself, since messages that Braze tries again may still
 * carry it. On any doubt the block keeps what it holds. The lease is held.
 *
 * In this order: what is killed in between leaves at most one token that nobody uses, which the count shows.
 *
 * @param mayReuse whether a token may be written that was issued before and is young
 * @throws TokenError, LineError, BlockError
 */
export async function renew(
  options: RenewalOptions,
  held: HeldBlock | undefined,
  mayReuse: boolean,
  signal?: AbortSignal,
): Promise<Renewed> {
  const { channel, block, own, ledger, lease } = options
  const young = mayReuse ? own.young() : undefined
  // It may have been revoked.
  const isTaken = young !== undefined && (await options.tokens.verify(young.token, signal)) !== undefined
  const token = young && isTaken ? young : await issue(options, signal)
  await check(options, token)
  await lease.renew()
  await block.write(token.token, held)
  const leftMs = own.leftMs(token)
  const { keyId, lifeMs } = token
  await ledger.keepToken(channel.name, { keyId, leftMs, isWritten: true })
  return { keyId, lifeMs, leftMs }
}

/** From here on nothing is broken off, until the token is written. */
async function issue(
  { channel, tokens, own, ledger }: RenewalOptions,
  signal?: AbortSignal,
): Promise<OwnToken> {
  const { assertions, name } = channel
  if (!assertions) throw new TokenError(`The channel ${name} has no key to issue tokens with`)
  const { length: live } = await tokens.keyIds(assertions, signal)
  if (live >= TOKEN_LIMIT - LEFT_TO_PEOPLE) throw new TokenError(tooMany(live))
  const issued = own.set(await tokens.issue(assertions))
  await ledger.keepToken(name, { keyId: issued.keyId, leftMs: issued.lifeMs, isWritten: false })
  return issued
}

async function check({ channel, tokens, own }: RenewalOptions, token: OwnToken) {
  const facts = await tokens.verify(token.token)
  if (!facts) {
    own.forget()
    throw new TokenError('LINE has issued a token and does not take it; another one is issued later')
  }
  if (facts.channelId !== channel.channelId) {
    own.forget()
    throw new TokenError(
      `LINE has issued a token for the channel ${facts.channelId}, and not for ${channel.channelId}: check LINE_CHANNEL_ID and LINE_ASSERTION_KEY (channelId and assertionKey in LINE_CHANNELS_FILE)`,
    )
  }
  const leftMs = own.leftMs(token)
  if (facts.leftMs === null || Math.abs(facts.leftMs - leftMs) > TOLERANCE_MS)
    throw new TokenError(
      'LINE says of a token that it has issued that it ends at another moment than it said',
    )
}

const tooMany = (live: number) =>
  `The channel has ${live} channel access tokens v2.1, of the ${TOKEN_LIMIT} that LINE allows, and no more are issued. Each ends 30 days after it was issued: see who else issues them, or revoke some (POST /oauth2/v2.1/revoke)`
