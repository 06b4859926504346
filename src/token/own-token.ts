import type { IssuedToken } from '../line/channel-tokens.ts'

/**
 * The token that this process has issued last. It is in memory and nowhere else. Where it could not be written, or somebody
 * has overwritten it, it is the one to be written next: each that is issued counts for 30 days.
 */
export interface OwnToken {
  issued: IssuedToken | undefined
  /** Whether LINE ever said of it what it should. */
  wasTaken: boolean
}

export const noToken = (): OwnToken => ({ issued: undefined, wasTaken: false })
