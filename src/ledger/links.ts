import type { ContactKey, Status } from '../contact/contact.ts'
import type { Link } from '../contact/link.ts'
import type { ProfileId } from './profiles.ts'

/** What somebody says about which customer a contact is. */
export interface LinkEvidence extends ContactKey, Pick<Link, 'externalId'> {
  /** Null: now, and later than anything that is stored of this contact, so that of two requests the later one counts. */
  readonly linkedAt: number | null
}

/** Who somebody is, as far as is known. */
export interface KnownContact extends Link {
  /** Of its alias profile. */
  readonly id: ProfileId
  readonly userId: string
  readonly status: Status
}

/** What is stored of a contact's link. */
export interface StoredLink extends ContactKey, Link {
  /** `unchanged`: it was so before, or something newer is known. `forgotten`: they asked for that, and nothing is stored. */
  readonly outcome: 'linked' | 'unlinked' | 'unchanged' | 'forgotten'
}

/** `used`: by another user. `unknown`: never made, or of another channel, or forgotten long after its end. */
export type Redemption = StoredLink['outcome'] | 'used' | 'unknown' | 'expired'
