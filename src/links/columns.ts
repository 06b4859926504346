import type { Row } from './csv.ts'

/** A file that cannot be read as a list of links; the message says why, and what to do. */
export class ImportError extends Error {
  override name = 'ImportError'
}

export const COLUMNS = ['line_user_id', 'external_id', 'linked_at', 'channel'] as const
export type Column = (typeof COLUMNS)[number]

/** What the file's first line says. */
export interface Header {
  /** Which field of a line is of a column. */
  readonly place: ReadonlyMap<Column, number>
  /** How many fields each line must have. */
  readonly length: number
}

/** A header that is none may be a line with ids: no word of it is told. */
const MUST =
  'the first line must name the columns line_user_id and external_id, and may name linked_at, channel and others, separated by commas, in UTF-8 and with an LF or CRLF at the end'

/**
 * The columns by their names, in any order and however they are written; those that are none of ours are left alone.
 *
 * @throws ImportError
 */
export function readHeader(row: Row | undefined): Header {
  if (!row) throw new ImportError(`The file is empty: ${MUST}.`)
  if (typeof row.fields === 'string') throw new ImportError(`Line ${row.number} ${row.fields}: ${MUST}.`)
  const names = row.fields.map((name) => name.trim().toLowerCase())
  const twice = COLUMNS.find((column) => names.indexOf(column) !== names.lastIndexOf(column))
  if (twice) throw new ImportError(`The file has two columns ${twice}: remove one of them.`)
  const missing = (['line_user_id', 'external_id'] as const).filter((column) => !names.includes(column))
  if (missing.length > 0) throw new ImportError(`The file lacks ${missing.join(' and ')}: ${MUST}.`)
  const known = COLUMNS.filter((column) => names.includes(column))
  return { place: new Map(known.map((column) => [column, names.indexOf(column)])), length: names.length }
}
