export type RunKind = 'backfill' | 'resync' | 'verify' | 'links' | 'retry' | 'forget'

/** Where a run stands; every count is of the whole run, also where it was interrupted and went on. */
export interface Run {
  readonly id: number
  readonly channel: string
  /** The account it is of, as far as one was known when it began. */
  readonly account: string | null
  /** The date of all that its list says, milliseconds since 1970. */
  readonly asOf: number
  /** `clearing`: the list is complete, and who was missing from it is being cleared. */
  readonly state: 'listing' | 'clearing' | 'complete' | 'abandoned'
  /** Where the list goes on; null before its first page and after its last. */
  readonly cursor: string | null
  /** How long ago the cursor was stored. */
  readonly cursorAgeMs: number
  /** Friends when it began. */
  readonly known: number
  readonly pages: number
  /** User ids on those pages. */
  readonly listed: number
  /** Entries that were no user ids. */
  readonly invalid: number
  /** Contacts that the list made. */
  readonly added: number
  /** Contacts that were gone and that the list made reachable. */
  readonly returned: number
  /** Contacts that can't be reached any more, since they were missing. */
  readonly gone: number
}

/** A page of LINE's follower list. */
export interface FollowerPage {
  readonly userIds: readonly string[]
  /** How many of its entries were no user ids. */
  readonly invalid: number
  /** Where the list goes on; null on the last page. */
  readonly next: string | null
}

export interface Outstanding {
  /** Profiles that the run made due, of which Braze has not heard. */
  readonly pending: number
  /** Profiles that the run made due and that Braze rejected. */
  readonly failed: number
  /** Profiles that other runs made due, of which Braze has not heard. */
  readonly earlier: number
}
