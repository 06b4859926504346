import type { LedgerContents, LedgerFacts, ServerFacts } from '../facts.ts'
import { DELIVERY_LEASE, LEASE_LIMIT_MS } from '../ledger.ts'
import { REFUSALS } from '../records.ts'
import { connectAlone, sharing } from './connections.ts'
import { createDatabase, type Sql } from './database.ts'
import { asLedgerError, nameOf } from './errors.ts'
import { newest, refuseForeign, refuseNewer, versionOf } from './migrate.ts'
import { IS_CLOSED } from './moving.ts'
import { refuseOtherSchema } from './schemas.ts'

/**
 * Looks into the database that `url` names.
 *
 * @param waitMs how long to wait for a connection
 * @throws LedgerError with a sentence for a person, without the password
 */
export async function lookAtPostgres(url: string, waitMs: number): Promise<LedgerFacts> {
  const name = nameOf(url)
  const client = await connectAlone({ url, waitMs }).catch((error: unknown) => {
    throw asLedgerError(error, name)
  })
  const connections = sharing(client)
  try {
    const sql = createDatabase({ connections, name })
    await refuseOtherSchema(sql, url, name)
    const version = await versionOf(sql)
    refuseNewer(version, name)
    if (version === 0) await refuseForeign(sql, name)
    const server = await serverOf(sql)
    const isReadable = version === newest()
    return {
      name,
      version,
      newest: newest(),
      contents: isReadable ? await contentsOf(sql) : null,
      server: isReadable ? { ...server, mayWrite: await mayWrite(sql) } : server,
    }
  } finally {
    await connections.end()
  }
}

async function serverOf(sql: Sql): Promise<ServerFacts> {
  const [row] = await sql.query<Omit<ServerFacts, 'mayWrite'>>(`
    SELECT current_setting('server_version') AS version, current_setting('synchronous_commit') AS "synchronousCommit",
      current_setting('fsync') AS fsync, current_setting('transaction_read_only') = 'on' AS "isReadOnly",
      coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS "mayMakeTables"`)
  return { ...(row as Omit<ServerFacts, 'mayWrite'>), mayWrite: true }
}

async function mayWrite(sql: Sql): Promise<boolean> {
  const [row] = await sql.query<{ may: boolean }>(`
    SELECT bool_and(has_table_privilege(oid, privilege)) AS may
    FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
    WHERE oid IN (to_regclass('contacts'), to_regclass('customers'), to_regclass('leases'))`)
  return row?.may === true
}

async function contentsOf(sql: Sql): Promise<LedgerContents> {
  const accounts = await sql.query<{ channel: string; destination: string }>(
    'SELECT channel, destination FROM accounts',
  )
  const channels = await sql.query<{ channel: string }>('SELECT DISTINCT channel FROM counts')
  const [row] = await sql.query<{ isDelivered: boolean; isComplete: boolean; isClosed: boolean }>(
    `SELECT EXISTS (
        SELECT 1 FROM leases WHERE name = @name AND holder <> '' AND NOT has_ended
          AND expires_at > @now AND expires_at <= @now + @limit
      ) AS "isDelivered",
      (SELECT is_complete FROM identity) AS "isComplete", ${IS_CLOSED} AS "isClosed"`,
    { name: DELIVERY_LEASE, limit: LEASE_LIMIT_MS },
  )
  return {
    accounts: new Map(accounts.map(({ channel, destination }) => [channel, destination])),
    channels: channels.map(({ channel }) => channel),
    isDelivered: row?.isDelivered === true,
    refusal: row?.isComplete !== true ? REFUSALS.unfinished : row.isClosed ? REFUSALS.moved : null,
  }
}
