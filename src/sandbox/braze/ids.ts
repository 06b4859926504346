import { hex, type Random } from '../random.ts'

export type BrazeIds = ReturnType<typeof createBrazeIds>

/** Gives profiles their `braze_id` when it is first shown. A profile that went and came back is another one. */
export function createBrazeIds(random: Random) {
  const ids = new WeakMap<ReadonlyMap<string, unknown>, string>()
  const profiles = new Map<string, string>()

  return {
    of(profile: string, attributes: ReadonlyMap<string, unknown>): string {
      const id = ids.get(attributes) ?? hex(random, 24)
      ids.set(attributes, id)
      profiles.set(id, profile)
      return id
    },
    profileOf: (id: string): string | undefined => profiles.get(id),
  }
}
