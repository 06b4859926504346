import type { BrazeClient } from '../braze/client.ts'
import { type Profiles, readExport } from '../braze/export.ts'
import { NoAnswer } from '../wire/client.ts'
import { type Attempt, type RetryOptions, retry } from '../wire/retry.ts'
import { sleep as sleepFor } from '../wire/time.ts'

export interface AskOptions extends Pick<RetryOptions, 'onPause' | 'random' | 'sleep'> {
  readonly braze: Pick<BrazeClient, 'exportUsers' | 'hide'>
  readonly attribute: string
  readonly aliasLabel: string
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/**
 * Asks Braze what it holds of users, at most 50 at a time, one request after the other, at the pace of the export
 * endpoint's own limit. What may pass is tried again, after pauses that double.
 *
 * The function returned throws Error with a sentence for a person, and the reason of `signal` once that aborts.
 */
export function createAsk(options: AskOptions) {
  const { braze, signal, onPause, clock = Date.now, sleep = sleepFor } = options
  let restMs = 0

  /** The value of each user whom Braze knows. */
  return async function ask(userIds: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
    if (restMs > 0) {
      onPause?.("Braze's limit for exports is used up", restMs)
      await sleep(restMs, signal)
    }
    const profiles = await retry(() => attempt(userIds), options)
    restMs = profiles.restMs
    return profiles.values
  }

  async function attempt(userIds: readonly string[]): Promise<Attempt<Profiles>> {
    const words = braze.hide(userIds)
    try {
      return readExport(await braze.exportUsers(userIds, options.aliasLabel, signal), options, clock(), words)
    } catch (cause) {
      if (!(cause instanceof NoAnswer)) throw cause
      const error = new Error(`Braze cannot be reached: ${words(cause.message)}`, { cause })
      return { error, mayPass: true }
    }
  }
}
