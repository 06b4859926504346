import { GROWTH, type Ledger, LedgerError } from '../ledger.ts'
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
  type RowPart,
} from '../records.ts'
import { analyze } from './analyze.ts'
import { countedContact, countedCustomer, createTally } from './counting.ts'
import type { Database, Sql, Transaction } from './database.ts'
import { MOVED_OUT } from './errors.ts'

interface Identity {
  readonly id: string
  readonly copyOf: string | null
  readonly isComplete: boolean
}

/** Whole rows out of the database and into it. */
export function createMoving(database: Database) {
  return {
    moveIn: () =>
      database.transaction(async (transaction) => {
        const { copyOf, isComplete } = await identity(transaction)
        if (!isComplete) throw new LedgerError(REFUSALS.unfinished)
        if (await is(transaction, IS_CLOSED)) throw new LedgerError(REFUSALS.moved)
        if (copyOf !== null) await mark(transaction, null, true)
      }),

    moveOut: (isClosed) =>
      database.transaction(async (transaction) => {
        if (!(await identity(transaction)).isComplete) throw new LedgerError(REFUSALS.unfinished)
        const wasClosed = await is(transaction, IS_CLOSED)
        if (wasClosed === isClosed) return wasClosed
        for (const table of CLOSED) await transaction.query(isClosed ? close(table) : open(table))
        // It is not copied, and could not be worked out here any more.
        if (isClosed && (await is(transaction, 'EXISTS (SELECT 1 FROM touched)')))
          throw new LedgerError(REFUSALS.linking)
        return wasClosed
      }),

    async *dump() {
      yield { kind: 'ledger', id: (await identity(database)).id }
      for (const kind of ROW_KINDS) yield* dumpRows(database, kind)
      yield { kind: 'end' }
    },

    async load(part) {
      await database.transaction(async (transaction) => {
        const { id, copyOf, isComplete } = await identity(transaction, 'FOR UPDATE')
        if (part.kind === 'ledger') {
          if (id === part.id) throw new LedgerError(REFUSALS.itself)
          const isOurs = copyOf === part.id || (copyOf === null && (await is(transaction, IS_EMPTY)))
          if (!isOurs || (await is(transaction, IS_CLOSED))) throw new LedgerError(REFUSALS.used)
          if (await is(transaction, IS_SERVED)) throw new LedgerError(REFUSALS.served)
          // They may have come back since an earlier copy.
          await transaction.query('DELETE FROM forgotten')
          return mark(transaction, part.id, false)
        }
        if (isComplete) throw new LedgerError(REFUSALS.used)
        if (part.kind === 'end') return mark(transaction, copyOf, true)
        return loadRows(transaction, part)
      })
      if (part.kind === 'end') await analyze(database, ['contacts', 'customers', 'merges'])
    },
  } satisfies Partial<Ledger>
}

const identity = async (sql: Sql, how = '') =>
  (
    await sql.query<Identity>(
      `SELECT id, copy_of AS "copyOf", is_complete AS "isComplete" FROM identity ${how}`,
    )
  )[0] as Identity

async function mark(sql: Sql, copyOf: string | null, isComplete: boolean) {
  await sql.query('UPDATE identity SET copy_of = @copyOf, is_complete = @isComplete', { copyOf, isComplete })
}

const is = async (sql: Sql, what: string) =>
  (await sql.query<{ is: boolean }>(`SELECT ${what} AS "is"`))[0]?.is === true

const IS_EMPTY = ROW_KINDS.map((table) => `NOT EXISTS (SELECT 1 FROM ${table})`).join(' AND ')
const IS_SERVED = `EXISTS (SELECT 1 FROM leases WHERE holder <> '' AND NOT has_ended AND expires_at > @now)`

/**
 * A condition that no new row and no change fulfils, whichever release of ours makes it; those that are there are not looked at. To
 * add it takes a lock that waits for all who are writing, and lets none pass before it is committed.
 */
const close = (table: (typeof CLOSED)[number]) => `
  ALTER TABLE ${table} ADD CONSTRAINT ${MOVED_OUT}
  CHECK (${table === 'leases' ? `holder IN ('', '${COPIER}')` : 'false'}) NOT VALID`
const open = (table: (typeof CLOSED)[number]) => `ALTER TABLE ${table} DROP CONSTRAINT ${MOVED_OUT}`
export const IS_CLOSED = `EXISTS (
  SELECT 1 FROM pg_constraint WHERE conname = '${MOVED_OUT}' AND conrelid = to_regclass('contacts'))`

async function* dumpRows(sql: Sql, kind: RowKind): AsyncGenerator<RowPart> {
  let after: Readonly<Record<string, unknown>> | undefined
  do {
    const values = Object.fromEntries(
      KEYS[kind].map((field) => [`after_${field}`, after?.[field] ?? FIRST[typeOf(kind, field)]]),
    )
    const rows: Record<string, unknown>[] = await sql.query(dump(kind), { ...values, limit: ROWS_AT_ONCE })
    if (rows.length > 0) yield { kind, rows } as unknown as RowPart
    after = rows.length < ROWS_AT_ONCE ? undefined : rows.at(-1)
  } while (after)
}

/** What comes before every key. */
const FIRST: Readonly<Record<FieldType, unknown>> = { text: '', bigint: 0, boolean: false }

async function loadRows(transaction: Transaction, { kind, rows }: RowPart) {
  // Rows are found by their keys. In a table that was empty a moment ago the database would go through all, for each part again.
  await transaction.query('SET LOCAL enable_seqscan = off')
  const values = { rows: JSON.stringify(rows) }
  const tally = createTally()
  for (const { text, isCounted } of LOAD[kind]) {
    if (isCounted) await tally.change(transaction, text, values)
    else await transaction.query(text, values)
  }
  await tally.write(transaction)
}

const list = (items: readonly string[]) => items.join(', ')
const as = (of: string, field: string) => `${of}.${columnOf(field)} AS "${field}"`

/** What is not a column of the row itself. */
const MORE: Partial<Record<RowKind, string>> = {
  customers: ', t.holder IS NOT NULL AS "hasHolder"',
  contacts: `, t.target, t.customer,
    EXISTS (
      SELECT 1 FROM customers AS c
      WHERE c.channel = t.channel AND c.external_id = t.customer AND c.holder = t.user_id
    ) AS "isHolder",
    (
      SELECT json_build_object(${Object.keys(FIELDS.merges)
        .map((field) => `'${field}', m.${columnOf(field)}`)
        .join(', ')})
      FROM merges AS m WHERE m.channel = t.channel AND m.user_id = t.user_id
    ) AS merge`,
}

const typeOf = (kind: RowKind, field: string) =>
  (FIELDS[kind] as Readonly<Record<string, FieldType>>)[field] as FieldType

function dump(kind: RowKind): string {
  const key = KEYS[kind]
  return `
    SELECT ${list(Object.keys(FIELDS[kind]).map((field) => as('t', field)))}${MORE[kind] ?? ''} FROM ${kind} AS t
    WHERE (${list(key.map((field) => `t.${columnOf(field)}`))}) > (${list(key.map((field) => `@after_${field}::${typeOf(kind, field)}`))})
    ORDER BY ${list(key.map((field) => `t.${columnOf(field)}`))} LIMIT @limit`
}

interface Loading {
  /** Columns beside the fields of that name, and where they come from. */
  readonly more?: Readonly<Record<string, string>>
  /** What a row counts as, where it counts. */
  readonly counted?: string
}

/** The rows of a part, with these fields; `at` goes into the parts of rows. */
const rowsOf = (fields: Readonly<Record<string, string>>) =>
  `json_to_recordset(@rows::json) AS r (${list(Object.entries(fields).map(([field, type]) => `"${field}" ${type}`))})`

/** What is as it should be is not written again. */
function load(kind: RowKind, { more = {}, counted }: Loading = {}): { text: string; isCounted: boolean } {
  const fields = Object.keys(FIELDS[kind])
  const columns = [...fields.map(columnOf), ...Object.keys(more)]
  const key = KEYS[kind].map(columnOf)
  const changed = columns.filter((column) => !key.includes(column) && !['term', 'was'].includes(column))
  const text = `
    INSERT INTO ${kind} AS t (${list(columns)})
    SELECT ${list([...fields.map((field) => `r."${field}"`), ...Object.values(more)])}
    FROM ${rowsOf({ ...FIELDS[kind], ...EXTRA[kind] })}
    ORDER BY ${list(KEYS[kind].map((field) => `r."${field}"`))}
    ON CONFLICT (${list(key)}) DO UPDATE SET
      ${list(changed.map((column) => `${column} = excluded.${column}`))}${counted ? `, was = ${counted}` : ''}
    WHERE (${list(changed.map((column) => `t.${column}`))})
      IS DISTINCT FROM (${list(changed.map((column) => `excluded.${column}`))})
    ${counted ? `RETURNING t.channel, t.was AS before, ${counted} AS after` : ''}`
  return { text, isCounted: counted !== undefined }
}

const EXTRA: Partial<Record<RowKind, Readonly<Record<string, string>>>> = {
  customers: { hasHolder: 'boolean' },
  contacts: { target: 'text', customer: 'text', isHolder: 'boolean', merge: 'json' },
}
/** Whoever delivered before may have sent something for any of them. */
const NEW = { term: '0', was: '0' }
const CONTACTS = rowsOf({ channel: 'text', userId: 'text', ...EXTRA.contacts })
const plain = (text: string) => ({ text, isCounted: false })
const merged = Object.keys(FIELDS.merges)
const mergeOf = (field: string, type: string) => `(r.merge ->> '${field}')::${type}`

const LOAD: Readonly<Record<RowKind, readonly { readonly text: string; readonly isCounted: boolean }[]>> = {
  accounts: [load('accounts')],
  runs: [
    load('runs'),
    plain("SELECT setval('run_ids', (SELECT max(id) FROM runs)) FROM (SELECT @rows::text) AS given"),
  ],
  tokens: [load('tokens')],
  nonces: [load('nonces')],
  forgotten: [load('forgotten')],
  customers: [
    load('customers', { more: NEW, counted: countedCustomer('t') }),
    plain(`
      UPDATE customers AS c SET holder = NULL
      FROM ${rowsOf({ channel: 'text', externalId: 'text', hasHolder: 'boolean' })}
      WHERE c.channel = r.channel AND c.external_id = r."externalId" AND NOT r."hasHolder" AND c.holder IS NOT NULL`),
  ],
  contacts: [
    load('contacts', {
      more: { target: 'r.target', customer: 'r.customer', ...NEW },
      counted: countedContact('t'),
    }),
    plain(`
      UPDATE customers AS c SET holder = r."userId" FROM ${CONTACTS}
      WHERE r."isHolder" AND c.channel = r.channel AND c.external_id = r.customer
        AND c.holder IS DISTINCT FROM r."userId"`),
    plain(`
      DELETE FROM merges AS m USING ${CONTACTS}
      WHERE m.channel = r.channel AND m.user_id = r."userId" AND r.merge IS NULL`),
    plain(`
      INSERT INTO merges (channel, user_id, ${list(merged.map(columnOf))})
      SELECT r.channel, r."userId", ${list(Object.entries(FIELDS.merges).map(([field, type]) => mergeOf(field, type)))}
      FROM ${CONTACTS} WHERE r.merge IS NOT NULL
      ON CONFLICT (channel, user_id) DO UPDATE SET
        ${list(merged.map((field) => `${columnOf(field)} = excluded.${columnOf(field)}`))}`),
  ],
  activity: [load('activity')],
  series: [load('series')],
  growth: [
    plain(`
      INSERT INTO counts (channel, shard, friend, messager, gone, pending, failed, linked, waiting)
      SELECT r.channel, 0, 0, 0, 0, 0, 0, 0, 0 FROM ${rowsOf(FIELDS.growth)} ORDER BY r.channel ON CONFLICT DO NOTHING`),
    // What the rows of the copy counted as when they were stored is no growth.
    plain(`
      UPDATE counts AS c SET ${list(GROWTH.map((name) => `${name} = CASE c.shard WHEN 0 THEN r.${name} ELSE 0 END`))}
      FROM ${rowsOf(FIELDS.growth)} WHERE c.channel = r.channel`),
  ],
}
