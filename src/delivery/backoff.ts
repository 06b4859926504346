const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 300_000

/**
 * How long to wait after so many failures in a row, from 1 on: 1 s at most, doubling up to 5 minutes.
 *
 * @param random 0 to 1, for the jitter that keeps many senders apart
 */
export const backoffMs = (failures: number, random: number): number =>
  Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)) * (0.5 + random / 2)
