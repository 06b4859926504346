import type { Failure, Ledger } from '../ledger.ts'
import type { Database } from './database.ts'
import { type ProfileKind, profileIdOf } from './profile-ids.ts'

/** Profiles read at once: of each page all that Braze rejected are looked at, so that there are few pages. */
const FAILURES_AT_ONCE = 20_000
const KINDS = ['contact', 'customer'] as const

/** The profiles whose newest state Braze rejected. */
export const createFailures = (database: Database) =>
  ({
    async *failures(channels) {
      for (const kind of KINDS) {
        let after = { channel: '', name: '' }
        for (;;) {
          const asked = { ...after, channels: channels ?? null, limit: FAILURES_AT_ONCE }
          const rows: FailureRow[] = await database.query(PAGE[kind], asked, 0)
          const last = rows.at(-1)
          if (!last) break
          yield rows.map(asFailure(kind))
          after = last
        }
      }
    },
  }) satisfies Partial<Ledger>

interface FailureRow {
  readonly channel: string
  readonly name: string
  readonly userId: string | null
  readonly failure: string
}

const asFailure =
  (kind: ProfileKind) =>
  ({ name, ...row }: FailureRow): Failure => ({
    id: profileIdOf(kind, row.channel, name),
    address: kind === 'contact' ? { userId: name } : { externalId: name },
    ...row,
  })

/** By the partial index, whatever the order would make of it: those that failed are few among all. */
const page = (table: string, key: string, userId: string) => `
  WITH failed AS MATERIALIZED (
    SELECT channel, ${key} AS name, ${userId} AS "userId", failure FROM ${table}
    WHERE failure IS NOT NULL AND (channel, ${key}) > (@channel::text, @name::text)
      AND (@channels::text[] IS NULL OR channel = ANY(@channels::text[]))
  )
  SELECT * FROM failed ORDER BY channel, name LIMIT @limit`

const PAGE: Readonly<Record<ProfileKind, string>> = {
  contact: page('contacts', 'user_id', 'user_id'),
  customer: page('customers', 'external_id', 'holder'),
}
