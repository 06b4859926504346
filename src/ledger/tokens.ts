/** A channel access token of LINE's, by the name that LINE gave it: the token itself is kept nowhere. */
export interface KnownToken {
  readonly keyId: string
  /** From its issue to its end, and from now to its end. */
  readonly lifeMs: number
  readonly leftMs: number
  /** Whether Braze's Content Block was seen to hold it. */
  readonly isWritten: boolean
}

export interface TokenNews extends Pick<KnownToken, 'keyId' | 'isWritten'> {
  /** From now to its end. */
  readonly leftMs: number
}
