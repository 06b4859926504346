import type { ContactKey } from '../contact/contact.ts'
import { momentOf } from '../desk/words.ts'
import type { Forgetting } from '../ledger/ledger.ts'
import { many } from './numbers.ts'
import type { End, Report } from './report.ts'

/** Somebody who is to be forgotten, as the ledger said it last. */
export interface ForgottenPerson {
  readonly key: ContactKey
  last: Forgetting
  /** They have followed anew, and are somebody new. */
  isBack: boolean
}

export interface ForgetProgress {
  readonly people: ForgottenPerson[]
  isUnknown: boolean
}

export const UNKNOWN = 'Nothing is known of this person, and nothing was done.'

/** What it is about to do. */
export function costOf(found: readonly { readonly key: ContactKey }[], deletesProfile: boolean): string {
  const channels = [...new Set(found.map(({ key }) => key.channel))].join(', ')
  const profile = deletesProfile ? ', and deletes their profile there, unless it is a customer’s' : ''
  return `This erases ${many(found.length, 'contact')} (channel ${channels}) for good, and clears what Braze holds of them${profile}.`
}

export function reportOf(end: End, progress: ForgetProgress): Report {
  const { people } = progress
  return {
    result: { status: statusOf(end, progress), contacts: people.map(receiptOf) },
    text: end === 'done' ? people.map(lineOf).join('\n') : '',
    interrupted:
      people.length === 0
        ? 'Interrupted; nothing was changed.'
        : 'Interrupted: they are ignored from now on, and not erased yet. A server goes on with it, or the same command.',
  }
}

function statusOf(end: End, { people, isUnknown }: ForgetProgress) {
  if (isUnknown) return 'unknown'
  if (end !== 'done') return end
  return people.every((person) => person.isBack) ? 'returned' : 'forgotten'
}

/** Names nobody. */
function receiptOf({ key: { channel }, last, isBack }: ForgottenPerson) {
  const { receipt, state, profile, forgottenAt, endsAt } = last
  return {
    channel,
    receipt,
    status: isBack ? 'returned' : state === 'done' ? 'forgotten' : 'forgetting',
    profile,
    forgottenAt: written(forgottenAt),
    endsAt: endsAt === null ? null : written(endsAt),
  }
}

function lineOf(person: ForgottenPerson): string {
  const { channel, receipt, status, profile } = receiptOf(person)
  const { endsAt } = person.last
  if (status === 'returned')
    return `${channel}: they have followed anew meanwhile, and are somebody new. Receipt ${receipt}.`
  return `${channel}: forgotten, receipt ${receipt}. ${PROFILES[profile ?? 'none']} Late news of them is ignored until ${momentOf(endsAt ?? 0)}; whom LINE still lists as a friend then, a backfill brings back.`
}

const PROFILES = {
  deleted: 'Braze has deleted the profile.',
  kept: 'The profile in Braze stays, without the attribute.',
  none: 'Braze has no profile of theirs.',
}

const written = (moment: number) => new Date(moment).toISOString()
