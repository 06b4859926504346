import { type IssuedToken, TOKEN_LIMIT, type TokenFacts } from '../line/channel-tokens.ts'
import type { Block, HeldBlock } from './block.ts'
import type { TokenLease } from './lease.ts'
import { type TokenChannel, TokenError, type TokenMeans } from './means.ts'
import type { OwnToken } from './own-token.ts'

/** So many of a channel's tokens are left to people: at the limit LINE issues none any more. */
const LEFT_TO_PEOPLE = 2

export interface RenewalOptions extends Pick<TokenMeans, 'ledger' | 'tokens'> {
  readonly channel: TokenChannel
  readonly block: Block
  readonly own: OwnToken
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
 * @throws TokenError, LineError, BlockError
 */
export async function renew(
  options: RenewalOptions,
  held: HeldBlock | undefined,
  signal?: AbortSignal,
): Promise<Renewed> {
  const { channel, block, own, ledger, lease } = options
  const before = own.issued && (await checked(options, own.issued, signal))
  const { token, ...renewed } = before ?? (await issue(options, held, signal))
  await lease.renew()
  await block.write(token, held)
  const { keyId, leftMs } = renewed
  await ledger.keepToken(channel.name, { keyId, leftMs, isWritten: true })
  return renewed
}

interface CheckedToken extends IssuedToken {
  readonly leftMs: number
}

/** From the request for it on nothing is broken off, until the token is written. */
async function issue(options: RenewalOptions, held: HeldBlock | undefined, signal?: AbortSignal) {
  const { channel, tokens, block, own, ledger, lease } = options
  const { assertions, name } = channel
  if (!assertions) throw new TokenError(`The channel ${name} has no key to issue tokens with`)
  const { length: live } = await tokens.keyIds(assertions, signal)
  if (live >= TOKEN_LIMIT - LEFT_TO_PEOPLE) throw new TokenError(tooMany(live))
  if (held) await block.rehearse(held)
  await lease.renew()
  const issued = await tokens.issue(assertions)
  Object.assign(own, { issued, wasTaken: false })
  await ledger.keepToken(name, { keyId: issued.keyId, leftMs: issued.lifeMs, isWritten: false })
  return (await checked(options, issued)) as CheckedToken
}

/**
 * A token of our own by LINE's word: of this channel, and young. Undefined where it was that, and is not any more.
 *
 * @throws TokenError where it never was
 */
async function checked(
  { channel, tokens, own }: RenewalOptions,
  issued: IssuedToken,
  signal?: AbortSignal,
): Promise<CheckedToken | undefined> {
  const facts = await tokens.verify(issued.token, signal)
  if (facts?.leftMs && facts.channelId === channel.channelId && facts.leftMs > issued.lifeMs / 2) {
    own.wasTaken = true
    return { ...issued, leftMs: facts.leftMs }
  }
  if (own.wasTaken) return undefined
  throw new TokenError(faultOf(facts, channel))
}

function faultOf(facts: TokenFacts | undefined, { channelId }: TokenChannel): string {
  if (!facts) return `LINE does not take the token that it has issued; ${AGAIN}`
  return facts.channelId === channelId
    ? `LINE says of the token that it has issued that it ends at another moment than it said; ${AGAIN}`
    : `LINE has issued a token for the channel ${facts.channelId}, and not for ${channelId}: check LINE_CHANNEL_ID and LINE_ASSERTION_KEY (channelId and assertionKey in LINE_CHANNELS_FILE)`
}

/** Each that is issued counts for 30 days. */
const AGAIN =
  'a server asks about it again and again, and issues no other one, of which each counts for 30 days; where it stays so, line-braze token rotate issues one'

const tooMany = (live: number) =>
  `The channel has ${live} channel access tokens v2.1, of the ${TOKEN_LIMIT} that LINE allows, and no more are issued. Each ends 30 days after it was issued: see who else issues them, or revoke some (POST /oauth2/v2.1/revoke). Should none end in time, line-braze token put writes a long-lived one of the LINE Developers Console`
