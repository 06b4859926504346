import type { Said } from '../braze/said.ts'
import type { HttpAnswer } from '../wire/client.ts'
import { backoffMs } from '../wire/retry.ts'
import type { DeliveryMeans } from './means.ts'
import { troubleOf } from './trouble.ts'

/** How often it is tried whether the key may by now what it may not: another key comes with a restart, as a rule. */
const FORBIDDEN_MS = 3_600_000

export interface AskerOptions
  extends Pick<DeliveryMeans, 'braze' | 'log' | 'observer' | 'clock' | 'monotonic' | 'random'> {
  /** For the log: "looking customers up". */
  readonly name: string
  /** What follows where the key may not; completes "…: ". */
  readonly without: string
}

/** `value` where Braze answered; else what it means for those in the request. */
export type Asked<T> =
  | { readonly value: T }
  | { readonly trouble: 'refused' | 'failed'; readonly reason: string }

export interface Request<T> {
  /** That may be named in the answer. */
  readonly ids: readonly string[]
  readonly send: () => Promise<HttpAnswer>
  readonly read: (
    answer: HttpAnswer,
    options: { readonly now: number; readonly words: (said: unknown) => string },
  ) => Said<T>
}

/**
 * Asks Braze for things of one kind, one request after the other, and says when the next one may leave: at the pace of that
 * kind, later and later while it fails, and hardly ever where the key may not.
 */
export function createAsker(options: AskerOptions) {
  const { braze, name, without, log, observer, clock, monotonic, random } = options
  let closedUntil = Number.NEGATIVE_INFINITY
  let forbiddenUntil = Number.NEGATIVE_INFINITY
  /** Failures in a row. */
  let failures = 0
  /** What was logged last, until it is over. */
  let told: string | undefined

  /** Said once for as long as it lasts. */
  function tell(reason: string, forMs: number) {
    if (reason === told) return
    told = reason
    log.warn({ reason, forMs: Math.round(forMs) }, `${name} waits`)
  }

  function failed<T>(reason: string): Asked<T> {
    failures += 1
    const forMs = backoffMs(failures, random())
    closedUntil = monotonic() + forMs
    tell(reason, forMs)
    return { trouble: 'failed', reason }
  }

  function judge<T>(said: Said<T>): Asked<T> {
    switch (said.kind) {
      case 'done':
      case 'refused':
        if (told !== undefined) log.info({}, `${name} goes on`)
        told = undefined
        failures = 0
        forbiddenUntil = Number.NEGATIVE_INFINITY
        closedUntil = monotonic() + said.restMs
        if (said.kind === 'refused') return { trouble: 'refused', reason: said.reason }
        return { value: said.value }
      case 'forbidden':
        forbiddenUntil = monotonic() + FORBIDDEN_MS
        tell(`${said.reason}; until then ${without}`, FORBIDDEN_MS)
        return { trouble: 'failed', reason: said.reason }
      case 'wait':
        if (said.forMs === undefined) return failed(said.reason)
        closedUntil = monotonic() + said.forMs + random() * Math.min(1_000, said.forMs / 10)
        tell(said.reason, said.forMs)
        return { trouble: 'failed', reason: said.reason }
      default:
        return failed(said.reason)
    }
  }

  async function answerTo<T>({ ids, send, read }: Request<T>): Promise<Said<T>> {
    const words = braze.hide(ids)
    const startedAt = monotonic()
    let status: number | 'error' = 'error'
    try {
      const answer = await send()
      status = answer.status
      return read(answer, { now: clock(), words })
    } catch (error) {
      return { kind: 'retry', reason: troubleOf(error, { words, log }).reason }
    } finally {
      observer?.requested(status, (monotonic() - startedAt) / 1000)
    }
  }

  return {
    /** Whether the key may not, as far as is known. */
    isForbidden: () => forbiddenUntil > monotonic(),
    /** Milliseconds until the next request may leave; 0: now. */
    delayMs: () => Math.max(0, closedUntil - monotonic(), forbiddenUntil - monotonic()),
    ask: async <T>(request: Request<T>): Promise<Asked<T>> => judge(await answerTo(request)),
  }
}

export type Asker = ReturnType<typeof createAsker>
