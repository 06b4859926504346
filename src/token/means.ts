import type { ContentBlocks } from '../braze/content-blocks.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Assertions } from '../line/assertion.ts'
import type { ChannelTokens } from '../line/channel-tokens.ts'

/** A channel, as far as its token in Braze is concerned. */
export interface TokenChannel {
  readonly name: string
  /** The name of its Content Block. */
  readonly block: string
  /** Undefined where the settings do not say it. */
  readonly channelId: string | undefined
  /** Undefined where there is no key: then nobody but a person puts a token into the block. */
  readonly assertions: Assertions | undefined
}

/** What is needed to look after a token. */
export interface TokenMeans {
  readonly ledger: Pick<Ledger, 'tokens' | 'keepToken' | 'holdLease' | 'releaseLease'>
  readonly tokens: ChannelTokens
  readonly blocks: ContentBlocks
  /** Of leases: each process has another one. */
  readonly holder: string
  /** For one request, to whichever of LINE and Braze may take longer. */
  readonly requestMs: number
  readonly sleep?: ((ms: number, signal?: AbortSignal) => Promise<unknown>) | undefined
}

/** Something keeps a token from being renewed; the message is a sentence for a person. The block holds what it held. */
export class TokenError extends Error {
  override name = 'TokenError'
}
