/** Who follows, in the order in which they began to; a live view. */
export interface FollowerSet extends Iterable<string> {
  readonly size: number
  has: (userId: string) => boolean
}

export type Followers = ReturnType<typeof createFollowers>

const fewStale = 1000

/**
 * The follower list. Each follow gets the next higher place, so that whoever comes during a reading is found at its end, and whoever stays is
 * never jumped over. The places of those who went are dropped once they are the greater part, so a page does not cost more for a long list.
 */
export function createFollowers(initial: Iterable<string>) {
  const placeOf = new Map<string, number>()
  const gone = new Set<string>()
  /** Every follow by its place, ascending. It is stale once its user has another place or none. */
  let places: number[] = []
  let userIds: string[] = []
  let nextPlace = 0

  const isStale = (index: number) => placeOf.get(userIds[index] as string) !== places[index]

  function follow(userId: string) {
    if (placeOf.has(userId)) return
    gone.delete(userId)
    placeOf.set(userId, nextPlace)
    places.push(nextPlace++)
    userIds.push(userId)
  }

  function unfollow(userId: string) {
    if (!placeOf.delete(userId)) return
    gone.add(userId)
    if (places.length > 2 * placeOf.size + fewStale) dropStale()
  }

  function dropStale() {
    userIds = [...placeOf.keys()]
    places = [...placeOf.values()]
  }

  /** The index of the first follow at a place or after it. */
  function indexAt(place: number): number {
    let [low, high] = [0, places.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((places[middle] as number) < place) low = middle + 1
      else high = middle
    }
    return low
  }

  /** At most `limit` followers from a place on, and the place to go on from: null after the last one. */
  function read(from: number, limit: number): { page: string[]; next: number | null } {
    const page: string[] = []
    for (let index = indexAt(from); index < places.length; index++) {
      if (isStale(index)) continue
      if (page.length >= limit) return { page, next: places[index] as number }
      page.push(userIds[index] as string)
    }
    return { page, next: null }
  }

  for (const userId of initial) follow(userId)
  const view: FollowerSet = {
    get size() {
      return placeOf.size
    },
    has: (userId) => placeOf.has(userId),
    [Symbol.iterator]: () => placeOf.keys(),
  }

  return {
    follow,
    unfollow,
    read,
    view,
    /** People who followed once and do not now. */
    get blocks() {
      return gone.size
    },
    /** A place after everyone who follows. */
    get end() {
      return nextPlace
    },
  }
}
