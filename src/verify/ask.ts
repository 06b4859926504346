import { idOf, type Place } from '../braze/attributes.ts'
import type { BrazeClient } from '../braze/client.ts'
import { type Profiles, readExport } from '../braze/export.ts'
import type { Said } from '../braze/said.ts'
import { NoAnswer } from '../wire/client.ts'
import { type Attempt, type RetryOptions, retry } from '../wire/retry.ts'
import { sleep as sleepFor } from '../wire/time.ts'

export interface AskOptions extends Pick<RetryOptions, 'onPause' | 'random' | 'sleep'> {
  readonly braze: Pick<BrazeClient, 'exportProfiles' | 'hide' | 'channels'>
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/**
 * Asks Braze for profiles, at most 50 at a time, one request after the other, at the pace of the export
 * endpoint's own limit. What may pass is tried again, after pauses that double.
 *
 * The function returned throws Error with a sentence for a person, and the reason of `signal` once that aborts.
 */
export function createAsk(options: AskOptions) {
  const { braze, signal, onPause, clock = Date.now, sleep = sleepFor } = options
  let restMs = 0

  return async function ask(places: readonly Place[]): Promise<Profiles> {
    if (restMs > 0) {
      onPause?.("Braze's limit for exports is used up", restMs)
      await sleep(restMs, signal)
    }
    const answer = await retry(() => attempt(places), options)
    restMs = answer.restMs
    return answer.value
  }

  async function attempt(places: readonly Place[]): Promise<Attempt<Extract<Answer, { kind: 'done' }>>> {
    const words = braze.hide(places.map(idOf))
    const said = await answerTo(places, words)
    if (said.kind === 'done') return { value: said }
    const error = new Error(said.reason)
    if (said.kind === 'wait') return { error, mayPass: true, forMs: said.forMs }
    return { error, mayPass: said.kind === 'retry' }
  }

  async function answerTo(places: readonly Place[], words: (said: unknown) => string): Promise<Answer> {
    try {
      const answer = await braze.exportProfiles(places, signal)
      return readExport(answer, places, { channels: braze.channels, now: clock(), words })
    } catch (cause) {
      if (!(cause instanceof NoAnswer)) throw cause
      return { kind: 'retry', reason: `Braze cannot be reached: ${words(cause.message)}` }
    }
  }
}

type Answer = Said<Profiles>
