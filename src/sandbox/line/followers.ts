export type Followers = ReturnType<typeof createFollowers>

/**
 * The follower list. Each follow gets the next place, so that whoever comes during a reading is found at its end, and whoever stays is
 * never jumped over. A place that somebody left stays empty.
 */
export function createFollowers(initial: Iterable<string>) {
  const following = new Set<string>()
  /** Of everyone who ever followed, the newest. */
  const placeOf = new Map<string, number>()
  const places: (string | null)[] = []

  function follow(userId: string) {
    if (following.has(userId)) return
    following.add(userId)
    placeOf.set(userId, places.push(userId) - 1)
  }

  function unfollow(userId: string) {
    if (following.delete(userId)) places[placeOf.get(userId) as number] = null
  }

  /** At most `limit` followers from a place on, and the place to go on from: null after the last one. */
  function read(from: number, limit: number): { page: string[]; next: number | null } {
    const page: string[] = []
    for (let place = from; place < places.length; place++) {
      const userId = places[place] ?? null
      if (userId === null) continue
      if (page.length >= limit) return { page, next: place }
      page.push(userId)
    }
    return { page, next: null }
  }

  for (const userId of initial) follow(userId)
  return {
    follow,
    unfollow,
    read,
    /** Who follows, in the order in which they began to; live. */
    now: {
      get size() {
        return following.size
      },
      has: (userId: string) => following.has(userId),
      [Symbol.iterator]: () => following.keys(),
    },
    /** What LINE's statistics count: everyone who ever followed, and those of them who do not now. */
    counts: () => ({ followers: placeOf.size, blocks: placeOf.size - following.size }),
    /** A place after everyone who follows. */
    end: () => places.length,
  }
}
