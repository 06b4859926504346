import type { ChannelCounts } from '../ledger/ledger.ts'
import type { Bar } from './bars.ts'
import { many, number } from './numbers.ts'
import type { End, Report } from './report.ts'

/** How far a copy has come. */
export interface CopyProgress {
  readonly copied: { contacts: number; customers: number }
  /** Contacts there are; null while nobody knows. */
  total: number | null
  /** Of both databases, once they agree. */
  counts: readonly ChannelCounts[]
}

export const newProgress = (): CopyProgress => ({
  copied: { contacts: 0, customers: 0 },
  total: null,
  counts: [],
})

export const barsOf = ({ copied: { contacts, customers }, total }: CopyProgress): Bar[] => [
  ...(customers > 0 ? [{ name: 'customers', value: customers, total: null }] : []),
  { name: 'contacts', value: contacts, total },
]

export function reportOf(end: End, { copied, counts }: CopyProgress): Report {
  return {
    result: { status: end === 'done' ? 'complete' : end, ...copied, channels: counts },
    text: end === 'done' ? summaryOf(copied, counts) : '',
    interrupted:
      'Interrupted; nobody can work with the copy yet, and the database that was copied is as it was before. Start it again: what is stored already is compared, and not written again.',
  }
}

export const undoReportOf = (end: End, wasClosed: boolean): Report => ({
  result: { status: end === 'done' ? 'complete' : end },
  text: end === 'done' ? (wasClosed ? UNDONE : NOTHING_TO_UNDO) : '',
  interrupted: 'Interrupted; run it again.',
})

const UNDONE = 'This database is worked with again. Start no server on the copy.'
const NOTHING_TO_UNDO =
  'Nothing to undo: this database is open, and servers can work with it. Is it the copy, set DATABASE_URL to the one that was copied.'

function summaryOf({ contacts, customers }: CopyProgress['copied'], counts: readonly ChannelCounts[]) {
  const channels = counts.map(
    ({ channel, friend, messager, gone, linked, pending, failed }) =>
      `  ${channel}: ${many(friend, 'friend')}, ${number(messager)} who only wrote, ${number(gone)} gone; ${number(linked)} linked; ${number(pending)} pending, ${number(failed)} failed`,
  )
  return [
    `Copied ${many(contacts, 'contact')} and ${many(customers, 'customer')}; both databases have the same counts:`,
    ...channels,
    'Set DATABASE_URL to the copy, and start the server.',
  ].join('\n')
}
