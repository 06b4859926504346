import type { Forgetting, Person, PersonMerge, PersonProfile } from '../ledger/ledger.ts'
import { type Delivery, saidOf } from './delivery.ts'
import { ALIAS, profileOf } from './why.ts'
import { momentOf, spanOf } from './words.ts'

export interface NextOptions {
  readonly delivery: Delivery
  /** Whether emptied alias profiles are merged into the customers'. */
  readonly mergesProfiles: boolean
  /** For so long after the last message who only wrote counts as reachable; 0: for ever. */
  readonly messagerWindowMs: number
  /** That they are to be forgotten, and are not erased yet. */
  readonly forgetting?: Forgetting | null
}

/** What will happen about a person if nothing new is learnt, in sentences; one at least. */
export function nextOf(
  person: Person,
  { delivery, mergesProfiles, messagerWindowMs, forgetting = null }: NextOptions,
): string[] {
  const { alias, customers, merge, status, messagedAt } = person
  const places = [
    ...placeNext(ALIAS, alias),
    ...customers.flatMap((customer) => placeNext(profileOf(customer.externalId), customer)),
  ]
  const checks = customers.flatMap(({ externalId, checkMs, tries }) => {
    if (checkMs === null) return []
    const before = tries > 0 ? `, which it did not know ${tries === 1 ? 'once' : `${tries} times`}` : ''
    return [`Braze is asked ${soonOr(checkMs)} whether it knows customer ${externalId}${before}.`]
  })
  const merges = merge && mergesProfiles ? mergeNext(merge) : []
  const erases = forgetting ? erasingNext(forgetting) : []
  const waits = [...places.filter(({ isWaiting }) => isWaiting), ...checks, ...merges, ...erases].length > 0
  const lapses = status === 'messager' && messagerWindowMs > 0
  const all = [
    ...places.map(({ sentence }) => sentence),
    ...checks,
    ...merges,
    ...erases,
    ...(waits && delivery.state !== 'delivering' ? [saidOf(delivery)] : []),
    ...(lapses
      ? [
          `They have only written: unless they do so again, or follow, they count as gone from ${momentOf(messagedAt + messagerWindowMs)} on.`,
        ]
      : []),
  ]
  return all.length > 0 ? all : ['Nothing: there is nothing left to tell Braze.']
}

interface PlaceNext {
  readonly sentence: string
  /** For whoever delivers. */
  readonly isWaiting: boolean
}

function placeNext(name: string, { value, failure, pendingMs, restMs }: PersonProfile): PlaceNext[] {
  if (failure !== null)
    return [
      {
        sentence: `Of ${name} Braze is told nothing until something changes, or line-braze failed retry.`,
        isWaiting: false,
      },
    ]
  if (pendingMs === null) return []
  const what = value === null ? `to clear ${name}` : `to write the user id into ${name}`
  return [{ sentence: `Braze is told ${what}, ${soonOr(restMs)}.`, isWaiting: true }]
}

function mergeNext({ action, externalId, restMs }: PersonMerge): string[] {
  switch (action) {
    case 'identify':
      return [`The alias profile is merged into the profile of customer ${externalId}, ${soonOr(restMs)}.`]
    case 'look':
      return [`It is looked up what has become of the alias profile, ${soonOr(restMs)}.`]
    case 'rename':
      return [
        `The alias, which is part of the profile of customer ${externalId}, is freed ${soonOr(restMs)}.`,
      ]
    case null:
      return []
  }
}

const ERASED: Readonly<Record<Forgetting['state'], string>> = {
  clearing: 'They are erased here once Braze holds nothing of them any more, and that has settled',
  deleting: 'They are erased here once it is known that Braze has deleted the alias profile',
  erasing: 'What is left of them here is being wiped',
  done: 'They are erased here',
}

function erasingNext({ receipt, state, problem }: Forgetting): string[] {
  const trouble = problem === null ? [] : [`A person has to mend something first: ${problem}.`]
  return [`${ERASED[state]} (receipt ${receipt}).`, ...trouble]
}

const soonOr = (ms: number) => (ms > 0 ? `in ${spanOf(ms)} at the earliest` : 'as soon as it is their turn')
