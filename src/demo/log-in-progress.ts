import { number } from '../terminal/numbers.ts'
import { bar, of, row } from './cells.ts'
import type { DeliveryHealth } from './health.ts'

/** How things are at one moment while customers log in. */
export interface LogInProgress {
  readonly logIns: number
  /** How many there will be. */
  readonly toCome: number
  /** Undefined until the server has said anything. */
  readonly delivery: DeliveryHealth | undefined
  /** Customers whom Braze should be able to reach on LINE by now, and whom it can reach. */
  readonly wanted: number
  readonly customersOnLine: number
  /** How often two profiles came to hold the same LINE id. */
  readonly twice: number
}

/** What a terminal shows of it, at most 80 columns wide. */
export function frameOf({
  logIns,
  toCome,
  delivery,
  wanted,
  customersOnLine,
  twice,
}: LogInProgress): string[] {
  const [pending, waiting] = [delivery?.pending ?? 0, delivery?.waiting ?? 0]
  return [
    '',
    row('brand', 'log-ins', of(logIns, toCome), bar(logIns, toCome)),
    row('server', delivery?.state ?? '', `${number(pending)} people wait for Braze`),
    row('', 'waiting', number(waiting), 'whose customer Braze does not know'),
    row('Braze', 'customers', of(customersOnLine, wanted), bar(customersOnLine, wanted)),
    row('', 'there twice', number(twice), ''),
  ].map((line) => line.trimEnd())
}

/** The same as one line of a log. */
export function lineOf({ logIns, toCome, delivery, wanted, customersOnLine, twice }: LogInProgress): string {
  return [
    `log-ins ${of(logIns, toCome)}`,
    `pending ${delivery ? number(delivery.pending) : '?'}`,
    `waiting ${delivery ? number(delivery.waiting) : '?'}`,
    `customers on LINE ${of(customersOnLine, wanted)}`,
    `there twice ${number(twice)}`,
  ].join(', ')
}
