import type { Failure, Ledger } from '../ledger.ts'
import type { Database } from './database.ts'
import { type ProfileKind, profileIdOf } from './profile-ids.ts'

/** Profiles read at once: of each page all that Braze rejected are looked at, so that there are few pages. */
const FAILURES_AT_ONCE = 20_000
const KINDS = ['contact', 'customer'] as const

/** The profiles whose newest state Braze rejected. */
export function createFailures(database: Database) {
  /** By the run that made them due, those without one first: so a partial index has them. */
  async function* ofKind(kind: ProfileKind, channels: readonly string[] | null, lastRun: number) {
    for (
      let run: number | null | undefined = null;
      run !== undefined;
      run = await nextRun(kind, run, lastRun)
    ) {
      let after = { channel: '', name: '' }
      for (;;) {
        const text = run === null ? PAGE[kind].ofNone : PAGE[kind].ofRun
        const asked = { ...after, run, channels, limit: FAILURES_AT_ONCE }
        const rows: FailureRow[] = await database.query(text, asked, 0)
        const last = rows.at(-1)
        if (!last) break
        yield rows.map(asFailure(kind))
        after = last
      }
    }
  }

  async function nextRun(
    kind: ProfileKind,
    run: number | null,
    lastRun: number,
  ): Promise<number | undefined> {
    const [row] = await database.query<{ run: number | null }>(NEXT_RUN[kind], { run: run ?? -1, lastRun }, 0)
    return row?.run ?? undefined
  }

  return {
    async *failures(channels) {
      // Runs that begin meanwhile are later: who is told of again by one of them, and rejected again, comes no second time.
      const [row] = await database.query<{ run: number }>('SELECT coalesce(max(id), 0) AS run FROM runs')
      for (const kind of KINDS) yield* ofKind(kind, channels ?? null, row?.run ?? 0)
    },
  } satisfies Partial<Ledger>
}

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

/** What is added to the keys, and that this is worked out by itself, keeps the database from going through all others by keys. */
const page = (table: string, key: string, userId: string, ofRun: string) => `
  WITH failed AS MATERIALIZED (
    SELECT channel, ${key} AS name, ${userId} AS "userId", failure FROM ${table}
    WHERE failure IS NOT NULL AND ${ofRun} AND (channel || '', ${key} || '') > (@channel::text, @name::text)
      AND (@channels::text[] IS NULL OR channel || '' = ANY(@channels::text[]))
  )
  SELECT * FROM failed ORDER BY channel, name LIMIT @limit`
const pages = (table: string, key: string, userId: string) => ({
  ofNone: page(table, key, userId, 'run IS NULL'),
  ofRun: page(table, key, userId, 'run = @run::bigint'),
})

const PAGE: Readonly<Record<ProfileKind, ReturnType<typeof pages>>> = {
  contact: pages('contacts', 'user_id', 'user_id'),
  customer: pages('customers', 'external_id', 'holder'),
}

const nextRunOf = (table: string) =>
  `SELECT min(run) AS run FROM ${table} WHERE failure IS NOT NULL AND run > @run::bigint AND run <= @lastRun::bigint`
const NEXT_RUN: Readonly<Record<ProfileKind, string>> = {
  contact: nextRunOf('contacts'),
  customer: nextRunOf('customers'),
}
