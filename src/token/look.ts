import type { KnownToken } from '../ledger/ledger.ts'
import { LONGEST_LIFE_SECONDS } from '../line/channel-tokens.ts'
import { type Block, type HeldBlock, OTHER_NAME, PAGE } from './block.ts'
import { type TokenChannel, TokenError, type TokenMeans } from './means.ts'
import type { OwnToken } from './own-token.ts'

/** What a channel's block holds, and what LINE says of that. */
export type Look =
  /** There is no such block. */
  | { readonly kind: 'absent'; readonly held: undefined }
  /** LINE does not take it. */
  | { readonly kind: 'dead'; readonly held: HeldBlock }
  /** A token of another channel, which reaches nobody of this one. */
  | { readonly kind: 'stranger'; readonly held: HeldBlock; readonly channelId: string }
  /** A token of this channel, as far as its id is known. */
  | {
      readonly kind: 'alive'
      readonly held: HeldBlock
      readonly channelId: string
      /** Null: it does not end by itself. */
      readonly leftMs: number | null
      /** Where it is one that we have issued. */
      readonly known: KnownToken | undefined
    }

/** LINE counts in seconds, and our clock and its may drift apart in a month. */
const SAME_END_MS = 5_000
/** What is issued within so long has, as LINE counts and an answer takes, one end: then the one that was written last is meant. */
const ONE_END_MS = 2_000

export interface LookOptions extends Pick<TokenMeans, 'tokens' | 'ledger'> {
  readonly channel: TokenChannel
  readonly block: Block
  readonly own?: OwnToken | undefined
}

/** Asks Braze what the block holds, and LINE whether it takes that. Changes nothing but what is remembered of our own token. */
export async function look(
  { channel, block, tokens, ledger, own }: LookOptions,
  signal?: AbortSignal,
): Promise<Look> {
  const held = await block.read(signal)
  if (!held) return { kind: 'absent', held }
  const facts = await tokens.verify(held.content, signal)
  if (!facts) return { kind: 'dead', held }
  const { channelId, leftMs } = facts
  if (channel.channelId !== undefined && channelId !== channel.channelId)
    return { kind: 'stranger', held, channelId }
  const all = await ledger.tokens(channel.name)
  const issued = own?.issued
  const known =
    issued?.token === held.content ? all.find(({ keyId }) => keyId === issued.keyId) : sameEnd(all, leftMs)
  // Who has written it may have been killed before it could say so.
  if (known && !known.isWritten)
    await ledger.keepToken(channel.name, { keyId: known.keyId, leftMs: known.leftMs, isWritten: true })
  return { kind: 'alive', held, channelId, leftMs, known }
}

/** A token is known by its end, since nothing of itself is remembered. */
function sameEnd(all: readonly KnownToken[], leftMs: number | null): KnownToken | undefined {
  if (leftMs === null) return undefined
  const gapOf = (token: KnownToken) => Math.abs(token.leftMs - leftMs)
  const least = Math.min(...all.map(gapOf))
  return least <= SAME_END_MS ? all.find((token) => gapOf(token) <= least + ONE_END_MS) : undefined
}

/**
 * Two channels that share a block would take it from each other for ever. So whoever comes second is refused: where no token of
 * ours ever was in the block, another channel's that LINE takes is not there by mistake.
 *
 * @throws TokenError
 */
export function assertNotShared(found: Look, all: readonly KnownToken[], { block }: TokenChannel) {
  if (found.kind === 'stranger' && !wasWritten(all))
    throw new TokenError(
      `The Content Block ${block} holds a token of the channel ${found.channelId}, which LINE takes: messages of that one need it, and it stays; ${OTHER_NAME}; or write anything else into the block on ${PAGE}, where it is there by mistake`,
    )
}

const wasWritten = (all: readonly KnownToken[]) => all.some(({ isWritten }) => isWritten)

const LONGEST_LIFE_MS = LONGEST_LIFE_SECONDS * 1000

/** The life by which the age of a token is told: its own, or the longest where somebody else has issued it. */
export const lifeMsOf = ({ known }: Extract<Look, { kind: 'alive' }>): number =>
  known?.lifeMs ?? LONGEST_LIFE_MS

/**
 * How long until another token should be in the block; 0 now, infinite never. What somebody else has put there works and is
 * left alone while it is young: two that replace each other's tokens would use up all that LINE allows. But where no
 * token of ours ever was in the block, this is the beginning.
 */
export function renewalMs(found: Look, all: readonly KnownToken[]): number {
  if (found.kind !== 'alive') return 0
  if (!found.known && !wasWritten(all)) return 0
  return found.leftMs === null ? Number.POSITIVE_INFINITY : Math.max(0, found.leftMs - lifeMsOf(found) / 2)
}
