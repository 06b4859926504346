import type { Place } from '../braze/attributes.ts'
import { MAX_EXPORTS, type Profiles } from '../braze/export.ts'
import type { KnownProfile, Ledger, ProfileId } from '../ledger/ledger.ts'

/**
 * How Braze differs from the ledger about one profile. `leftover`: the alias profile of somebody who is linked has the
 * attribute beside the customer's, so that every message arrives twice.
 */
export const DIFFERENCES = ['leftover', 'unknown', 'missing', 'wrong', 'stale'] as const
export type Difference = (typeof DIFFERENCES)[number]

/** How far a comparison has come. */
export type Comparison = ReturnType<typeof newComparison>

export const newComparison = () => ({
  /** Profiles that were compared. */
  checked: 0,
  agree: 0,
  leftover: 0,
  unknown: 0,
  missing: 0,
  wrong: 0,
  stale: 0,
  /** Profiles that were left out, since something about them is on its way to Braze. */
  waiting: 0,
})

export interface VerifyOptions {
  readonly ledger: Pick<Ledger, 'profiles' | 'lookUp'>
  /** What Braze knows of at most 50 profiles. */
  readonly ask: (places: readonly Place[]) => Promise<Profiles>
  readonly channel: string
  /** How many profiles there are, and how many of them to compare, taken at random. */
  readonly total: number
  readonly sample: number
  /** Whether a reachable person whom nobody knows should have a profile. */
  readonly createProfiles: boolean
  /** Counts what is found, as soon as it is. */
  readonly comparison: Comparison
  /** Told after each request which profiles differ. */
  readonly onDiffering: (found: readonly Found[]) => unknown
  readonly random?: () => number
}

export interface Found {
  readonly id: ProfileId
  readonly difference: Difference
  /** Whether it is a customer's profile. */
  readonly isCustomer: boolean
}

/** Compares profiles of the ledger, or as many of them as `sample` says, with what Braze holds. */
export async function verify(options: VerifyOptions) {
  const { ledger, ask, channel, createProfiles, comparison, onDiffering } = options
  const placeOf = ({ address }: KnownProfile) => ({ channel, address })

  async function compare(known: readonly KnownProfile[]) {
    const profiles = await ask(known.map(placeOf))
    const found: Found[] = []
    for (const profile of known) {
      const difference = await differenceOf(profile, profiles)
      // It may have changed while Braze was asked.
      if (difference && !(await isAsBefore(profile))) {
        comparison.waiting += 1
        continue
      }
      comparison.checked += 1
      comparison[difference ?? 'agree'] += 1
      if (difference) found.push({ id: profile.id, difference, isCustomer: 'externalId' in profile.address })
    }
    if (found.length > 0) await onDiffering(found)
  }

  async function differenceOf(profile: KnownProfile, profiles: Profiles): Promise<Difference | null> {
    const place = placeOf(profile)
    // An external id that Braze has renamed leads to a profile with another one, and shows where it is asked for alone.
    const known = profiles.knows(place) === undefined ? await ask([place]) : profiles
    const there = known.at(place)
    const isCustomer = 'externalId' in profile.address
    if (!there) return unknownIsWrong(profile, known.knows(place) === true, isCustomer) ? 'unknown' : null
    // The alias has become part of the customer's profile, which is compared by itself.
    if (profile.linkedTo !== null && there.externalId === profile.linkedTo) return null
    return compareValues(profile, there.valueIn(channel))
  }

  const unknownIsWrong = ({ value }: KnownProfile, isKnown: boolean, isCustomer: boolean) =>
    value !== null && !isKnown && (isCustomer || createProfiles)

  async function isAsBefore({ id, value }: KnownProfile): Promise<boolean> {
    const [now] = await ledger.lookUp([id])
    return now?.settled === true && now.value === value
  }

  let batch: KnownProfile[] = []
  for await (const profile of chosen(options)) {
    if (!profile.settled) {
      comparison.waiting += 1
      continue
    }
    if (batch.push(profile) < MAX_EXPORTS) continue
    await compare(batch)
    batch = []
  }
  if (batch.length > 0) await compare(batch)
}

/** Each profile with the same chance, in the order of their ids: as many are left to choose, of as many as are left. */
async function* chosen({ ledger, channel, total, sample, random = Math.random }: VerifyOptions) {
  let left = total
  let wanted = Math.min(sample, total)
  for await (const page of ledger.profiles(channel)) {
    for (const profile of page) {
      if (wanted > 0 && random() * left < wanted) {
        wanted -= 1
        yield profile
      }
      left -= 1
    }
    if (wanted === 0) return
  }
}

/** `null` and the empty text are blank too: a segment "is not blank" leaves them out. */
const isBlank = (value: unknown) => value === undefined || value === null || value === ''

function compareValues({ value: right, linkedTo }: KnownProfile, value: unknown): Difference | null {
  if (right === null) return isBlank(value) ? null : linkedTo === null ? 'stale' : 'leftover'
  if (value === right) return null
  return isBlank(value) ? 'missing' : 'wrong'
}
