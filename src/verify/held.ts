import type { Place } from '../braze/attributes.ts'
import type { Profiles } from '../braze/export.ts'

/** What Braze holds at a place. */
export interface Held {
  /** Whether Braze has a profile there. */
  readonly isKnown: boolean
  /** What the channel's attribute is there; null: nothing. */
  readonly value: unknown
  /** Whose profile it is; null: nobody's whom the brand knows. */
  readonly externalId: string | null
}

/** Asks Braze for each place alone, so that an external id that was renamed is told from one that is not there. */
export async function askHeld(
  ask: (places: readonly Place[]) => Promise<Profiles>,
  places: readonly Place[],
): Promise<Held[]> {
  const held: Held[] = []
  for (const place of places) {
    const profile = (await ask([place])).at(place)
    held.push({
      isKnown: profile !== undefined,
      value: profile?.valueIn(place.channel) ?? null,
      externalId: profile?.externalId ?? null,
    })
  }
  return held
}
