const SECOND_MS = 1_000
const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

/** A duration for a person, in its largest unit: `3 hours`, `1 second`. */
export function spanOf(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, each]) => ms >= 2 * each) ?? ['second', SECOND_MS]
  const count = Math.round(ms / unitMs)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** A moment, milliseconds since 1970, for a machine. */
export const isoOf = (at: number): string => new Date(at).toISOString()

/** The same for a person. */
export const momentOf = (at: number): string =>
  isoOf(at)
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')
