import { TOKEN_LIMIT, type TokenFacts } from '../line/channel-tokens.ts'
import { isToken } from '../line/tokens.ts'
import { type Block, createBlock, type HeldBlock } from './block.ts'
import { createTokenLease, type TokenLease } from './lease.ts'
import { assertNotShared, type Look, look } from './look.ts'
import { type TokenChannel, TokenError, type TokenMeans } from './means.ts'
import { noToken } from './own-token.ts'
import { type Renewed, renew } from './renewal.ts'

/** A server's look is over by then. */
const SOON = 4
/** Longer than a lease: who was killed with it is waited for. */
const PATIENCE_MS = 5_000

/** Whom a person's command asks and tells. */
export interface Asking {
  readonly signal: AbortSignal
  /** Told, where another process has the lease, how long that may take. */
  readonly onWait: (forMs: number) => void
}

/** What a person asks to be done with a channel's token, once. Each throws TokenError, LineError and BlockError. */

/** Issues another token and puts it into the block, however young the one there is. */
export const rotateToken = (channel: TokenChannel, means: TokenMeans, asking: Asking): Promise<Renewed> =>
  alone(channel, means, asking, async (held, block, lease) =>
    renew({ ...means, channel, block, lease, own: noToken() }, held, asking.signal),
  )

/** Puts a token that somebody has issued into the block, if LINE says that it is one of this channel. */
export async function putToken(
  channel: TokenChannel,
  token: string,
  means: TokenMeans,
  asking: Asking,
): Promise<TokenFacts> {
  const facts = await means.tokens.verify(token, asking.signal)
  if (!facts)
    throw new TokenError(
      'LINE does not take this token, which was revoked, has ended, or is none; a stateless one cannot be checked, and would end within 15 minutes. The block is left as it was; take the long-lived one of the LINE Developers Console.',
    )
  if (channel.channelId !== undefined && facts.channelId !== channel.channelId)
    throw new TokenError(
      `This is a token of the channel ${facts.channelId}, and LINE_CHANNEL_ID (channelId in LINE_CHANNELS_FILE) is ${channel.channelId}. The block is left as it was.`,
    )
  const { channelId } = facts
  await alone({ ...channel, channelId }, means, asking, async (held, block, lease) => {
    await lease.renew()
    await block.write(token, held)
    return true
  })
  return facts
}

/** What the block holds, and what LINE says of that. */
export const lookAtToken = (channel: TokenChannel, means: TokenMeans, signal: AbortSignal): Promise<Look> =>
  look({ ...means, channel, block: createBlock(channel.block, means) }, signal)

/** How many tokens v2.1 the channel has; null where there is no key to ask by. */
export async function countTokens(
  { assertions }: TokenChannel,
  { tokens }: TokenMeans,
  signal: AbortSignal,
): Promise<number | null> {
  return assertions ? (await tokens.keyIds(assertions, signal)).length : null
}

export { isToken, TOKEN_LIMIT }

/** With what the block holds, and the lease, for which it waits while another process works. */
async function alone<T extends object | true>(
  channel: TokenChannel,
  means: TokenMeans,
  { signal, onWait }: Asking,
  work: (held: HeldBlock | undefined, block: Block, lease: TokenLease) => Promise<T>,
): Promise<T> {
  const block = createBlock(channel.block, means)
  const lease = createTokenLease(channel.name, means)
  const since = performance.now()
  for (let tries = 0; ; tries++) {
    const done = await lease.during(async () => {
      const found = await look({ ...means, channel, block }, signal)
      assertNotShared(found, await means.ledger.tokens(channel.name), channel)
      return work(found.held, block, lease)
    })
    if (done !== undefined) return done
    if (tries === SOON) onWait(lease.durationMs)
    if (performance.now() - since > lease.durationMs + PATIENCE_MS)
      throw new TokenError(
        `Another process has been at work on the token of ${channel.name} for ${Math.round(lease.durationMs / 1000)} seconds; its log says at what, and then try again`,
      )
    await lease.wait(signal)
  }
}
