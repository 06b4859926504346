import type { ImportCounts } from '../links/import.ts'
import type { Bar } from './bars.ts'
import { many, number } from './numbers.ts'
import type { End, Report } from './report.ts'

/** How far it has come. */
export interface Progress {
  readonly counts: ImportCounts
  /** Bytes of the file; null where nobody knows. */
  size: number | null
  /** Whether everything was read and stored. */
  isRead: boolean
}

/** The lines, and by the bytes how many there are about. */
export function barsOf({ counts: { lines, bytes }, size, isRead }: Progress): Bar[] {
  const about = size !== null && lines > 0 ? Math.round((lines * Math.max(size, bytes)) / bytes) : null
  return [{ name: 'lines', value: lines, total: isRead ? lines : about, isAbout: !isRead }]
}

export function reportOf(end: End, { counts, isRead }: Progress, isDry: boolean): Report {
  const { lines, linked, unlinked, unchanged, invalid } = counts
  const stored = linked + unlinked + unchanged
  return {
    result: {
      status: statusOf(end, counts, isRead, isDry),
      lines,
      linked,
      unlinked,
      unchanged,
      invalid,
    },
    text: isRead ? summaryOf(counts, isDry) : '',
    interrupted:
      isDry || stored === 0
        ? 'Interrupted; nothing was stored.'
        : `Interrupted: ${many(stored, 'line')} of the ${number(lines)} that were read are stored. Import the same file again; what is stored already changes nothing.`,
  }
}

/** `invalid`: for no other reason than lines that were skipped. */
function statusOf(end: End, { invalid }: ImportCounts, isRead: boolean, isDry: boolean) {
  if (end === 'failed' && isRead && invalid > 0) return 'invalid'
  if (end !== 'done') return end
  return isDry ? 'dry-run' : 'complete'
}

function summaryOf({ lines, linked, unlinked, unchanged, invalid }: ImportCounts, isDry: boolean): string {
  const skipped = invalid > 0 ? `, ${number(invalid)} skipped` : ''
  const what = `${many(lines, 'line')}: ${number(linked)} linked, ${number(unlinked)} unlinked, ${number(unchanged)} unchanged${skipped}.`
  if (isDry) return `${what} Nothing was written.`
  return linked + unlinked > 0
    ? `${what} The running server tells Braze of it; where none runs, the next one does.`
    : what
}

/** So many lines are named; of more than these somebody corrects the file's maker and not the file. */
const NAMED = 20

/** Says which lines are skipped, and why, as long as they are few. */
export function createComplaints(say: (sentence: string) => void) {
  let count = 0
  return (line: number, fault: string) => {
    count += 1
    if (count <= NAMED) say(`Line ${number(line)} ${fault}.`)
    if (count === NAMED + 1) say('More lines are wrong; they are skipped, too, and only counted.')
  }
}
