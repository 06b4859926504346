import type { Outstanding } from '../ledger/ledger.ts'
import { type Comparison, DIFFERENCES, type Difference } from '../verify/verify.ts'
import { number } from './numbers.ts'

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
  fixed: number
  outstanding: Outstanding | null
}

/** How many contacts differ. */
export const differing = (comparison: Comparison) =>
  DIFFERENCES.reduce((sum, kind) => sum + comparison[kind], 0)

type Result = ReturnType<typeof resultOf>

/** What `--json` prints. */
export function resultOf(
  end: 'done' | 'interrupted' | 'failed',
  { comparison, fixed, outstanding, wanted }: Progress,
  { fix = false }: { readonly fix?: boolean },
  seconds: number,
) {
  const { checked, waiting, ...rest } = comparison
  const differs = differing(comparison) > 0
  // It failed for no other reason than what it found.
  const found = end === 'failed' && differs && !fix && checked + waiting === wanted
  const { pending, failed } = outstanding ?? { pending: fixed, failed: 0 }
  return {
    status: end === 'done' ? (differs ? 'fixed' : 'agree') : found ? 'differ' : end,
    checked,
    ...rest,
    waiting,
    fixed,
    delivered: Math.max(0, fixed - pending - failed),
    failed,
    seconds: Math.round(seconds * 10) / 10,
  }
}

/** The same for a person. */
export function tableOf(result: Result): string {
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
  return rows.map(([count, meaning]) => `${number(count).padStart(width)}  ${meaning}\n`).join('')
}
