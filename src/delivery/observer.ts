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
  /** Braze accepted a contact, so long after the change was committed. */
  accepted(seconds: number): void
}
