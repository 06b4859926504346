import { randomBytes } from 'node:crypto'
import { LedgerError } from '../ledger.ts'
import { connectAlone } from './connections.ts'
import type { Sql } from './database.ts'
import { asLedgerError, nameOf } from './errors.ts'

export interface TemporarySchema {
  /** The URL of the schema. */
  readonly url: string
  /** For people, without a password. */
  readonly name: string
  /** Drops it with all that is in it. */
  remove(): Promise<void>
}

/** Named so that nobody takes it for something to keep. */
const PREFIX = 'line_braze_demo_'
const WAIT_MS = 5_000

/**
 * Makes an empty schema in the database of `url`, beside whatever else is there.
 *
 * @throws LedgerError where that cannot be done, with what to do about it
 */
export async function makeTemporarySchema(url: string): Promise<TemporarySchema> {
  const schema = PREFIX + randomBytes(4).toString('hex')
  await execute(url, `CREATE SCHEMA ${schema}`)
  const inside = new URL(url)
  // Of two settings of the same name the last one counts.
  const options = `${inside.searchParams.get('options') ?? ''} -c search_path=${schema}`.trim()
  inside.searchParams.set('options', options)
  return {
    url: inside.href,
    name: `${nameOf(url)}, schema ${schema}`,
    remove: () => execute(url, `DROP SCHEMA IF EXISTS ${schema} CASCADE`),
  }
}

/** The schemas that the URL names, in lower case; undefined where it leaves that to the database. Of two settings the last one counts. */
function schemasOf(url: string): string[] | undefined {
  if (!URL.canParse(url)) return undefined
  const options = new URL(url).searchParams.get('options') ?? ''
  const [, path] = [...options.matchAll(/search_path\s*=\s*(\S+)/g)].at(-1) ?? []
  return path?.split(',').map((name) => name.replaceAll('"', '').toLowerCase())
}

/**
 * Rejects where the URL names a schema and statements go to another one: a pooler may leave out what it was not set up for.
 *
 * @param name of the database, for errors
 */
export async function refuseOtherSchema(sql: Sql, url: string, name: string) {
  const wanted = schemasOf(url)
  if (!wanted) return
  const [row] = await sql.query<{ schema: string | null }>('SELECT current_schema() AS schema')
  const schema = row?.schema ?? null
  // One that is not there is refused elsewhere.
  if (schema === null || wanted.includes(schema.toLowerCase()) || wanted.includes('$user')) return
  throw new LedgerError(
    `The database ${name} does not take the schema ${wanted.join()} from DATABASE_URL, and would use ${schema}, as behind a pooler that leaves out "options"; give the user that search_path instead, or name the database itself.`,
  )
}

async function execute(url: string, text: string) {
  try {
    const client = await connectAlone({ url, waitMs: WAIT_MS })
    await client.query(text).finally(() => client.end())
  } catch (error) {
    throw asLedgerError(error, nameOf(url))
  }
}
