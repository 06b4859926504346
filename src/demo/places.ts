import type { Truth } from '../sandbox/line/traffic.ts'

/** What is true of people, and where in Braze their LINE ids belong. */
export interface Expected {
  readonly people: ReadonlyMap<string, Truth>
  /** Who is a customer: the alias profile of such a person should hold nothing. */
  readonly linked: ReadonlySet<string>
  /** Of each customer the person whose LINE id their profile should hold; undefined: nobody's. */
  readonly customers: ReadonlyMap<string, string | undefined>
}

/** Before anybody logs in. */
export const nobodyLinked = (people: ReadonlyMap<string, Truth>): Expected => ({
  people,
  linked: new Set(),
  customers: new Map(),
})

/** Whose LINE ids Braze should hold, and so who gets what it sends: of a customer's two phones only the newer one. */
export function recipientsOf({ people, linked, customers }: Expected): ReadonlySet<string> {
  const strangers = [...people].filter(([userId, truth]) => truth === 'reachable' && !linked.has(userId))
  const held = [...customers.values()].filter((userId) => userId !== undefined)
  return new Set([...strangers.map(([userId]) => userId), ...held])
}

export type Places = ReturnType<typeof createPlaces>

/** Remembers which of the brand's `customers` people have logged in as. */
export function createPlaces(customers: readonly string[]) {
  /** By user id; the newest last. */
  const links = new Map<string, string>()

  return {
    link(userId: string, customer: string) {
      links.delete(userId)
      links.set(userId, customer)
    },
    unlink: (userId: string) => void links.delete(userId),
    /** Of several people of one customer the newest counts who can be reached. */
    expected(people: ReadonlyMap<string, Truth>): Expected {
      const held = new Map<string, string | undefined>(customers.map((customer) => [customer, undefined]))
      for (const [userId, customer] of links)
        if (people.get(userId) === 'reachable') held.set(customer, userId)
      return { people, linked: new Set(links.keys()), customers: held }
    },
  }
}
