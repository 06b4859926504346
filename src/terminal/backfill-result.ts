import { isMassClear } from '../backfill/run.ts'
import type { Outstanding, Run } from '../ledger/ledger.ts'
import { goOn } from './backfill-errors.ts'
import { many, number } from './numbers.ts'

/** What `--json` prints. All counts are of the whole run, also where it went on; `seconds` are this process's. */
export type BackfillResult = ReturnType<typeof resultOf>

/** How far it has come. */
export interface Progress {
  run: Run | null
  /** About how many LINE will list. */
  total: number | null
  outstanding: Outstanding | null
  /** What earlier runs had left to tell Braze when this one began. */
  leftBefore: number
}

type Status = 'complete' | 'dry-run' | 'interrupted' | 'failed'

export function resultOf(
  status: Status,
  { run, outstanding }: Pick<Progress, 'run' | 'outstanding'>,
  seconds: number,
) {
  const { pages = 0, listed = 0, added = 0, returned = 0, gone = 0 } = run ?? {}
  const changes = added + returned + gone
  const { pending, failed } = outstanding ?? { pending: changes, failed: 0 }
  return {
    status,
    pages,
    listed,
    /** Contacts that the list made reachable. */
    changed: added + returned,
    new: added,
    returned,
    /** Contacts that can't be reached any more, since they were missing from the list. */
    gone,
    /** Of these changes, how many Braze has accepted, or newer news has replaced. */
    delivered: status === 'dry-run' ? 0 : Math.max(0, changes - pending - failed),
    /** Of these changes, how many Braze rejected. */
    failed,
    seconds: Math.round(seconds * 10) / 10,
  }
}

export interface SummaryOptions {
  readonly wait: boolean
  readonly dryRun?: boolean
  readonly allowMassClear?: boolean
}

/** The same for a person. */
export function summaryOf(
  result: BackfillResult,
  { run, outstanding, leftBefore }: Progress,
  { wait, dryRun: isDry = false, allowMassClear = false }: SummaryOptions,
): string {
  const { status, pages, listed, returned, gone, delivered, failed } = result
  const open = (outstanding?.pending ?? result.changed + gone - failed) + (outstanding?.earlier ?? 0)
  const news = `${number(result.new)} new, ${number(returned)} returned, ${number(gone)} gone`
  const list = `LINE lists ${many(listed, 'follower')} on ${many(pages, 'page')}`
  if (status === 'dry-run') {
    const guard =
      run && !allowMassClear && isMassClear(gone, run)
        ? ' A run would stop before clearing that many, unless with --allow-mass-clear.'
        : ''
    return `${list}. A run would find ${news}. Nothing was written.${guard}`
  }
  if (status === 'interrupted') {
    if (!run || isDry) return 'Interrupted; nothing was stored.'
    if (run.state === 'listing' || run.state === 'clearing') return `Interrupted. ${goOn(run)}`
    return `Interrupted. The list is in the ledger (${news}); ${many(open, 'change')} wait for Braze, and go there with the server or the next backfill.`
  }
  const end = wait
    ? `Braze has accepted ${many(delivered, 'change')}${leftBefore > 0 ? `, and ${number(leftBefore)} of earlier runs` : ''}.`
    : `${many(open, 'change')} for Braze to be told of.`
  return `${list}: ${news}. ${end}`
}
