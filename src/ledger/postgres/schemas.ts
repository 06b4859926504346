import { randomBytes } from 'node:crypto'
import { connectAlone } from './connections.ts'
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

async function execute(url: string, text: string) {
  try {
    const client = await connectAlone({ url, waitMs: WAIT_MS })
    await client.query(text).finally(() => client.end())
  } catch (error) {
    throw asLedgerError(error, nameOf(url))
  }
}
