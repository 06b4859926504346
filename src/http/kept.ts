import { createDeadlines, type Time } from './time.ts'

/** Anybody may ask for health and metrics, and each rendering costs queries, or an fsync: it is good for so long. */
export const KEPT_MS = 1_000
/** A load balancer may wait for 2 seconds only, as LINE does for a webhook. */
export const LEDGER_PATIENCE_MS = 1_800

/**
 * A rendering that is made at most once in `lifeMs`, however many ask: who asks while one is under way waits for that
 * one, and who asks within `lifeMs` of its end gets it, too. One that failed is not kept, and neither is the one before.
 */
export function keepFor<T>(
  lifeMs: number,
  { monotonic }: Pick<Time, 'monotonic'>,
  render: () => Promise<T>,
): () => Promise<T> {
  let kept: Promise<T> | undefined
  let goodUntil = 0

  return () => {
    if (kept && monotonic() < goodUntil) return kept
    const rendering = render()
    kept = rendering
    goodUntil = Number.POSITIVE_INFINITY
    rendering.then(
      () => {
        goodUntil = monotonic() + lifeMs
      },
      () => {
        kept = undefined
      },
    )
    return rendering
  }
}

/** What `ask` brings, or why nothing comes in time. One that hangs is not asked a second time beside it. */
export function answerOf<T>(time: Time, ask: () => Promise<T>): () => Promise<T | Error> {
  const deadlines = createDeadlines(time)
  const asked = keepFor(0, time, ask)
  return keepFor(KEPT_MS, time, () =>
    deadlines.by(time.monotonic() + LEDGER_PATIENCE_MS, asked()).catch((error: Error) => error),
  )
}
