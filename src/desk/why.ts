import { isReachable } from '../contact/contact.ts'
import type { Forgetting, Person, PersonCustomer, PersonProfile } from '../ledger/ledger.ts'
import { momentOf, spanOf } from './words.ts'

/** Whether a person is in the segment "the attribute is not blank". */
export type Membership = 'yes' | 'no' | 'not yet' | 'perhaps'

export interface Why {
  readonly inSegment: Membership
  /** Begins with that. */
  readonly why: string
}

export interface WhyOptions {
  /** Whether somebody reachable whom Braze does not know gets a profile. */
  readonly makesProfiles: boolean
  /** That they are to be forgotten, and are not erased yet. */
  readonly forgetting?: Forgetting | null
}

/** Why a person is in the segment or not, as far as the ledger knows: what should be so, and what Braze has accepted of it. */
export function whyOf(person: Person, options: WhyOptions): Why {
  if (!isReachable(person)) return whyGone(person, options)
  if (person.customer !== person.target) return whyOnTheMove(person)
  const customer = customerOf(person, person.customer)
  return customer ? whyAtCustomer(person, customer) : whyAtAlias(person, options)
}

export const customerOf = ({ customers }: Person, externalId: string | null) =>
  customers.find((customer) => customer.externalId === externalId)

export const ALIAS = 'the alias profile'
export const profileOf = (externalId: string | null) =>
  externalId === null ? ALIAS : `the profile of customer ${externalId}`

function whyGone(person: Person, { forgetting }: WhyOptions): Why {
  const reason = forgetting
    ? `they asked to be forgotten at ${momentOf(forgetting.forgottenAt)}`
    : goneReason(person)
  const place = customerOf(person, person.customer) ?? person.alias
  const name = profileOf(person.customer)
  if (place.failure !== null)
    return perhaps(` still: ${reason}, but Braze rejected to clear ${name}: ${words(place.failure)}`)
  if (place.pendingMs !== null)
    return perhaps(` still: ${reason}, and Braze has not accepted that yet, ${since(place.pendingMs)}`)
  return no(`${reason}, and Braze has accepted that, or never had to be told`)
}

function goneReason({ friendAt, messagedAt, goneAt, isAbsent, alias, linkedAt }: Person): string {
  if (goneAt > 0 && isAbsent) return `they are not on LINE's follower list of ${momentOf(goneAt)}`
  if (goneAt > 0 && goneAt === Math.max(friendAt, messagedAt))
    return `they were seen to come and to go at one moment, ${momentOf(goneAt)}, which counts as gone`
  if (goneAt > 0) return `they blocked the account at ${momentOf(goneAt)}`
  return alias.revision > 0 || linkedAt === 0
    ? 'they have not followed, and wrote longer ago than MESSAGER_WINDOW_DAYS allows'
    : 'nobody has seen them follow or write; only a link is known'
}

/** One profile has to lose the user id before another one gains it. */
function whyOnTheMove(person: Person): Why {
  const { customer, target, merge } = person
  const [from, to] = [profileOf(customer), profileOf(target)]
  const loses = customerOf(person, customer) ?? person.alias
  const move = `the user id moves from ${from} to ${to}`
  if (loses.failure !== null)
    return perhaps(
      ` in the wrong place: ${move}, but Braze rejected to clear the former: ${words(loses.failure)}`,
    )
  if (loses.pendingMs !== null)
    return perhaps(` in the former place: ${move}, and Braze has not cleared that one yet`)
  return merge?.action === 'rename'
    ? notYet(`${move}, but the alias has become part of the customer's profile and is to be freed first`)
    : notYet(`${move}, and the latter is written once the former has settled`)
}

function whyAtCustomer({ userId }: Person, customer: PersonCustomer): Why {
  const name = profileOf(customer.externalId)
  if (customer.value === null) return notYet(`it is being worked out what ${name} is to hold`)
  if (customer.value !== userId)
    return no(`${name} holds another LINE account of theirs, whose link is newer`)
  return whyHeld(customer, name)
}

function whyAtAlias(person: Person, { makesProfiles }: WhyOptions): Why {
  const { alias, externalId } = person
  const link = customerOf(person, externalId)
  if (alias.pendingMs !== null && alias.restMs > 0 && link && !link.isKnown && link.tries === 0)
    return notYet(`Braze is asked first whether it knows customer ${externalId}`)
  const unknown = link && !link.isKnown ? `; ${atAliasUntil(link)}` : ''
  const held = whyHeld(alias, ALIAS, unknown)
  if (held.inSegment !== 'yes' || makesProfiles) return held
  return perhaps(
    `: only if Braze has a profile with their alias, since BRAZE_CREATE_PROFILES is false and none is made`,
  )
}

const atAliasUntil = ({ tries, externalId }: PersonCustomer) =>
  tries > 0
    ? `it belongs there as long as Braze does not know customer ${externalId}`
    : `it belongs there until Braze says that it knows customer ${externalId}`

/** @param more why it is this profile */
function whyHeld({ failure, accepted, pendingMs }: PersonProfile, name: string, more = ''): Why {
  if (failure !== null) {
    const rejected = `Braze rejected the user id for ${name}: ${words(failure)}`
    return accepted === 0 ? no(rejected) : perhaps(` as before: ${rejected}`)
  }
  return pendingMs === null
    ? yes(`Braze has accepted the user id for ${name}${more}`)
    : notYet(`Braze has not accepted the user id for ${name} yet, ${since(pendingMs)}${more}`)
}

const yes = (reason: string): Why => ({ inSegment: 'yes', why: `Yes: ${reason}.` })
const no = (reason: string): Why => ({ inSegment: 'no', why: `No: ${reason}.` })
const notYet = (reason: string): Why => ({ inSegment: 'not yet', why: `Not yet: ${reason}.` })
/** @param reason goes on after that word */
const perhaps = (reason: string): Why => ({ inSegment: 'perhaps', why: `Perhaps${reason}.` })

const since = (ms: number) => `which has waited for ${spanOf(ms)}`
const words = (failure: string) => failure.replace(/\.$/, '')
