import { externalIdFault } from '../contact/link.ts'
import type { LinkEvidence } from '../ledger/ledger.ts'
import { isPerson, isTypicalUserId } from '../line/user-id.ts'
import type { Column, Header } from './columns.ts'
import type { Row } from './csv.ts'
import { readMoment } from './moment.ts'

/** What counts for every line of a file. */
export interface Terms {
  readonly header: Header
  /** The channels of which a line may be; where the file has no column for that, all lines are of the first. */
  readonly channels: readonly string[]
  /** When that was so what has no moment of its own. */
  readonly linkedAt: number
}

/** What a line says, or what is wrong with it: completes "Line 7 …", and never holds an id. */
export function evidenceOf({ fields }: Row, terms: Terms, now: number): LinkEvidence | string {
  const { header, channels } = terms
  if (typeof fields === 'string') return fields
  if (fields.length !== header.length)
    return `has ${fields.length} ${fields.length === 1 ? 'field' : 'fields'} where the header has ${header.length}; a field with a comma needs quotation marks`
  const field = (column: Column) => fields[header.place.get(column) ?? -1]

  const channel = field('channel') ?? channels[0]
  if (channel === undefined || !channels.includes(channel)) return 'names a channel that is not configured'
  const userId = field('line_user_id')
  const externalId = field('external_id') || null
  // Files that were put together have several.
  if (userId?.toLowerCase() === 'line_user_id') return 'has the names of columns, as the first line has'
  if (!isPerson(userId)) return `has a line_user_id that is ${userId ? 'no LINE user id' : 'empty'}`
  const fault = externalId === null ? undefined : externalIdFault(externalId)
  if (fault) return `is wrong: the external id ${fault}`
  if (isTypicalUserId(externalId ?? '') && !isTypicalUserId(userId))
    return 'has a LINE user id as external_id and not as line_user_id'
  const at = field('linked_at')
  const linkedAt = at ? readMoment(at, now) : terms.linkedAt
  return typeof linkedAt === 'string'
    ? `is wrong: linked_at ${linkedAt}`
    : { channel, userId, externalId, linkedAt }
}
