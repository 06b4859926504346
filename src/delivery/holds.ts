import type { Place, Write } from '../braze/attributes.ts'
import type { Acknowledgement, DueProfile, ProfileId } from '../ledger/ledger.ts'
import type { DeliveryMeans } from './means.ts'
import { createRests } from './rests.ts'

/** What keeps one profile back, and in what company it may travel. */
interface Hold {
  /**
   * What the ledger named before this moment may not be sent; infinite while a request is under way and until what Braze
   * said is stored. So it does not matter how old an answer of the ledger is when it arrives.
   */
  until: number
  /** The largest batch to travel in, since one that was larger failed; infinite for everybody else. */
  size: number
  /** How often in a row Braze has failed over this profile alone. */
  stumbles: number
  /** A write of unknown fate: until `settledAt` it may still be under way, and only the same may be sent. */
  doubted: Write | null
  settledAt: number
}

type Batch = readonly DueProfile[]

const ANY_SIZE = Number.POSITIVE_INFINITY
const UNDER_WAY = Number.POSITIVE_INFINITY

export interface HoldsOptions extends Pick<DeliveryMeans, 'settleMs' | 'monotonic'> {
  readonly braze: Pick<DeliveryMeans['braze'], 'profileOf' | 'isShared'>
  /** Whether profiles are also handed over in requests of which the ledger keeps no pause. */
  readonly mergeProfiles: boolean
}

/**
 * What may be sent when: one hold for each profile, since two channels of one LINE user, or of one customer, are one profile
 * at Braze. A profile without a hold is free.
 */
export function createHolds({ braze, settleMs, mergeProfiles, monotonic }: HoldsOptions) {
  const holds = new Map<string, Hold>()
  /** To whom a write of unknown fate was sent, and Braze has accepted nothing that the ledger knows of since. */
  const told = new Set<ProfileId>()
  const hasOthers = braze.isShared || mergeProfiles
  const rests = createRests({ restMs: settleMs, monotonic })
  const keyOf = braze.profileOf

  function holdOf(place: Place): Hold {
    const key = keyOf(place)
    const known = holds.get(key)
    if (known) return known
    const hold = { until: 0, size: ANY_SIZE, stumbles: 0, doubted: null, settledAt: 0 }
    holds.set(key, hold)
    return hold
  }
  function change(batch: Batch, to: (profile: DueProfile) => Partial<Hold>) {
    for (const profile of batch) Object.assign(holdOf(profile), to(profile))
  }
  /** Whether the profile, as the ledger named it when it was asked at `readAt`, may be sent. */
  function isFree(profile: DueProfile, readAt: number): boolean {
    const key = keyOf(profile)
    const hold = holds.get(key)
    if (!hold) return !rests.has(key)
    if (hold.until > readAt || rests.has(key)) return false
    return hold.settledAt <= readAt || isSame(profile, hold.doubted)
  }
  const sizeFor = (profile: DueProfile) => holds.get(keyOf(profile))?.size ?? ANY_SIZE

  return {
    get size() {
      return holds.size
    },
    /** How many profiles Braze has failed over alone. */
    stumbling(): number {
      let count = 0
      for (const { stumbles } of holds.values()) if (stumbles > 0) count += 1
      return count
    },
    isFree,
    /** The largest batch that this profile may be in. */
    sizeFor,
    /** Whether the last batch with this profile failed. */
    isSuspect: (profile: DueProfile) => sizeFor(profile) < ANY_SIZE,
    /** Whether Braze may have been told of something that the ledger does not know. */
    isTold: ({ id }: DueProfile) => told.has(id),

    /** Puts the profile, as it was named at `readAt`, on its way, if it may be sent. Returns whether. */
    take(profile: DueProfile, readAt: number): boolean {
      if (!isFree(profile, readAt)) return false
      holdOf(profile).until = UNDER_WAY
      return true
    },
    /** Keeps writes from these profiles during a request of another kind, if nothing is under way to any. Returns whether. */
    occupy(places: readonly Place[]): boolean {
      const now = monotonic()
      const isQuiet = (place: Place) => {
        const { until = 0, settledAt = 0 } = holds.get(keyOf(place)) ?? {}
        return until <= now && settledAt <= now && !rests.has(keyOf(place))
      }
      if (!places.every(isQuiet)) return false
      for (const place of places) holdOf(place).until = UNDER_WAY
      return true
    },
    /** That request is over, and what came of it has to settle. */
    vacate(places: readonly Place[]) {
      for (const place of places) {
        holdOf(place).until = monotonic()
        rests.add(keyOf(place))
      }
    },
    /** Nothing came of it: what the ledger names from now on may be sent again. */
    release: (batch: Batch) => change(batch, () => ({ until: monotonic() })),
    /** What Braze said of them, the `answers`, is stored: from now on they are profiles like all others. */
    settle(batch: Batch, answers: readonly Acknowledgement[]) {
      change(batch, () => ({ until: monotonic(), size: ANY_SIZE, stumbles: 0, settledAt: 0 }))
      // Of one that Braze rejects an earlier write may be there all the same.
      for (const { id, failure } of answers) if (failure === null) told.delete(id)
      // The ledger keeps the pause for what was sent, and not for what else there is to say of the same profile.
      if (hasOthers) for (const profile of batch) rests.add(keyOf(profile))
    },
    /** It is not known whether these writes reached Braze: they may still be under way. */
    doubt(batch: Batch) {
      change(batch, (doubted) => ({ doubted, settledAt: monotonic() + settleMs }))
      for (const { id } of batch) told.add(id)
    },
    /** The batch failed, or was refused as a whole: its profiles travel in batches of `size` at most, after `restMs`. */
    split: (batch: Batch, size: number, restMs: number) =>
      change(batch, () => ({ until: monotonic() + restMs, size })),
    /** Braze failed over this profile alone. Returns how often in a row. */
    stumble: (profile: DueProfile): number => ++holdOf(profile).stumbles,

    /** Forgets the holds that hold nothing any more. */
    sweep() {
      const now = monotonic()
      for (const [key, { until, settledAt, size }] of holds)
        if (until <= now && settledAt <= now && size === ANY_SIZE) holds.delete(key)
    },
    /** Another process delivers: what this one knew counts only for writes that may still be under way. */
    forget() {
      // When this process delivers again the ledger says of all of them that they may hold something.
      told.clear()
      const now = monotonic()
      for (const [key, { until, settledAt }] of holds)
        if (until < UNDER_WAY && settledAt <= now) holds.delete(key)
    },
    /** Milliseconds until the next hold ends; infinite where none ends by itself. */
    nextEndMs(): number {
      const now = monotonic()
      let next = rests.nextEndMs()
      for (const { until, settledAt } of holds.values()) {
        const end = until > now ? until : settledAt
        if (end > now) next = Math.min(next, end - now)
      }
      return next
    },
    /** For how long some write may still be under way that the ledger does not know of; 0 where there is none. */
    unsettledMs(): number {
      const now = monotonic()
      let last = now + rests.lastEndMs()
      for (const { settledAt } of holds.values()) last = Math.max(last, settledAt)
      return last - now
    },
  }
}

const isSame = ({ channel, value }: DueProfile, write: Write | null) =>
  channel === write?.channel && value === write.value

export type Holds = ReturnType<typeof createHolds>
