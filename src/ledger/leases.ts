/** The lease of whoever tells Braze. With it comes `DueProfile.mayHold`. */
export const DELIVERY_LEASE = 'braze'

/** A lease that ends later than this from now was dated by a clock that was wrong, and holds nobody back. */
export const LEASE_LIMIT_MS = 600_000

export interface Aftermath {
  readonly endedMs: number
  readonly lostMs: number
}

export interface LeaseAnswer {
  readonly held: boolean
  /** For how long what former holders did may still have effects; 0 where there is nothing to wait for. */
  readonly quietMs: number
}
