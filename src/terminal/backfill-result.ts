import { isMassClear } from '../backfill/run.ts'
import type { Outstanding, Run } from '../ledger/ledger.ts'
import { goOn } from './backfill-errors.ts'
import type { Bar } from './bars.ts'
import { many, number } from './numbers.ts'
import { deliveredOf, type End, type Report } from './report.ts'

/** How far it has come. */
export interface Progress {
  run: Run | null
  /** About how many LINE will list. */
  total: number | null
  outstanding: Outstanding | null
  /** What earlier runs had left to tell Braze when this one began. */
  leftBefore: number
}

/** What was asked for, as far as it matters for what is printed. */
export interface BackfillChoices {
  readonly wait: boolean
  readonly dryRun?: boolean
  readonly allowMassClear?: boolean
}

export function barsOf({ run, total, outstanding, leftBefore }: Progress, delivers: boolean): Bar[] {
  const listed = run?.listed ?? 0
  const isListed = run !== null && run.state !== 'listing'
  const changed = changesOf(run) + leftBefore
  const open = outstanding ? outstanding.pending + outstanding.earlier + outstanding.failed : changed
  return [
    { name: 'listed', value: listed, total: isListed ? listed : total, isAbout: !isListed },
    ...(delivers ? [{ name: 'delivered', value: Math.max(0, changed - open), total: changed }] : []),
  ]
}

export function reportOf(end: End, progress: Progress, choices: BackfillChoices): Report {
  const result = resultOf(end, progress, choices)
  const summary = summaryOf(result, progress, choices)
  return { result, text: end === 'done' ? summary : '', interrupted: summary }
}

const changesOf = (run: Run | null) => (run ? run.added + run.returned + run.gone : 0)

/** What `--json` prints. All counts are of the whole run, also where it went on; `seconds` are this process's. */
export type BackfillResult = ReturnType<typeof resultOf> & { readonly seconds: number }

function resultOf(end: End, { run, outstanding }: Progress, { dryRun = false }: BackfillChoices) {
  const { pages = 0, listed = 0, added = 0, returned = 0, gone = 0 } = run ?? {}
  const { delivered, failed } = deliveredOf(changesOf(run), outstanding)
  return {
    status: end === 'done' ? (dryRun ? 'dry-run' : 'complete') : end,
    pages,
    listed,
    /** Contacts that the list made reachable. */
    changed: added + returned,
    new: added,
    returned,
    /** Contacts that can't be reached any more, since they were missing from the list. */
    gone,
    /** Of these changes, how many Braze has accepted, or newer news has replaced. */
    delivered: dryRun ? 0 : delivered,
    /** Of these changes, how many Braze rejected. */
    failed,
  } as const
}

/** The same for a person. */
function summaryOf(
  result: ReturnType<typeof resultOf>,
  { run, outstanding, leftBefore }: Progress,
  { wait, dryRun: isDry = false, allowMassClear = false }: BackfillChoices,
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
