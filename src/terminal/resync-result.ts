import type { Outstanding } from '../ledger/ledger.ts'
import type { Bar } from './bars.ts'
import { linesOf, listed, type OfChannel, sumsOf } from './channels.ts'
import { many, number } from './numbers.ts'
import { deliveredOf, type End, type Report } from './report.ts'

/** How far it has come with a channel. */
export interface ChannelProgress extends OfChannel {
  wanted: number
  resent: number
  outstanding: Outstanding | null
}

export const newProgress = (channel: string): ChannelProgress => ({
  channel,
  wanted: 0,
  resent: 0,
  outstanding: null,
})

/** How far it has come. */
export interface Progress {
  channels: readonly ChannelProgress[]
}

export const wantedOf = ({ channels }: Progress): number =>
  channels.reduce((sum, { wanted }) => sum + wanted, 0)

export function barsOf(progress: Progress): Bar[] {
  const { resent, delivered } = sumOf(progress)
  return [
    { name: 'due', value: resent, total: wantedOf(progress) },
    { name: 'delivered', value: delivered, total: resent },
  ]
}

export function reportOf(end: End, progress: Progress): Report {
  const sums = sumOf(progress)
  const waiting = sums.resent - sums.delivered - sums.failed
  const results = progress.channels.map((channel) => ({ channel: channel.channel, ...numbersOf(channel) }))
  const lines = results.map(({ channel, delivered }) => ({
    channel,
    text: `Braze was told again of ${many(delivered, 'contact')}.`,
  }))
  return {
    result: { status: end === 'done' ? 'complete' : end, ...sums, ...listed(results) },
    text: end === 'done' ? linesOf(lines).join('\n') : '',
    interrupted:
      sums.resent === 0
        ? 'Interrupted; nothing was changed.'
        : `Interrupted: ${number(sums.resent)} of ${many(wantedOf(progress), 'contact')} were made due, and ${number(waiting)} of them wait for Braze. They go there with the server, or with resync again.`,
  }
}

const numbersOf = ({ resent, outstanding }: ChannelProgress) => ({
  resent,
  ...deliveredOf(resent, outstanding),
})

const sumOf = ({ channels }: Progress) => sumsOf(channels.map(numbersOf), numbersOf(newProgress('')))
