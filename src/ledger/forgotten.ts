import { createHash, randomBytes } from 'node:crypto'
import type { ContactKey } from '../contact/contact.ts'

/** How far it has come with somebody who is to be forgotten. */
export interface Forgetting {
  /** Names this request, and nobody. */
  readonly receipt: string
  readonly channel: string
  /** Null once it is not known any more. */
  readonly userId: string | null
  /** `clearing`: Braze is told. `deleting`: it was asked to delete the profile. `erasing`: what is stored here goes. */
  readonly state: 'clearing' | 'deleting' | 'erasing' | 'done'
  /** What became of the alias profile at Braze; null: not known yet. `kept`: it was not to be deleted, or may be a customer's. */
  readonly profile: ProfileEnd | null
  /** A follow event that is newer ends it; milliseconds since 1970. */
  readonly forgottenAt: number
  /** Until when their news is ignored, once they are erased. */
  readonly endsAt: number | null
  /** Braze's words, where it rejects that it holds nothing of them any more. */
  readonly failure: string | null
  /** What else a person has to mend first, in a sentence. */
  readonly problem: string | null
}

export type ProfileEnd = 'deleted' | 'kept' | 'none'

/**
 * Somebody with whom something is to be done now: Braze holds nothing of them any more, and that has settled. Or they are back,
 * and Braze may have deleted the profile all the same: then by now it has.
 */
export interface DueForgetting extends Pick<Forgetting, 'receipt' | 'channel' | 'userId' | 'state'> {
  /** Whether the alias profile is to be deleted at Braze first. */
  readonly deletesProfile: boolean
  /** How often Braze was asked to delete it. */
  readonly tries: number
  /** They have followed anew: `erase` forgets that they were forgotten, and nothing else. */
  readonly isBack: boolean
}

export interface ForgettingStep {
  readonly receipt: string
  /** `deleting`: Braze is about to be asked, and nothing is written to the alias profile before the rest is over. */
  readonly state: 'clearing' | 'deleting'
  readonly restMs: number
  readonly problem: string | null
}

export interface ForgetHow {
  /** Whether the alias profile is to be deleted at Braze, where it is nobody's whom the brand knows. */
  readonly deletesProfile: boolean
  /** For how long their news is ignored after they were erased. */
  readonly lifeMs: number
}

/** How many people of a channel are being forgotten, and for how long the first of them. */
export interface BeingForgotten {
  readonly channel: string
  readonly count: number
  readonly oldestMs: number
}

export const newReceipt = () => randomBytes(12).toString('hex')
export const newKey = () => randomBytes(32).toString('hex')

/** The same in SQL: postgres/forgotten.ts. */
export const hashOf = (key: string, { channel, userId }: ContactKey) =>
  createHash('sha256').update(`${key}${channel}\n${userId}`).digest('hex')
