import { NoAnswer } from '../wire/client.ts'
import type { DeliveryLog } from './means.ts'

/** Why asking Braze brought no answer that could be read, for a person. */
export interface Trouble {
  /** An error of ours, and none that an answer could bring. */
  readonly isFault: boolean
  readonly reason: string
}

/**
 * What `error` says of a request to Braze. A fault of ours is in the log with its stack.
 *
 * @param words makes what others said fit to be kept and shown
 */
export function troubleOf(
  error: unknown,
  { words, log }: { readonly words: (said: unknown) => string; readonly log: Pick<DeliveryLog, 'error'> },
): Trouble {
  const { name, message, stack } = error as Error
  if (error instanceof NoAnswer)
    return { isFault: false, reason: `Braze cannot be reached: ${words(message)}` }
  log.error({ error: message, stack }, 'a fault in line-braze')
  return { isFault: true, reason: `A fault in line-braze, please report it: ${words(`${name}: ${message}`)}` }
}
