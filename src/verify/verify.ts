import type { Place } from '../braze/attributes.ts'
import { MAX_EXPORTS, type Profiles } from '../braze/export.ts'
import type { KnownProfile, Ledger, ProfileId } from '../ledger/ledger.ts'

/** How Braze differs from the ledger about one contact. */
export const DIFFERENCES = ['unknown', 'missing', 'wrong', 'stale'] as const
export type Difference = (typeof DIFFERENCES)[number]

/** How far a comparison has come. */
export type Comparison = ReturnType<typeof newComparison>

export const newComparison = () => ({
  /** Contacts that were compared. */
  checked: 0,
  agree: 0,
  unknown: 0,
  missing: 0,
  wrong: 0,
  stale: 0,
  /** Contacts that were left out, since something about them is on its way to Braze. */
  waiting: 0,
})

export interface VerifyOptions {
  readonly ledger: Pick<Ledger, 'profiles' | 'lookUp'>
  /** What Braze knows of at most 50 profiles. */
  readonly ask: (places: readonly Place[]) => Promise<Profiles>
  readonly channel: string
  /** How many contacts there are, and how many of them to compare, taken at random. */
  readonly total: number
  readonly sample: number
  /** Whether a reachable person unknown to Braze should have a profile. */
  readonly createProfiles: boolean
  /** Counts what is found, as soon as it is. */
  readonly comparison: Comparison
  /** Told after each request the ids of contacts that differ. */
  readonly onDiffering: (ids: readonly ProfileId[]) => unknown
  readonly random?: () => number
}

/** Compares contacts of the ledger, or as many of them as `sample` says, with what Braze holds. */
export async function verify(options: VerifyOptions) {
  const { ledger, ask, channel, createProfiles, comparison, onDiffering } = options

  async function compare(contacts: readonly KnownProfile[]) {
    const placeOf = ({ address }: KnownProfile) => ({ channel, address })
    const profiles = await ask(contacts.map(placeOf))
    const differing: ProfileId[] = []
    for (const contact of contacts) {
      const value = profiles.at(placeOf(contact))?.valueIn(channel)
      const difference = differenceOf(contact, value, createProfiles)
      // It may have changed while Braze was asked.
      if (difference && !(await isAsBefore(contact))) {
        comparison.waiting += 1
        continue
      }
      comparison.checked += 1
      comparison[difference ?? 'agree'] += 1
      if (difference) differing.push(contact.id)
    }
    if (differing.length > 0) await onDiffering(differing)
  }

  async function isAsBefore({ id, value }: KnownProfile): Promise<boolean> {
    const [now] = await ledger.lookUp([id])
    return now?.settled === true && now.value === value
  }

  let batch: KnownProfile[] = []
  for await (const contact of chosen(options)) {
    if (!contact.settled) {
      comparison.waiting += 1
      continue
    }
    if (batch.push(contact) < MAX_EXPORTS) continue
    await compare(batch)
    batch = []
  }
  if (batch.length > 0) await compare(batch)
}

/** Each contact with the same chance, in the order of their ids: as many are left to choose, of as many as are left. */
async function* chosen({ ledger, channel, total, sample, random = Math.random }: VerifyOptions) {
  let left = total
  let wanted = Math.min(sample, total)
  for await (const page of ledger.profiles(channel)) {
    for (const contact of page) {
      if (wanted > 0 && random() * left < wanted) {
        wanted -= 1
        yield contact
      }
      left -= 1
    }
    if (wanted === 0) return
  }
}

/** `null` and the empty text are blank too: a segment "is not blank" leaves them out. */
const isBlank = (value: unknown) => value === undefined || value === null || value === ''

const userIdOf = ({ address }: KnownProfile) => ('userId' in address ? address.userId : address.externalId)

/** @param value undefined where Braze knows no such profile */
function differenceOf(profile: KnownProfile, value: unknown, createProfiles: boolean): Difference | null {
  const userId = userIdOf(profile)
  if (profile.value === null) return isBlank(value) ? null : 'stale'
  if (value === userId) return null
  if (value === undefined) return createProfiles ? 'unknown' : null
  return isBlank(value) ? 'missing' : 'wrong'
}
