import { hex, type Random } from '../random.ts'

export type Cursors = ReturnType<typeof createCursors>

/** How long `next` can be used. [REF] */
const lifeMs = 24 * 60 * 60 * 1000

/** Opaque names for places in the follower list. One can be used again and again until it expires. */
export function createCursors(random: Random, clock: () => number) {
  /** In the order of issue, so the oldest is first. */
  const cursors = new Map<string, { place: number; expiresAt: number }>()

  function dropExpired() {
    for (const [cursor, { expiresAt }] of cursors) {
      if (expiresAt > clock()) return
      cursors.delete(cursor)
    }
  }

  return {
    issue(place: number): string {
      dropExpired()
      const cursor = hex(random, 32)
      cursors.set(cursor, { place, expiresAt: clock() + lifeMs })
      return cursor
    },
    /** The place that a cursor names, or null where it is unknown or expired. */
    placeOf(cursor: string): number | null {
      const known = cursors.get(cursor)
      return known !== undefined && known.expiresAt > clock() ? known.place : null
    },
    expire: () => cursors.clear(),
  }
}
