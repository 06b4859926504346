import type { Outstanding } from '../ledger/ledger.ts'
import { type Comparison, DIFFERENCES, type Difference, newComparison } from '../verify/verify.ts'
import type { Bar } from './bars.ts'
import { listed, type OfChannel, sumsOf } from './channels.ts'
import { number } from './numbers.ts'
import { deliveredOf, type End, type Report } from './report.ts'

const MEANING: Readonly<Record<Difference, string>> = {
  leftover: 'linked, and the alias profile still has the attribute: this person gets every message twice',
  unknown: 'can be reached, and Braze does not know the alias or the customer',
  missing: 'can be reached, and the profile lacks the attribute',
  wrong: 'can be reached, and the attribute holds something else',
  stale: 'cannot be reached, and the attribute is set',
}

/** How far it has come with a channel. */
export interface ChannelProgress extends OfChannel {
  wanted: number
  readonly comparison: Comparison
  /** Profiles of which Braze is told again. */
  resent: number
  /** Customers whom Braze does not know any more, and who are looked up again. */
  rechecked: number
  outstanding: Outstanding | null
}

export const newProgress = (channel: string): ChannelProgress => ({
  channel,
  wanted: 0,
  comparison: newComparison(),
  resent: 0,
  rechecked: 0,
  outstanding: null,
})

/** How far it has come. */
export interface Progress {
  channels: readonly ChannelProgress[]
}

/** How many profiles differ. */
export const differing = (comparison: Readonly<Record<Difference, number>>) =>
  DIFFERENCES.reduce((sum, kind) => sum + comparison[kind], 0)

/** The comparisons of all channels together. */
export const comparisonOf = ({ channels }: Progress): Comparison =>
  sumsOf(
    channels.map(({ comparison }) => comparison),
    newComparison(),
  )

export function barsOf(progress: Progress, isFixing: boolean): Bar[] {
  const { checked, waiting, fixed, delivered } = sumOf(progress)
  return [
    { name: 'compared', value: checked + waiting, total: wantedOf(progress) },
    ...(isFixing ? [{ name: 'delivered', value: delivered, total: fixed }] : []),
  ]
}

export function reportOf(end: End, progress: Progress, isFixing: boolean): Report {
  const sums = sumOf(progress)
  const results = progress.channels.map((channel) => ({
    channel: channel.channel,
    status: statusOf(end, numbersOf(channel), channel.wanted, { isFixing, isPart: true }),
    ...numbersOf(channel),
  }))
  const status = statusOf(end, sums, wantedOf(progress), { isFixing, isPart: false })
  return {
    result: { status, ...sums, ...listed(results) },
    text: sums.checked + sums.waiting > 0 || end === 'done' ? tablesOf(results) : '',
    interrupted: `Interrupted after ${number(sums.checked)} of ${number(wantedOf(progress))}.`,
  }
}

const wantedOf = ({ channels }: Progress): number => channels.reduce((sum, { wanted }) => sum + wanted, 0)

type Numbers = ReturnType<typeof numbersOf>

/** What `--json` prints, beside the status. */
const numbersOf = ({ comparison, resent, rechecked, outstanding }: ChannelProgress) => ({
  ...comparison,
  fixed: resent,
  rechecked,
  ...deliveredOf(resent, outstanding),
})

const sumOf = ({ channels }: Progress): Numbers => sumsOf(channels.map(numbersOf), numbersOf(newProgress('')))

/** Of one of several channels, what was found there counts, whatever else made it fail. */
function statusOf(end: End, numbers: Numbers, wanted: number, { isFixing, isPart }: StatusChoices) {
  const differs = differing(numbers) > 0
  const isWhole = numbers.checked + numbers.waiting === wanted
  if (end === 'done' || (isPart && isWhole && !differs)) return differs ? 'fixed' : 'agree'
  // It failed for no other reason than what it found.
  return end === 'failed' && differs && !isFixing && isWhole ? 'differ' : end
}

interface StatusChoices {
  readonly isFixing: boolean
  readonly isPart: boolean
}

/** The same for a person, under the name of its channel where there are several. */
const tablesOf = (results: readonly (OfChannel & Numbers)[]): string =>
  results
    .map((result) => (results.length > 1 ? `${result.channel}:\n${tableOf(result)}` : tableOf(result)))
    .join('\n')

function tableOf(result: Numbers): string {
  const rows: [count: number, meaning: string][] = [
    [result.agree, `agree, of ${number(result.checked)} compared`],
    ...DIFFERENCES.filter((kind) => result[kind] > 0).map((kind): [number, string] => [
      result[kind],
      `${kind}: ${MEANING[kind]}`,
    ]),
  ]
  if (result.waiting > 0) rows.push([result.waiting, 'left out: something about them is on its way to Braze'])
  if (result.fixed > 0) rows.push([result.delivered, `told again, of ${number(result.fixed)}`])
  if (result.rechecked > 0)
    rows.push([
      result.rechecked,
      'customers that a server looks up again; until Braze has them their links do not count',
    ])
  const width = Math.max(...rows.map(([count]) => number(count).length))
  return rows.map(([count, meaning]) => `${number(count).padStart(width)}  ${meaning}`).join('\n')
}
