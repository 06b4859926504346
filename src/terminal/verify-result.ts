import type { Outstanding } from '../ledger/ledger.ts'
import { type Comparison, DIFFERENCES, type Difference } from '../verify/verify.ts'
import type { Bar } from './bars.ts'
import { number } from './numbers.ts'
import { deliveredOf, type End, type Report } from './report.ts'

const MEANING: Readonly<Record<Difference, string>> = {
  unknown: 'can be reached, and Braze does not know the alias',
  missing: 'can be reached, and the profile lacks the attribute',
  wrong: 'can be reached, and the attribute holds something else',
  stale: 'cannot be reached, and the attribute is set',
}

/** How far it has come. */
export interface Progress {
  wanted: number
  comparison: Comparison
  /** Contacts of which Braze is told again. */
  resent: number
  outstanding: Outstanding | null
}

/** How many contacts differ. */
export const differing = (comparison: Comparison) =>
  DIFFERENCES.reduce((sum, kind) => sum + comparison[kind], 0)

export function barsOf({ wanted, comparison, resent, outstanding }: Progress, isFixing: boolean): Bar[] {
  const { delivered } = deliveredOf(resent, outstanding)
  return [
    { name: 'compared', value: comparison.checked + comparison.waiting, total: wanted },
    ...(isFixing ? [{ name: 'delivered', value: delivered, total: resent }] : []),
  ]
}

export function reportOf(end: End, progress: Progress, isFixing: boolean): Report {
  const result = resultOf(end, progress, isFixing)
  return {
    result,
    text: result.checked + result.waiting > 0 || end === 'done' ? tableOf(result) : '',
    interrupted: `Interrupted after ${number(result.checked)} of ${number(progress.wanted)}.`,
  }
}

type Result = ReturnType<typeof resultOf>

/** What `--json` prints. */
function resultOf(end: End, { comparison, resent, outstanding, wanted }: Progress, isFixing: boolean) {
  const { checked, waiting, ...rest } = comparison
  const differs = differing(comparison) > 0
  // It failed for no other reason than what it found.
  const found = end === 'failed' && differs && !isFixing && checked + waiting === wanted
  return {
    status: end === 'done' ? (differs ? 'fixed' : 'agree') : found ? 'differ' : end,
    checked,
    ...rest,
    waiting,
    fixed: resent,
    ...deliveredOf(resent, outstanding),
  }
}

/** The same for a person. */
function tableOf(result: Result): string {
  const rows: [count: number, meaning: string][] = [
    [result.agree, `agree, of ${number(result.checked)} compared`],
    ...DIFFERENCES.filter((kind) => result[kind] > 0).map((kind): [number, string] => [
      result[kind],
      `${kind}: ${MEANING[kind]}`,
    ]),
  ]
  if (result.waiting > 0) rows.push([result.waiting, 'left out: something about them is on its way to Braze'])
  if (result.fixed > 0) rows.push([result.delivered, `told again, of ${number(result.fixed)}`])
  const width = Math.max(...rows.map(([count]) => number(count).length))
  return rows.map(([count, meaning]) => `${number(count).padStart(width)}  ${meaning}`).join('\n')
}
