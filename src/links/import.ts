import type { Ledger, LinkEvidence } from '../ledger/ledger.ts'
import { type Header, ImportError, readHeader } from './columns.ts'
import { readRows } from './csv.ts'
import { evidenceOf, type Terms } from './evidence.ts'
import { readLines } from './lines.ts'

export interface ImportOptions {
  readonly ledger: Pick<Ledger, 'beginRun' | 'link' | 'endRun'>
  /** The bytes of the file. */
  readonly source: AsyncIterable<Uint8Array>
  /** All channels that there are. */
  readonly channels: readonly string[]
  /** The one that the file is of, where that was said. */
  readonly channel?: string | undefined
  /** When it was so what the file gives no moment for, milliseconds since 1970. */
  readonly linkedAt: number
  /** Kept up to date. */
  readonly counts: ImportCounts
  readonly observer: ImportObserver
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  /** Ends the import after what is being stored. */
  readonly signal: AbortSignal
}

/** Who wants to know how it goes. */
export interface ImportObserver {
  /** The first line was understood. */
  begun(header: Header): void
  /** A line that is skipped, and why: completes "Line 7 …". */
  invalid(line: number, fault: string): void
}

/** What became of the lines, but of the first and of empty ones. */
export type ImportCounts = ReturnType<typeof newCounts>

export const newCounts = () => ({
  bytes: 0,
  lines: 0,
  /** Those that changed whose contact it is, and those that ended a link. */
  linked: 0,
  unlinked: 0,
  /** Those that said nothing new, since it was so before or something newer is known. */
  unchanged: 0,
  invalid: 0,
})

/** One call of the ledger. */
const BATCH = 1_000

/**
 * Stores the links that a CSV names. Ends safely at any moment: links are evidence, so that the same file again stores
 * what is missing, and changes nothing else.
 *
 * @throws ImportError, LedgerError, the error of `source`; the reason of `signal` once that aborts
 */
export async function importLinks(options: ImportOptions): Promise<void> {
  const { ledger, counts, linkedAt, signal } = options
  const runs = new Map<string, number>()
  const runOf = async (channel: string) => {
    const id = runs.get(channel) ?? (await ledger.beginRun('links', channel, linkedAt)).id
    runs.set(channel, id)
    return id
  }
  for await (const batch of inBatches(evidence(options))) {
    for (const [channel, links = []] of Object.entries(Object.groupBy(batch, ({ channel }) => channel)))
      for (const { outcome } of await ledger.link(links, await runOf(channel)))
        counts[outcome === 'forgotten' ? 'unchanged' : outcome] += 1
    signal.throwIfAborted()
  }
  for (const id of runs.values()) await ledger.endRun(id, 'complete')
}

/** Some links at a time, of the lines that are right. */
async function* evidence(options: ImportOptions): AsyncGenerator<LinkEvidence[]> {
  const { source, counts, observer, clock = Date.now } = options
  let terms: Terms | undefined
  for await (const lines of readLines(counted(source, counts))) {
    const [first, ...others] = readRows(lines)
    if (!first) continue
    const rows = terms ? [first, ...others] : others
    terms ??= termsOf(readHeader(first), options)
    const links: LinkEvidence[] = []
    for (const row of rows) {
      const read = evidenceOf(row, terms, clock())
      counts.lines += 1
      if (typeof read !== 'string') links.push(read)
      else {
        counts.invalid += 1
        observer.invalid(row.number, read)
      }
    }
    yield links
  }
  if (!terms) readHeader(undefined)
}

function termsOf(header: Header, { channels, channel, linkedAt, observer }: ImportOptions): Terms {
  const isNamed = header.place.has('channel')
  if (isNamed && channel !== undefined)
    throw new ImportError('The file has a column channel: leave out --channel, or that column.')
  if (!isNamed && channel === undefined && channels.length > 1)
    throw new ImportError(
      `The file does not say which channel it is of: name it with --channel (${channels.join(', ')}), or give the file a column channel.`,
    )
  observer.begun(header)
  return { header, linkedAt, channels: channel === undefined ? channels : [channel] }
}

async function* counted(source: AsyncIterable<Uint8Array>, counts: ImportCounts) {
  for await (const chunk of source) {
    counts.bytes += chunk.length
    yield chunk
  }
}

/** The same in parts of one size, however much comes at a time. */
async function* inBatches<T>(source: AsyncIterable<readonly T[]>): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const items of source)
    for (const item of items) {
      batch.push(item)
      if (batch.length < BATCH) continue
      yield batch
      batch = []
    }
  if (batch.length > 0) yield batch
}
