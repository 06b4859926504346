import type { BackfillResult } from '../terminal/backfill-result.ts'
import { number } from '../terminal/numbers.ts'
import { spawnBackfill } from './backfill-process.ts'
import type { Gap } from './gap.ts'
import type { Means, Stage } from './stage.ts'

/** What a backfill had to do and did, and what a second one did that had nothing to do. */
export interface Repair extends Omit<Gap, 'truth'> {
  /** People whom it made reachable. */
  readonly found: number
  /** People whom it cleared, since they were missing from LINE's list. */
  readonly cleared: number
  /** People whom the second one changed. */
  readonly changedAgain: number
  /** Requests to Braze that came of the second one. */
  readonly requestsAgain: number
}

/** Small enough to see the list being read. */
const PAGE_SIZE = 100

/** Runs a backfill, and right after it another one. */
export async function repair({ truth: _, ...gap }: Gap, stage: Stage, means: Means): Promise<Repair> {
  const { braze, lineApi } = stage
  lineApi.setPages(() => PAGE_SIZE)
  const first = await backfill('backfill reads the list, and the server delivers', stage, means)
  const { requests } = braze.stats
  lineApi.setPages(null)
  const second = await backfill('backfill reads it again, and should change nothing', stage, means)
  return {
    ...gap,
    found: first.changed,
    cleared: first.gone,
    changedAgain: second.changed + second.gone,
    requestsAgain: braze.stats.requests - requests,
  }
}

/** Runs a backfill beside the server, which delivers, until Braze has applied all that follows from it. */
async function backfill(does: string, stage: Stage, means: Means): Promise<BackfillResult> {
  const { interruption, closers, display } = means
  // Once the end has begun, nobody would end what is started.
  interruption.signal.throwIfAborted()
  const { pid, result, kill } = spawnBackfill(stage)
  closers.push(kill)
  display.say(`${does} (process ${pid}):`)
  const done = await interruption.race(result())
  await interruption.race(stage.braze.whenApplied())
  return done
}

/** What is not as it should be, in words. */
export function faultsOf(repair: Repair): string[] {
  const { toFind, toClear, found, cleared, changedAgain, requestsAgain } = repair
  return [
    found !== toFind && `the backfill found ${number(found)} people instead of ${number(toFind)}`,
    cleared !== toClear && `the backfill cleared ${number(cleared)} people instead of ${number(toClear)}`,
    changedAgain > 0 && `a second backfill changed ${number(changedAgain)} people`,
    requestsAgain > 0 && `a second backfill caused ${number(requestsAgain)} requests to Braze`,
  ].filter((fault) => fault !== false)
}
