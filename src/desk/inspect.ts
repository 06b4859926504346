import { type ContactKey, isReachable, type Status } from '../contact/contact.ts'
import type { Address } from '../contact/profile.ts'
import type { Forgetting, Ledger, Person, PersonMerge, PersonProfile } from '../ledger/ledger.ts'
import { type DeliveryLedger, whoDelivers } from './delivery.ts'
import { type NextOptions, nextOf } from './next.ts'
import { type Why, type WhyOptions, whyOf } from './why.ts'
import { isoOf } from './words.ts'

/** All that is known of one person, for people and machines. Moments are ISO 8601; null: never, or not at all. */
export interface Inspection extends ContactKey, Why {
  readonly status: Status
  readonly reachable: boolean
  readonly friendAt: string | null
  readonly messagedAt: string | null
  readonly goneAt: string | null
  readonly externalId: string | null
  readonly linkedAt: string | null
  /** Whether the link counts: Braze is known to hold the customer. Null: there is none. */
  readonly linkCounts: boolean | null
  readonly origins: Origins
  /** The alias profile, and those of the customers whom the link names and between whom the user id moves. */
  readonly profiles: readonly InspectedProfile[]
  readonly merge: InspectedMerge | null
  /** That they are to be forgotten, and are not erased yet; `problem`: what a person has to mend first. */
  readonly forgetting: InspectedForgetting | null
  /** What will happen if nothing new is learnt, in sentences. */
  readonly next: readonly string[]
}

/** What each moment came from; null: there is none. A link that was not imported, or can't be told to be, is `unknown`. */
export interface Origins {
  readonly friendAt: 'webhook' | 'list' | null
  readonly messagedAt: 'webhook' | null
  readonly goneAt: 'webhook' | 'absence' | null
  readonly linkedAt: 'import' | 'unknown' | null
}

export interface InspectedProfile {
  readonly address: Address
  /** The LINE user id that Braze should hold there; null: none. */
  readonly value: string | null
  /** Whether Braze has accepted that, or never had to be told. */
  readonly accepted: boolean
  /** Braze's words, where it rejected that. */
  readonly failure: string | null
  readonly revision: number
  readonly acceptedRevision: number
  readonly pendingSince: string | null
  /** When the next write may leave; null: none waits. */
  readonly dueAt: string | null
  /** When what was sent last has settled; null: something waits, or nothing was ever accepted. */
  readonly settledAt: string | null
  /** Of a customer: whether Braze is known to hold it, when it is asked, and how often in a row it did not know. */
  readonly isKnown: boolean | null
  readonly checkAt: string | null
  readonly checks: number | null
}

export interface InspectedMerge extends Omit<PersonMerge, 'restMs'> {
  readonly dueAt: string | null
}

export interface InspectedForgetting extends Pick<Forgetting, 'receipt' | 'state' | 'problem'> {
  readonly forgottenAt: string
}

export type InspectLedger = DeliveryLedger & Pick<Ledger, 'person' | 'forgettings'>

export interface InspectOptions
  extends Omit<WhyOptions, 'forgetting'>,
    Omit<NextOptions, 'delivery' | 'forgetting'> {
  readonly ledger: InspectLedger
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/** All that is known of a person; null: nothing. Changes nothing. */
export async function inspect(key: ContactKey, options: InspectOptions): Promise<Inspection | null> {
  const { ledger, clock = Date.now } = options
  const { channel, userId } = key
  const [person, delivery, forgettings] = await Promise.all([
    ledger.person(key),
    whoDelivers(ledger),
    ledger.forgettings(channel, { userId }),
  ])
  const forgetting = forgettings.find(({ state }) => state !== 'done') ?? null
  return person && inspectionOf(person, { ...options, delivery, forgetting }, clock())
}

/** @param now milliseconds since 1970 */
export function inspectionOf(person: Person, options: WhyOptions & NextOptions, now: number): Inspection {
  const { channel, userId, status, externalId, linkedAt, target, merge } = person
  return {
    userId,
    channel,
    ...whyOf(person, options),
    status,
    reachable: isReachable(person),
    friendAt: momentOrNull(person.friendAt),
    messagedAt: momentOrNull(person.messagedAt),
    goneAt: momentOrNull(person.goneAt),
    externalId,
    linkedAt: momentOrNull(linkedAt),
    linkCounts: externalId === null ? null : target === externalId,
    origins: originsOf(person),
    profiles: profilesOf(person, now),
    merge: merge && mergeOf(merge, now),
    forgetting: options.forgetting ? forgettingOf(options.forgetting) : null,
    next: nextOf(person, options),
  }
}

const momentOrNull = (at: number) => (at === 0 ? null : isoOf(at))

const originsOf = (person: Person): Origins => ({
  friendAt: person.friendAt === 0 ? null : person.isListed ? 'list' : 'webhook',
  messagedAt: person.messagedAt === 0 ? null : 'webhook',
  goneAt: person.goneAt === 0 ? null : person.isAbsent ? 'absence' : 'webhook',
  linkedAt: person.linkedAt === 0 ? null : person.isImported ? 'import' : 'unknown',
})

function profilesOf({ userId, alias, customers }: Person, now: number): InspectedProfile[] {
  return [
    { address: { userId }, ...stateOf(alias, now), isKnown: null, checkAt: null, checks: null },
    ...customers.map(({ externalId, isKnown, checkMs, tries, ...profile }) => ({
      address: { externalId },
      ...stateOf(profile, now),
      isKnown,
      checkAt: checkMs === null ? null : isoOf(now + checkMs),
      checks: tries,
    })),
  ]
}

function stateOf({ value, revision, accepted, failure, pendingMs, restMs }: PersonProfile, now: number) {
  return {
    value,
    accepted: revision === accepted,
    failure,
    revision,
    acceptedRevision: accepted,
    pendingSince: pendingMs === null ? null : isoOf(now - pendingMs),
    dueAt: pendingMs === null ? null : isoOf(now + restMs),
    settledAt: pendingMs === null && accepted > 0 ? isoOf(now + restMs) : null,
  }
}

const mergeOf = ({ restMs, ...merge }: PersonMerge, now: number): InspectedMerge => ({
  ...merge,
  dueAt: merge.action === null ? null : isoOf(now + restMs),
})

const forgettingOf = ({ receipt, state, forgottenAt, problem }: Forgetting): InspectedForgetting => ({
  receipt,
  state,
  forgottenAt: isoOf(forgottenAt),
  problem,
})
