import type { Outstanding } from '../ledger/ledger.ts'
import type { Bar } from './bars.ts'
import { many, number } from './numbers.ts'
import { deliveredOf, type End, type Report } from './report.ts'

/** How far it has come. */
export interface Progress {
  wanted: number
  resent: number
  outstanding: Outstanding | null
}

export function barsOf({ wanted, resent, outstanding }: Progress): Bar[] {
  return [
    { name: 'due', value: resent, total: wanted },
    { name: 'delivered', value: deliveredOf(resent, outstanding).delivered, total: resent },
  ]
}

export function reportOf(end: End, { wanted, resent, outstanding }: Progress): Report {
  const { delivered, failed } = deliveredOf(resent, outstanding)
  const waiting = resent - delivered - failed
  return {
    result: { status: end === 'done' ? 'complete' : end, resent, delivered, failed },
    text: end === 'done' ? `Braze was told again of ${many(delivered, 'contact')}.` : '',
    interrupted:
      resent === 0
        ? 'Interrupted; nothing was changed.'
        : `Interrupted: ${number(resent)} of ${many(wanted, 'contact')} were made due, and ${number(waiting)} of them wait for Braze. They go there with the server, or with resync again.`,
  }
}
