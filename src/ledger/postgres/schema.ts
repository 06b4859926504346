import type { Run, RunKind } from '../ledger.ts'
import { bigint, boolean, integer, pgTable, sql, text } from './drizzle.ts'

const number = (name: string) => bigint(name, { mode: 'number' })

/** The small tables of migrations/postgres, which says what each column means; a test compares the two. */
export const runs = pgTable('runs', {
  id: number('id').primaryKey().default(sql`nextval('run_ids')`),
  kind: text().$type<RunKind>().notNull(),
  channel: text().notNull(),
  account: text(),
  asOf: number('as_of').notNull(),
  state: text().$type<Run['state']>().notNull(),
  cursor: text(),
  cursorAt: number('cursor_at').notNull(),
  known: number('known').notNull(),
  pages: number('pages').notNull().default(0),
  listed: number('listed').notNull().default(0),
  invalid: number('invalid').notNull().default(0),
  added: number('added').notNull().default(0),
  returned: number('returned').notNull().default(0),
  gone: number('gone').notNull().default(0),
  beganAt: number('began_at'),
  endedAt: number('ended_at'),
})

export const accounts = pgTable('accounts', {
  channel: text().primaryKey(),
  destination: text().notNull(),
  heard: boolean().notNull(),
})

export const nonces = pgTable('nonces', {
  hash: text().primaryKey(),
  channel: text().notNull(),
  externalId: text('external_id').notNull(),
  expiresAt: number('expires_at').notNull(),
  userId: text('user_id'),
})

export const leases = pgTable('leases', {
  name: text().primaryKey(),
  holder: text().notNull(),
  term: integer().notNull(),
  expiresAt: number('expires_at').notNull(),
  hasEnded: boolean('has_ended').notNull(),
  quietUntil: number('quiet_until').notNull(),
})
