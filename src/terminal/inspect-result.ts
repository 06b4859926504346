import type { Status } from '../contact/contact.ts'
import type { Address } from '../contact/profile.ts'
import type { InspectedProfile, Inspection, Origins } from '../desk/inspect.ts'
import type { Forgetting } from '../ledger/ledger.ts'
import type { Held } from '../verify/held.ts'
import type { Report } from './report.ts'

/** One person, and what Braze holds at each of the profiles, in their order; null: it was not asked. */
export interface Inspected {
  readonly inspection: Inspection
  readonly held: readonly Held[] | null
}

export function reportOfPeople(people: readonly Inspected[]): Report {
  const results = people.map(resultOf)
  const [only] = results
  return {
    result: only && results.length === 1 ? only : { ...only, contacts: results },
    text: people.map(textOf).join('\n\n'),
    interrupted: 'Interrupted; nothing was changed.',
  }
}

const resultOf = ({ inspection, held }: Inspected) =>
  held
    ? {
        ...inspection,
        profiles: inspection.profiles.map((profile, place) => ({ ...profile, braze: held[place] ?? null })),
      }
    : inspection

const LABEL_CELLS = 12

const row = (label: string, text: string) => `  ${label.padEnd(LABEL_CELLS)}${text}`

function textOf({ inspection, held }: Inspected): string {
  const { why, userId, channel, status, profiles, next } = inspection
  return [
    why,
    '',
    `${userId}, channel ${channel}: ${STATUS_WORDS[status]}`,
    ...timesOf(inspection),
    row('customer', customerOf(inspection)),
    '',
    'Profiles in Braze:',
    ...profiles.flatMap((profile, place) => profileLines(profile, inspection, held?.[place])),
    ...mergeLines(inspection),
    '',
    'What happens next:',
    ...next.map((sentence) => `  ${sentence}`),
  ].join('\n')
}

const STATUS_WORDS: Readonly<Record<Status, string>> = {
  friend: 'a friend, who can be reached',
  messager: 'wrote without following, and can be reached',
  gone: 'cannot be reached',
}

const ORIGIN_WORDS: Readonly<Record<NonNullable<Origins[keyof Origins]>, string>> = {
  webhook: 'said a webhook',
  list: "on LINE's follower list of then",
  absence: "missing from LINE's follower list of then",
  import: 'by links import',
  unknown: 'by the API, a log-in, or an import',
}

function timesOf({ friendAt, messagedAt, goneAt, origins }: Inspection): string[] {
  const said = (at: string | null, origin: Origins[keyof Origins]) =>
    at === null ? 'never, as far as is known' : `${shown(at)}, ${ORIGIN_WORDS[origin ?? 'webhook']}`
  return [
    row('followed', said(friendAt, origins.friendAt)),
    row('wrote', said(messagedAt, origins.messagedAt)),
    row('gone', said(goneAt, origins.goneAt)),
  ]
}

function customerOf({ externalId, linkedAt, linkCounts, origins }: Inspection): string {
  if (linkedAt === null) return 'not linked to any'
  const since = `since ${shown(linkedAt)}, ${ORIGIN_WORDS[origins.linkedAt ?? 'unknown']}`
  if (externalId === null) return `not linked to any any more, ${since}`
  return `${externalId}, ${since}${linkCounts ? '' : '; it does not count yet'}`
}

const nameOf = (address: Address) => ('userId' in address ? 'alias' : `customer ${address.externalId}`)

function profileLines(profile: InspectedProfile, { userId }: Inspection, held: Held | undefined): string[] {
  const { address, value } = profile
  const holds = (what: unknown) =>
    what === null ? 'nothing' : what === userId ? 'the user id' : String(what)
  const lines = [`  ${nameOf(address)}: should hold ${holds(value)}; ${stateOf(profile)}`]
  if (!held) return lines
  const whose =
    'userId' in address && held.externalId !== null ? `, in the profile of customer ${held.externalId}` : ''
  return [
    ...lines,
    `    Braze now: ${held.isKnown ? `holds ${holds(held.value)}${whose}` : 'has no such profile'}`,
  ]
}

function stateOf(profile: InspectedProfile): string {
  const { accepted, acceptedRevision, failure, pendingSince, settledAt, revision } = profile
  if (failure !== null) return `Braze rejected that (change ${revision}): ${failure}`
  if (pendingSince !== null)
    return `waits since ${shown(pendingSince)} (change ${revision}, of which Braze has accepted ${acceptedRevision})`
  if (accepted && settledAt !== null)
    return `Braze has accepted that (change ${revision}); settled ${shown(settledAt)}`
  return 'Braze never had to be told'
}

function mergeLines({ merge }: Inspection): string[] {
  if (!merge) return []
  const { externalId, outcome, isAsked } = merge
  // Whether it will be is a matter of the settings, and said below where they want it.
  if (outcome === null && !isAsked) return []
  const words = {
    merged: `has become part of the profile of customer ${externalId}`,
    left: `was left alone when it was to be merged into the profile of customer ${externalId}`,
    unknown: `was handed over to customer ${externalId}; what became of it can't be told`,
  }
  const unknown = `was handed over to customer ${externalId}; it is not known yet what became of it`
  return [`  The alias profile ${outcome === null ? unknown : words[outcome]}.`]
}

const shown = (iso: string) => iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')

/** Why nothing is known of somebody. */
export const forgottenBy = ({ receipt, channel, endsAt }: Forgetting): string =>
  `Whoever had that user id in the channel ${channel} asked to be forgotten, and is (receipt ${receipt}): nothing is known of them, and unless they follow anew ${endsAt === null ? 'nothing is learnt' : `nothing is learnt until ${shown(new Date(endsAt).toISOString())}`}.`
