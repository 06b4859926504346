import { setTimeout as sleepFor } from 'node:timers/promises'
import type { BrazeClient } from '../braze/client.ts'
import { type ExportMeaning, readExport } from '../braze/export.ts'
import { NoAnswer } from '../wire/client.ts'

export interface AskOptions {
  readonly braze: Pick<BrazeClient, 'exportUsers' | 'hide'>
  readonly attribute: string
  readonly aliasLabel: string
  readonly signal: AbortSignal
  /** Told before each pause, however short. */
  readonly onPause?: (reason: string, ms: number) => void
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  readonly random?: () => number
  /** Rejects when `signal` aborts. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** 250 requests a minute, which Braze allows everybody. A Braze that says its limit is asked as fast as that allows. */
const GAP_MS = 240
const RETRIES = 5
const FIRST_RETRY_MS = 500

/**
 * Asks Braze what it holds of users, at most 50 at a time, one request after the other, at the pace of the export
 * endpoint's own limit. What may pass is tried again, after pauses that double.
 *
 * The function returned throws Error with a sentence for a person, and the reason of `signal` once that aborts.
 */
export function createAsk(options: AskOptions) {
  const { braze, signal, onPause, clock = Date.now, random = Math.random, sleep = defaultSleep } = options
  let restMs = 0

  async function rest(ms: number, reason: string) {
    if (ms <= 0) return
    onPause?.(reason, ms)
    await sleep(ms, signal)
    signal.throwIfAborted()
  }

  /** The value of each user whom Braze knows. */
  return async function ask(userIds: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
    for (let attempt = 0; ; ) {
      await rest(restMs, "Braze's limit for exports is used up")
      restMs = 0
      const meaning = await askOnce(userIds)
      if (meaning.kind === 'profiles') {
        restMs = meaning.restMs > 0 ? meaning.restMs : meaning.isLimited ? 0 : GAP_MS
        return meaning.values
      }
      if (meaning.kind === 'refused') throw new Error(meaning.reason)
      if (meaning.kind === 'wait' && meaning.forMs !== undefined) {
        await rest(meaning.forMs, meaning.reason)
        continue
      }
      if (attempt >= RETRIES) throw new Error(`${meaning.reason}; tried ${attempt + 1} times.`)
      await rest(Math.round(FIRST_RETRY_MS * 2 ** attempt * (0.5 + random() / 2)), meaning.reason)
      attempt += 1
    }
  }

  async function askOnce(userIds: readonly string[]): Promise<ExportMeaning> {
    const words = braze.hide(userIds)
    try {
      return readExport(await braze.exportUsers(userIds, signal), options, clock(), words)
    } catch (cause) {
      if (!(cause instanceof NoAnswer)) throw cause
      return { kind: 'retry', reason: `Braze cannot be reached: ${words(cause.message)}` }
    }
  }
}

const defaultSleep = (ms: number, signal: AbortSignal) =>
  sleepFor(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
