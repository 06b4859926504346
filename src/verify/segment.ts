import type { SegmentAnswer } from '../braze/segments.ts'
import type { Ledger } from '../ledger/ledger.ts'

export type { SegmentAnswer }

/** How many people the segment of a channel holds, "its attribute is not blank", as far as the ledger knows. */
export interface Membership {
  /** Contacts who can be reached. */
  readonly reachable: number
  /**
   * Profiles in which a LINE user id belongs: fewer than people, where a customer has two LINE accounts. Who is linked to a
   * customer whom Braze does not know is in it by the alias profile.
   */
  readonly profiles: number
  /** Of those, whose user id Braze has accepted: what it should show. */
  readonly expected: number
  /** Profiles, to be set or cleared, of which something is on its way to Braze, or has no settle pause behind it yet. */
  readonly underWay: number
  /** The same, whose newest state Braze has rejected: they may be in the segment or not. */
  readonly rejected: number
}

/** Counts the channel's profiles one by one. Throws the reason of `signal` once that aborts. */
export async function membershipOf(
  ledger: Pick<Ledger, 'profiles' | 'counts'>,
  channel: string,
  signal: AbortSignal,
): Promise<Membership> {
  const counts = (await ledger.counts()).find((each) => each.channel === channel)
  const count = { profiles: 0, expected: 0, underWay: 0, rejected: 0 }
  for await (const page of ledger.profiles(channel)) {
    signal.throwIfAborted()
    for (const { value, settled, failed } of page) {
      if (value !== null) count.profiles += 1
      if (!settled) count.underWay += 1
      else if (failed) count.rejected += 1
      else if (value !== null) count.expected += 1
    }
  }
  return { reachable: (counts?.friend ?? 0) + (counts?.messager ?? 0), ...count }
}
