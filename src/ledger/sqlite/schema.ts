import type { Status } from '../../contact/contact.ts'
import type { Run, RunKind } from '../ledger.ts'
import { integer, sql, sqliteTable, text } from './drizzle.ts'

/** The tables of migrations/sqlite, which says what each column means; a test compares the two. */
export const contacts = sqliteTable('contacts', {
  id: integer().primaryKey(),
  channel: text().notNull(),
  userId: text('user_id').notNull(),
  friendAt: integer('friend_at').notNull(),
  messagedAt: integer('messaged_at').notNull(),
  goneAt: integer('gone_at').notNull(),
  revision: integer().notNull(),
  accepted: integer().notNull(),
  changedAt: integer('changed_at').notNull(),
  dueAt: integer('due_at').notNull(),
  failure: text(),
  status: text().$type<Status>().notNull().generatedAlwaysAs(sql`see migrations`),
  pending: integer({ mode: 'boolean' }).notNull().generatedAlwaysAs(sql`see migrations`),
  run: integer(),
  bulk: integer({ mode: 'boolean' }).notNull().generatedAlwaysAs(sql`see migrations`),
  externalId: text('external_id'),
  linkedAt: integer('linked_at').notNull().default(0),
  target: integer(),
  customer: integer(),
  checkUntil: integer('check_until'),
  holds: integer({ mode: 'boolean' }).notNull().generatedAlwaysAs(sql`see migrations`),
})

export const customers = sqliteTable('customers', {
  id: integer().primaryKey(),
  channel: text().notNull(),
  externalId: text('external_id').notNull(),
  isKnown: integer('is_known', { mode: 'boolean' }).notNull().default(false),
  checkAt: integer('check_at'),
  isUrgent: integer('is_urgent', { mode: 'boolean' }).notNull().default(false),
  tries: integer().notNull().default(0),
  contact: integer(),
  revision: integer().notNull().default(0),
  accepted: integer().notNull().default(0),
  changedAt: integer('changed_at').notNull().default(0),
  dueAt: integer('due_at').notNull().default(0),
  failure: text(),
  run: integer(),
  pending: integer({ mode: 'boolean' }).notNull().generatedAlwaysAs(sql`see migrations`),
  bulk: integer({ mode: 'boolean' }).notNull().generatedAlwaysAs(sql`see migrations`),
})

export const runs = sqliteTable('runs', {
  id: integer().primaryKey(),
  kind: text().$type<RunKind>().notNull(),
  channel: text().notNull(),
  account: text(),
  asOf: integer('as_of').notNull(),
  state: text().$type<Run['state']>().notNull(),
  cursor: text(),
  cursorAt: integer('cursor_at').notNull(),
  known: integer().notNull(),
  pages: integer().notNull().default(0),
  listed: integer().notNull().default(0),
  invalid: integer().notNull().default(0),
  added: integer().notNull().default(0),
  returned: integer().notNull().default(0),
  gone: integer().notNull().default(0),
  beganAt: integer('began_at'),
  endedAt: integer('ended_at'),
})

export const accounts = sqliteTable('accounts', {
  channel: text().primaryKey(),
  destination: text().notNull(),
  heard: integer({ mode: 'boolean' }).notNull(),
})

export const counts = sqliteTable('counts', {
  channel: text().primaryKey(),
  friend: integer().notNull(),
  messager: integer().notNull(),
  gone: integer().notNull(),
  pending: integer().notNull(),
  failed: integer().notNull(),
  linked: integer().notNull().default(0),
  waiting: integer().notNull().default(0),
})

export const leases = sqliteTable('leases', {
  name: text().primaryKey(),
  holder: text().notNull(),
  expiresAt: integer('expires_at').notNull(),
  quietUntil: integer('quiet_until').notNull().default(0),
  isLocked: integer('is_locked', { mode: 'boolean' }).notNull().default(false),
  contactsBefore: integer('contacts_before').notNull().default(0),
  customersBefore: integer('customers_before').notNull().default(0),
})

export const probes = sqliteTable('probes', {
  id: integer().primaryKey(),
  probed: integer().notNull(),
})
