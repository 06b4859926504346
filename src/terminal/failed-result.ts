import type { Reason, Reasons } from '../desk/reasons.ts'
import type { Failure, Outstanding } from '../ledger/ledger.ts'
import type { Bar } from './bars.ts'
import { linesOf, listed, type OfChannel, sumsOf } from './channels.ts'
import { many, number } from './numbers.ts'
import { deliveredOf, type End, type Report } from './report.ts'

/** Those whom Braze rejected, by reason, for a person. */
export function textOfReasons(reasons: Reasons, words: string | undefined): string {
  const list = reasons.list()
  if (list.length === 0)
    return words === undefined ? 'Braze has rejected nobody.' : 'Braze has rejected nobody for such a reason.'
  const width = number(list[0]?.count ?? 0).length
  return [
    `${many(reasons.total, 'profile')} ${reasons.total === 1 ? 'was' : 'were'} rejected, for ${many(list.length, 'reason')}:`,
    '',
    ...list.flatMap((reason) => linesOfReason(reason, width)),
    '',
    'Braze is told of them again by line-braze failed retry, once the reason is mended.',
  ].join('\n')
}

function linesOfReason({ reason, count, examples }: Reason, width: number): string[] {
  const margin = ' '.repeat(width + 2)
  const more = count - examples.length
  return [
    `${number(count).padStart(width)}  ${reason}`,
    ...examples.map((failure) => `${margin}${whoOf(failure)}`),
    ...(more > 0 ? [`${margin}and ${number(more)} more; --json names all`] : []),
  ]
}

const whoOf = ({ channel, address, userId }: Failure): string =>
  'externalId' in address
    ? `customer ${address.externalId}${userId === null ? '' : ` (${userId})`}, channel ${channel}`
    : `${address.userId}, channel ${channel}`

/** How far it has come with a channel. */
export interface RetryProgress extends OfChannel {
  wanted: number
  resent: number
  outstanding: Outstanding | null
}

export const newRetry = (channel: string): RetryProgress => ({
  channel,
  wanted: 0,
  resent: 0,
  outstanding: null,
})

export function barsOfRetry(parts: readonly RetryProgress[]): Bar[] {
  const { wanted, retried, delivered } = sumOf(parts)
  return [
    { name: 'due', value: retried, total: wanted },
    { name: 'delivered', value: delivered, total: retried },
  ]
}

export function reportOfRetry(end: End, parts: readonly RetryProgress[]): Report {
  const { wanted, ...sums } = sumOf(parts)
  const results = parts.map((part) => {
    const { wanted: _, ...numbers } = numbersOf(part)
    return { channel: part.channel, ...numbers }
  })
  const lines = results.map(({ channel, delivered }) => ({
    channel,
    text: `Braze was told again of ${many(delivered, 'profile')}, and has accepted that.`,
  }))
  const waiting = sums.retried - sums.delivered - sums.failed
  return {
    result: { status: end === 'done' ? 'complete' : end, ...sums, ...listed(results) },
    text:
      end !== 'done'
        ? ''
        : wanted === 0
          ? 'There is nobody to tell Braze of again.'
          : linesOf(lines).join('\n'),
    interrupted:
      sums.retried === 0
        ? 'Interrupted; nothing was changed.'
        : `Interrupted: ${number(sums.retried)} of ${many(wanted, 'profile')} were made due, and ${number(waiting)} of them wait for Braze. They go there with the server, or with failed retry again.`,
  }
}

const numbersOf = ({ wanted, resent, outstanding }: RetryProgress) => ({
  wanted,
  retried: resent,
  ...deliveredOf(resent, outstanding),
})

const sumOf = (parts: readonly RetryProgress[]) => sumsOf(parts.map(numbersOf), numbersOf(newRetry('')))
