import type BetterSqlite3 from 'better-sqlite3'
import { LedgerError } from '../ledger.ts'
import {
  CLOSED,
  COPIER,
  columnOf,
  FIELDS,
  type FieldType,
  KEYS,
  REFUSALS,
  ROW_KINDS,
  ROWS_AT_ONCE,
  type RowKind,
} from '../records.ts'
import type { Stored, transactions } from './stored.ts'

/** Of a row in the order in which rows are read. */
type Place = number | string

interface Identity {
  readonly id: string
  readonly copyOf: string | null
  readonly isComplete: 0 | 1
}

/** Whole rows out of one open database and into it. */
export function createMoving(database: BetterSqlite3.Database, atomic: ReturnType<typeof transactions>) {
  const find = database.prepare<[], Identity>(
    'SELECT id, copy_of AS copyOf, is_complete AS isComplete FROM identity',
  )
  const identity = () => find.get() as Identity
  const mark = (copyOf: string | null, isComplete: 0 | 1) =>
    database.prepare('UPDATE identity SET copy_of = ?, is_complete = ?').run(copyOf, isComplete)
  const is = (text: string, ...values: unknown[]) =>
    database
      .prepare(`SELECT ${text}`)
      .pluck()
      .get(...values) === 1

  const stored = {
    moveIn: atomic(() => {
      const { copyOf, isComplete } = identity()
      if (!isComplete) throw new LedgerError(REFUSALS.unfinished)
      if (is(IS_CLOSED)) throw new LedgerError(REFUSALS.moved)
      if (copyOf !== null) mark(null, 1)
    }),
    moveOut: atomic((_now: number, isClosed: boolean) => {
      if (!identity().isComplete) throw new LedgerError(REFUSALS.unfinished)
      const wasClosed = is(IS_CLOSED)
      if (wasClosed !== isClosed) database.exec((isClosed ? CLOSE : OPEN).join(';'))
      return wasClosed
    }),
  } satisfies Partial<Stored>

  return {
    ...stored,
    ledgerId: () => identity().id,
    /** As JSON `[row, …]`, those after the place `after`, and the place of the last of them; null where there are no more. */
    dumpRows(_now: number, kind: RowKind, after: Place | null) {
      const rows = database
        .prepare<[object], { place: Place; row: string }>(DUMP[kind])
        .all({ after: after ?? (BY_TEXT.includes(kind) ? '' : 0), limit: ROWS_AT_ONCE })
      const last = rows.length < ROWS_AT_ONCE ? null : (rows.at(-1)?.place ?? null)
      return { rows: `[${rows.map(({ row }) => row).join()}]`, last }
    },
    beginLoad: atomic((now: number, source: string) => {
      const { id, copyOf } = identity()
      if (id === source) throw new LedgerError(REFUSALS.itself)
      const isOurs = copyOf === source || (copyOf === null && is(IS_EMPTY))
      if (!isOurs || is(IS_CLOSED)) throw new LedgerError(REFUSALS.used)
      if (is(IS_SERVED, now)) throw new LedgerError(REFUSALS.served)
      // They may have come back since an earlier copy.
      database.exec('DELETE FROM forgotten')
      mark(source, 0)
    }),
    /** What is as it should be is not written again. */
    loadRows: atomic((_now: number, kind: RowKind, rows: string) => {
      if (identity().isComplete) throw new LedgerError(REFUSALS.used)
      for (const text of LOAD[kind]) database.prepare(text).run({ rows })
      // Everything is in its place.
      database.exec('DELETE FROM touched')
    }),
    endLoad: atomic(() => void mark(identity().copyOf, 1)),
  }
}

/** Triggers that refuse every new row and every change, whichever release of ours makes it. */
const triggers = CLOSED.flatMap((table) =>
  ['INSERT', 'UPDATE'].map((change) => ({ table, change, name: `moved_out_${table}_${change}` })),
)
const CLOSE = triggers.map(
  ({ table, change, name }) => `
    CREATE TRIGGER ${name} BEFORE ${change} ON ${table}
    WHEN ${table === 'leases' ? `NEW.holder NOT IN ('', '${COPIER}')` : 'true'}
    BEGIN SELECT RAISE(ABORT, 'moved out'); END`,
)
const OPEN = triggers.map(({ name }) => `DROP TRIGGER ${name}`)
export const IS_CLOSED = `EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = '${triggers[0]?.name}')`

const IS_EMPTY = ROW_KINDS.map((table) => `NOT EXISTS (SELECT 1 FROM ${table})`).join(' AND ')
const IS_SERVED = `EXISTS (SELECT 1 FROM leases WHERE holder <> '' AND expires_at > ?)`

const said = (expression: string, type: FieldType) =>
  type === 'boolean' ? `json(iif(${expression}, 'true', 'false'))` : expression
const pairs = (fields: Readonly<Record<string, FieldType>>, of: string) =>
  Object.entries(fields)
    .map(([field, type]) => `'${field}', ${said(`${of}.${columnOf(field)}`, type)}`)
    .join(', ')
const externalIdOf = (column: string) => `(SELECT external_id FROM customers WHERE id = t.${column})`

/** What is not a column of the row itself. */
const MORE: Partial<Record<RowKind, string>> = {
  customers: `, 'hasHolder', ${said('t.contact IS NOT NULL', 'boolean')}`,
  contacts: `,
    'target', ${externalIdOf('target')},
    'customer', ${externalIdOf('customer')},
    'isHolder', ${said('EXISTS (SELECT 1 FROM customers WHERE id = t.customer AND contact = t.id)', 'boolean')},
    'merge', json((SELECT json_object(${pairs(FIELDS.merges, 'm')}) FROM merges AS m WHERE m.contact = t.id))`,
}

const dump = (kind: RowKind, place = 'id') => `
  SELECT ${place} AS place, json_object(${pairs(FIELDS[kind], 't')}${MORE[kind] ?? ''}) AS row
  FROM ${kind} AS t WHERE ${place} > @after ORDER BY ${place} LIMIT @limit`
/** Whose places are texts. */
const BY_TEXT: readonly RowKind[] = ['nonces', 'series']

const DUMP: Readonly<Record<RowKind, string>> = {
  accounts: dump('accounts', 'rowid'),
  runs: dump('runs'),
  tokens: dump('tokens', 'rowid'),
  nonces: dump('nonces', 'hash'),
  forgotten: dump('forgotten', 'rowid'),
  customers: dump('customers'),
  contacts: dump('contacts'),
  activity: dump('activity', 'rowid'),
  series: dump('series', "channel || ' ' || at"),
  growth: dump('growth', 'rowid'),
}

const list = (items: readonly string[]) => items.join(', ')

/** @param more columns beside the fields of that name, and where they come from */
function load(kind: RowKind, more: Readonly<Record<string, string>> = {}): string {
  const fields = Object.keys(FIELDS[kind])
  const columns = [...fields.map(columnOf), ...Object.keys(more)]
  const values = [...fields.map((field) => `value ->> '${field}'`), ...Object.values(more)]
  const changed = columns.filter((column) => !KEYS[kind].map(columnOf).includes(column))
  return `
    INSERT INTO ${kind} AS t (${list(columns)}) SELECT ${list(values)} FROM json_each(@rows) WHERE true
    ON CONFLICT (${list(KEYS[kind].map(columnOf))}) DO UPDATE SET ${list(changed.map((column) => `${column} = excluded.${column}`))}
    WHERE (${list(changed.map((column) => `t.${column}`))}) IS NOT (${list(changed.map((column) => `excluded.${column}`))})`
}

const customerId = (field: string) => `(
  SELECT id FROM customers WHERE customers.channel = value ->> 'channel' AND customers.external_id = value ->> '${field}')`
const contactId = `(
  SELECT id FROM contacts WHERE contacts.channel = value ->> 'channel' AND contacts.user_id = value ->> 'userId')`
const merged = Object.keys(FIELDS.merges)

const LOAD: Readonly<Record<RowKind, readonly string[]>> = {
  accounts: [load('accounts')],
  runs: [load('runs')],
  tokens: [load('tokens')],
  nonces: [load('nonces')],
  forgotten: [load('forgotten')],
  customers: [
    // The trigger that counts customers is told of changes only, and finds the channel's counts.
    `INSERT OR IGNORE INTO counts (channel, friend, messager, gone, pending, failed)
    SELECT DISTINCT value ->> 'channel', 0, 0, 0, 0, 0 FROM json_each(@rows)`,
    `INSERT OR IGNORE INTO customers (channel, external_id)
    SELECT value ->> 'channel', value ->> 'externalId' FROM json_each(@rows)`,
    load('customers'),
    `UPDATE customers SET contact = NULL FROM json_each(@rows)
    WHERE customers.id = ${customerId('externalId')} AND NOT value ->> 'hasHolder' AND customers.contact IS NOT NULL`,
  ],
  contacts: [
    load('contacts', { target: customerId('target'), customer: customerId('customer') }),
    `UPDATE customers SET contact = ${contactId} FROM json_each(@rows)
    WHERE value ->> 'isHolder' AND customers.id = ${customerId('customer')} AND customers.contact IS NOT ${contactId}`,
    `DELETE FROM merges WHERE contact IN (SELECT ${contactId} FROM json_each(@rows) WHERE value ->> 'merge' IS NULL)`,
    `INSERT INTO merges (contact, ${list(merged.map(columnOf))})
    SELECT ${contactId}, ${list(merged.map((field) => `value ->> '$.merge.${field}'`))}
    FROM json_each(@rows) WHERE value ->> 'merge' IS NOT NULL
    ON CONFLICT (contact) DO UPDATE SET ${list(merged.map((field) => `${columnOf(field)} = excluded.${columnOf(field)}`))}`,
  ],
  activity: [load('activity')],
  series: [load('series')],
  growth: [load('growth')],
}
