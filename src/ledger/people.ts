import type { ContactKey, Status, Times } from '../contact/contact.ts'
import type { Link } from '../contact/link.ts'
import type { Address } from '../contact/profile.ts'
import type { MergeAction, MergeStep, ProfileId } from './profiles.ts'

/** All that is stored of a contact. Durations are from now on: below 0 what is over. */
export interface Person extends ContactKey, Times, Link {
  readonly status: Status
  /** `friendAt` is the date of a follower list. */
  readonly isListed: boolean
  /** `goneAt` is the date of a complete follower list, on which the contact was missing. */
  readonly isAbsent: boolean
  /** The link came with `links import`; false: from elsewhere, or it can't be told any more. */
  readonly isImported: boolean
  readonly alias: PersonProfile
  /** The customers that the link names and between whose profiles the user id moves, by their external ids. */
  readonly customers: readonly PersonCustomer[]
  /** The customer whose profile should have the user id, by a link that counts; null: the alias profile should. */
  readonly target: string | null
  /** The customer whose profile may have it; null: the alias profile may. Where the two differ it is on the move. */
  readonly customer: string | null
  readonly merge: PersonMerge | null
}

/** How far Braze has been told of a profile. */
export interface PersonProfile {
  /** The LINE user id that it should hold; null: none. */
  readonly value: string | null
  readonly revision: number
  /** The newest revision that Braze has accepted; 0: none. */
  readonly accepted: number
  /** Braze's words, where it rejected the newest revision. */
  readonly failure: string | null
  /** For how long it has been pending without a break; null: nothing is. */
  readonly pendingMs: number | null
  /** Until the next write may leave: what was sent last has settled then. */
  readonly restMs: number
}

export interface PersonCustomer extends PersonProfile {
  readonly externalId: string
  /** Links to it count. */
  readonly isKnown: boolean
  /** Until Braze is asked for it (again); null: it is not. */
  readonly checkMs: number | null
  /** How often in a row Braze did not know it. */
  readonly tries: number
}

/** What becomes of the alias profile, see `DueMerge` and `MergeStep`. */
export interface PersonMerge {
  /** To whom it is, or was, handed over. */
  readonly externalId: string
  /** Null: nothing is to be done any more. */
  readonly action: MergeAction | null
  /** It was handed over, or may have been: the alias may be the customer's. */
  readonly isAsked: boolean
  /** Null: not known yet. */
  readonly outcome: Extract<MergeStep['outcome'], 'merged' | 'left' | 'unknown'> | null
  readonly restMs: number
}

/** A profile whose newest state Braze rejected. */
export interface Failure {
  readonly id: ProfileId
  readonly channel: string
  readonly address: Address
  /** The LINE user id that it is about; null: of a customer's that should hold none. */
  readonly userId: string | null
  /** Braze's words. */
  readonly failure: string
}
