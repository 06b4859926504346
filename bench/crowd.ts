/** People by number, as many as one likes without a table of them, and whose LINE user ids are as random as LINE's. */
import { hash } from 'node:crypto'

/** People who are together in the order of the ids, at random among themselves. */
export const STRIP = 50_000

const RANGE = 2 ** 48

/**
 * The LINE user ids of people, of whom the first `filled` ones come strip by strip: to store them changes a few pages of an
 * index at a time, and leaves each of these as if everybody had come at random. Whoever comes after them is anywhere.
 */
export function createCrowd(filled: number): (person: number) => string {
  const strips = Math.ceil(filled / STRIP)
  return (person) => {
    const digits = hash('md5', `person ${person}`)
    if (person >= filled) return `U${digits}`
    const within = Number.parseInt(digits.slice(0, 12), 16) / RANGE
    const place = Math.floor(((Math.floor(person / STRIP) + within) / strips) * RANGE)
    return `U${place.toString(16).padStart(12, '0')}${digits.slice(12)}`
  }
}

/** A prime, above any number of people. */
const STRIDE = 1_000_000_007n

/** Goes from anywhere to anywhere among the numbers below `length`, and to each of them once before it begins anew. */
export function createWalk(length: number): (count: number) => number[] {
  let steps = 0n
  return (count) => Array.from({ length: count }, () => Number((steps++ * STRIDE) % BigInt(length)))
}
