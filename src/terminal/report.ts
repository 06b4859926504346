import type { Outstanding } from '../ledger/ledger.ts'

/** How a command that works something off has ended: by itself, by an end that was asked for, or by an error. */
export type End = 'done' | 'interrupted' | 'failed'

/** What such a command prints in the end. */
export interface Report {
  /** With `--json`, where the seconds that it took follow. */
  readonly result: object
  /** The same for a person; empty where there is nothing to tell. */
  readonly text: string
  /** For whoever ended it: how far it has come, and how to go on. */
  readonly interrupted: string
}

/** Of the changes of a run: how many Braze has accepted, or newer news has replaced, and how many it rejected. */
export function deliveredOf(changes: number, outstanding: Outstanding | null) {
  const { pending, failed } = outstanding ?? { pending: changes, failed: 0 }
  return { delivered: Math.max(0, changes - pending - failed), failed }
}
