import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core'
import pg from 'pg'
import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { migrateLedger, openLedger } from '../../src/ledger/open.ts'
import * as schema from '../../src/ledger/postgres/schema.ts'
import { key } from '../harness/people.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

t.test('processes that start at once bring a new database up to date together', async (t) => {
  const url = await server.createSchema()
  const ledgers = await Promise.all(
    Array.from({ length: 10 }, () => openLedger({ busyTimeoutMs: PATIENCE_MS, url })),
  )
  await Promise.all(ledgers.map((ledger, i) => ledger.record([friend(key(`u${i}`), 5)])))
  t.match(await ledgers[0]?.counts(), [{ friend: 10 }])
  await Promise.all(ledgers.map((ledger) => ledger.close()))
  t.strictSame(await migrateLedger(url), [], 'nothing is left to do')
})

t.test('of many who migrate at once one does', async (t) => {
  const url = await server.createSchema()
  const lacked = await Promise.all(Array.from({ length: 10 }, () => migrateLedger(url)))
  t.equal(lacked.filter((names) => names.length > 0).length, 1)
})

t.test('the Drizzle schema names the columns that the migrations make', async (t) => {
  const url = await server.createSchema()
  await migrateLedger(url)
  await withClient(url, async (client) => {
    for (const table of Object.values(schema) as PgTable[]) {
      const { name, columns } = getTableConfig(table)
      const { rows } = await client.query(
        `SELECT column_name AS name, data_type AS type, is_nullable = 'NO' AS needed FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`,
        [name],
      )
      const described = columns.map((column) => ({
        name: column.name,
        type: column.getSQLType(),
        needed: column.notNull,
      }))
      t.strictSame(rows, described, name)
    }
  })
})

t.test('a database that cannot be used is refused in one sentence, without its password', async (t) => {
  const url = new URL(await server.createSchema())
  const refusal = async (change: (url: URL) => void, mustExist = false) => {
    const changed = new URL(url)
    change(changed)
    const error = await openLedger({ busyTimeoutMs: PATIENCE_MS, url: changed.href, mustExist }).then(
      (ledger) => ledger.close().then(() => new Error('it was opened')),
      (error: Error) => error,
    )
    t.equal(error.name, 'LedgerError')
    t.notMatch(error.message, '\n')
    t.notMatch(error.message, changed.password)
    return error.message
  }
  t.match(
    await refusal((url) => {
      url.password = 'wrong-secret'
    }),
    /refuses the user or the password/,
  )
  t.match(
    await refusal((url) => {
      url.pathname = '/nowhere'
    }),
    /does not exist/,
  )
  t.match(
    await refusal((url) => {
      url.port = '1'
    }),
    /cannot be reached/,
  )
  t.match(
    await refusal((url) => {
      url.searchParams.set('options', '-c search_path=nowhere')
    }),
    /no schema/,
  )
  t.match(await refusal(() => {}, true), /There is no ledger in the database/)

  await withClient(url.href, (client) => client.query('CREATE TABLE contacts (theirs integer)'))
  t.match(await refusal(() => {}), /tables of another program/)
  const newer = await server.createSchema()
  await migrateLedger(newer)
  await withClient(newer, (client) => client.query('UPDATE line_braze SET version = 99'))
  await t.rejects(openLedger({ busyTimeoutMs: PATIENCE_MS, url: newer }), {
    name: 'LedgerError',
    message: /newer line-braze \(schema 99/,
  })
  await t.rejects(openLedger({ busyTimeoutMs: PATIENCE_MS, url: newer, isScratch: true }), {
    message: /newer line-braze/,
  })
})

t.test('a rehearsal sees what is there, and leaves nothing', async (t) => {
  const url = await server.createSchema()
  const ledger = await openLedger({ busyTimeoutMs: PATIENCE_MS, url })
  t.teardown(() => ledger.close())
  await ledger.record([friend(key('a'), 5)])
  const run = await ledger.beginRun('backfill', 'default', 10)

  const rehearsal = await openLedger({ busyTimeoutMs: PATIENCE_MS, url, isScratch: true })
  t.match(await rehearsal.counts(), [{ friend: 1 }])
  await rehearsal.record([friend(key('b'), 5)])
  const rehearsed = await rehearsal.beginRun('backfill', 'default', 10)
  t.not(rehearsed.id, run.id)
  t.ok(await rehearsal.lock('runs'))
  t.ok(await ledger.lock('runs'), 'it keeps nobody from a run')
  await rehearsal.recordPages(rehearsed.id, [{ userIds: ['c'], invalid: 0, next: null }])
  t.match(await rehearsal.counts(), [{ friend: 3 }])
  await rehearsal.close()

  t.match(await ledger.counts(), [{ friend: 1 }])
  t.match(await ledger.openRun('default'), { id: run.id })
  const empty = await openLedger({
    busyTimeoutMs: PATIENCE_MS,
    url: await server.createSchema(),
    isScratch: true,
  })
  await empty.record([friend(key('b'), 5)])
  t.match(await empty.counts(), [{ friend: 1 }])
  await empty.close()
})

t.test('a server that may lose what it has committed is warned of', async (t) => {
  const url = new URL(await server.createSchema())
  const warnings: string[] = []
  const open = async () => {
    const ledger = await openLedger({
      busyTimeoutMs: PATIENCE_MS,
      url: url.href,
      onWarning: (sentence) => warnings.push(sentence),
    })
    await ledger.close()
  }
  await open()
  t.strictSame(warnings, [])
  url.searchParams.set('options', `${url.searchParams.get('options')} -c synchronous_commit=off`)
  await open()
  t.match(warnings, [/synchronous_commit = off/])
})

t.test('no error names what was handed over', async (t) => {
  const ledger = await openLedger({ busyTimeoutMs: PATIENCE_MS, url: await server.createSchema() })
  t.teardown(() => ledger.close())
  await ledger.addNonce('hash-of-a-nonce', 'default', 'customer-7', 1_000)
  const twice: Error = await ledger.addNonce('hash-of-a-nonce', 'default', 'customer-7', 1_000).then(
    () => new Error('it was stored'),
    (error: Error) => error,
  )
  t.equal(twice.name, 'LedgerError')
  t.match(twice.message, '23505')
  t.notMatch(twice.message, /customer-7|hash-of/)
  t.match(await ledger.counts(), [], 'the connection is as good as before')
})

t.test('what a pooler refuses is told in its words', async (t) => {
  const fields = ['SFATAL', 'C08P01', 'Munsupported startup parameter: options', '', ''].join('\0')
  const refusal = Buffer.from(`E\0\0\0${String.fromCharCode(fields.length + 4)}${fields}`, 'latin1')
  const pooler = createServer((client) =>
    client.on('error', () => {}).once('data', () => client.end(refusal)),
  )
  pooler.listen(0, '127.0.0.1')
  await once(pooler, 'listening')
  t.teardown(() => pooler.close())
  const { port } = pooler.address() as { port: number }
  await t.rejects(migrateLedger(`postgres://somebody@127.0.0.1:${port}/x?options=-c%20search_path%3Dy`), {
    name: 'LedgerError',
    message: /not reached through a pooler, .* \(08P01: unsupported startup parameter: options\)/,
  })
})

t.test('a migration that has to wait for a table gives way to others, and is done later', async (t) => {
  const url = await server.createSchema()
  await migrateLedger(url)
  await withClient(url, (client) => client.query(UNDO))
  const waiting = `SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted AND relation = 'line_braze'::regclass`
  await withClient(url, async (reader) => {
    const isWaiting = async () => (await reader.query(waiting)).rows[0].waiting > 0
    await reader.query('BEGIN')
    await reader.query('LOCK TABLE line_braze IN SHARE MODE')
    const migrated = migrateLedger(url)
    while (!(await isWaiting()));
    while (await isWaiting());
    await reader.query('COMMIT')
    t.strictSame(await migrated, readdirSync(new URL('../../migrations/postgres', import.meta.url)).sort())
  })
})

/** Everything but which migrations have been done, and that is none. */
const UNDO = `
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'line_braze' LOOP
      EXECUTE format('DROP TABLE %I CASCADE', name);
    END LOOP;
  END $$;
  DROP SEQUENCE run_ids;
  UPDATE line_braze SET version = 0`

t.test('a database that is slow to take the first connection is waited for', async (t) => {
  const waitMs = 100
  const target = new URL(await server.createSchema())
  let connections = 0
  const slow = createServer(async (client) => {
    client.on('error', () => {})
    if (++connections === 1) await setTimeout(3 * waitMs)
    const through = connect(Number(target.port), target.hostname).on('error', () => {})
    client.pipe(through).pipe(client)
  })
  slow.listen(0, '127.0.0.1')
  await once(slow, 'listening')
  t.teardown(() => slow.close())
  const url = new URL(target)
  url.port = String((slow.address() as { port: number }).port)
  const ledger = await openLedger({ busyTimeoutMs: waitMs, url: url.href })
  t.ok(connections > 0)
  await ledger.close()
})
