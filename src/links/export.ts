import { stringify } from 'csv-stringify/sync'
import type { Ledger } from '../ledger/ledger.ts'
import { COLUMNS, type Column } from './columns.ts'

export interface ExportOptions {
  readonly ledger: Pick<Ledger, 'links'>
  readonly channels: readonly string[]
  /** Told how many links are on their way. */
  readonly onLinks: (count: number) => void
}

/** The links that name a customer, as a CSV that can be imported again; with a column `channel` where there are several. */
export async function* exportLinks({ ledger, channels, onLinks }: ExportOptions): AsyncGenerator<string> {
  const columns = COLUMNS.filter((column) => column !== 'channel' || channels.length > 1)
  yield stringify([columns])
  for (const channel of channels)
    for await (const links of ledger.links(channel)) {
      const rows = links.map(
        ({ userId, externalId, linkedAt }): Record<Column, unknown> => ({
          line_user_id: userId,
          external_id: externalId,
          linked_at: new Date(linkedAt).toISOString(),
          channel,
        }),
      )
      yield stringify(rows, { columns })
      onLinks(links.length)
    }
}
