import type { BrazeClient } from '../braze/client.ts'
import type { Ledger } from '../ledger/ledger.ts'

/** What a pino logger offers. */
export interface DeliveryLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Who wants to know the numbers. */
export interface DeliveryObserver {
  /** A request ended, with an HTTP status, or with `error` when no whole answer came. */
  requested(status: number | 'error', seconds: number): void
  /** Braze accepted a contact of the channel, so long after the change was committed. */
  accepted(channel: string, seconds: number): void
  /** It is known, or cannot be, what became of an alias profile that was handed over to a customer. */
  merged(outcome: 'merged' | 'left' | 'unknown'): void
}

/** What a deliverer works with, and each of its parts as much of it as it needs. */
export interface DeliveryMeans {
  readonly ledger: Ledger
  readonly braze: BrazeClient
  /** Unlike that of any other process, also of earlier ones. */
  readonly holder: string
  readonly settleMs: number
  readonly log: DeliveryLog
  readonly observer?: DeliveryObserver | undefined
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Milliseconds that nobody sets. */
  readonly monotonic: () => number
  /** 0 to 1, for the jitter that keeps many senders apart. */
  readonly random: () => number
}
