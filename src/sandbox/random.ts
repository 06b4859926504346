/** A source of numbers in [0, 1), as Math.random. */
export type Random = () => number

/** mulberry32: the same numbers for the same seed, so that what a sandbox plays can be played again. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from `min` to `max`, both included. */
export function between(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1))
}

/** One of a list that is not empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T
}

/** The same elements in another order: a new list. */
export function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const drawn = list.map((element) => ({ element, place: random() }))
  return drawn.sort((a, b) => a.place - b.place).map(({ element }) => element)
}

/** As many hexadecimal digits as asked for. */
export const hex = (random: Random, digits: number): string =>
  Array.from({ length: digits }, () => between(random, 0, 15).toString(16)).join('')

/** Looks like a UUID. */
export const uuid = (random: Random): string =>
  [8, 4, 4, 4, 12].map((digits) => hex(random, digits)).join('-')
