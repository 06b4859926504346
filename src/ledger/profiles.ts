import type { Address } from '../contact/profile.ts'

/** Names a profile within its ledger: to be handed back as it is. */
export type ProfileId = string | number

/** A profile of which Braze does not know the newest revision. */
export interface DueProfile {
  readonly id: ProfileId
  readonly channel: string
  readonly address: Address
  /** Raised each time what the profile should hold changes; hand it back in the acknowledgement. */
  readonly revision: number
  /** The LINE user id that it should hold; null: none. */
  readonly value: string | null
  /**
   * Whether there is something to clear: Braze has accepted something for this profile, or an earlier holder of the lease may
   * have sent something, or it is not only that the user id belongs elsewhere. Whoever holds the lease knows what it sent.
   */
  readonly mayHold: boolean
  /** For how long it has been pending without a break. */
  readonly pendingMs: number
}

/** What Braze said of one profile. */
export interface Acknowledgement {
  readonly id: ProfileId
  /** The revision that was sent. */
  readonly revision: number
  /** Braze's words, when it refused this profile for good; null when it accepted. */
  readonly failure: string | null
  /**
   * Nothing was sent, since Braze was never told of what it should lose (`mayHold`): there is nothing to settle. The holder
   * of `DELIVERY_LEASE` that knows it; it counts only while that one has the lease.
   */
  readonly untold?: string | undefined
}

/** A profile, as far as what Braze should hold there. */
export interface KnownProfile {
  readonly id: ProfileId
  readonly address: Address
  /** The LINE user id that it should hold; null: none. */
  readonly value: string | null
  /** Of an alias profile: the customer to whom the contact is linked, if it is. The alias may have become part of them. */
  readonly linkedTo: string | null
  /** Whether Braze rejected its newest state. */
  readonly failed: boolean
  /** Whether nothing about it waits to be sent, and what was sent last has had its settle pause. */
  readonly settled: boolean
}

/** A customer of whom it is not known whether Braze knows them. */
export interface UncheckedCustomer {
  readonly id: ProfileId
  readonly channel: string
  readonly externalId: string
  /** How often in a row Braze did not know them. */
  readonly tries: number
}

export interface CustomerCheck {
  readonly id: ProfileId
  /** Null: Braze knows the customer, or is believed to. Else how long to wait before it is asked again. */
  readonly againMs: number | null
}

/** What is to be done with the alias profile of a linked contact, which has lost its user id. */
export type MergeAction =
  /** Hand it over to the customer, `POST /users/identify`. */
  | 'identify'
  /** Look up what became of it. */
  | 'look'
  /** Free the alias, `POST /users/alias/update`: the contact is no longer linked, and is to have an alias profile again. */
  | 'rename'

export interface DueMerge {
  readonly id: ProfileId
  readonly channel: string
  readonly userId: string
  /** To whom it is, or was, handed over. */
  readonly externalId: string
  readonly action: MergeAction
  /** How often in a row this has been tried. */
  readonly tries: number
}

/**
 * What came of it. `again`: the same is tried later; after `look` it is handed over again. `asked`: it is about to be handed
 * over, and is looked up later: to be stored before the request leaves, since from then on the alias may be part of the
 * customer's profile. `merged`, `left` (alone, as it was) and `unknown` are what became of it; `renamed`: the alias is free.
 */
export interface MergeStep {
  readonly id: ProfileId
  readonly action: MergeAction
  readonly outcome: 'again' | 'asked' | 'merged' | 'left' | 'unknown' | 'renamed'
  /** For `again` and `asked`: when there is something to do again. For `renamed`: when the alias may be written. */
  readonly restMs: number
}
