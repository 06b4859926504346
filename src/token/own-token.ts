import type { IssuedToken } from '../line/channel-tokens.ts'

/** A token that this process has issued. It is in memory and nowhere else. */
export interface OwnToken extends IssuedToken {
  /** By a clock that nobody sets. */
  readonly endsAt: number
}

/**
 * The token that this process has issued last. Where it could not be written, or somebody has overwritten it, it is the one
 * to be written next: each that is issued counts for 30 days.
 */
export function createOwnToken(monotonic: () => number = () => performance.now()) {
  let own: OwnToken | undefined
  return {
    get: () => own,
    set(issued: IssuedToken) {
      own = { ...issued, endsAt: monotonic() + issued.lifeMs }
      return own
    },
    forget() {
      own = undefined
    },
    leftMs: (token: OwnToken) => token.endsAt - monotonic(),
    /** The token, as long as it is younger than half of its life. */
    young: () => (own && own.endsAt - monotonic() > own.lifeMs / 2 ? own : undefined),
  }
}

export type OwnTokens = ReturnType<typeof createOwnToken>
