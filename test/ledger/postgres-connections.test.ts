/** What becomes of connections whose statement waits for nothing any more, and of those that a failover left behind. */
import pg from 'pg'
import t, { type Test } from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { migrateLedger } from '../../src/ledger/open.ts'
import { createPool } from '../../src/ledger/postgres/connections.ts'
import { createDatabase } from '../../src/ledger/postgres/database.ts'
import { openPostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import { key } from '../harness/people.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'
import { startProxy } from '../harness/proxy.ts'

/** What a statement that is given up waits for. A busy machine has to come to the lock in less, and to be done without one. */
const IMPATIENCE_MS = 1_500

const server = await startPostgres()
t.teardown(() => server.stop())

async function connect(t: Test, url: string) {
  const client = new pg.Client(url)
  await client.connect()
  t.teardown(() => client.end())
  return client
}

t.test('a statement that is given up keeps no connection of the server', async (t) => {
  const url = await server.createSchema()
  const ledger = await openPostgresLedger({ url, busyTimeoutMs: IMPATIENCE_MS })
  t.teardown(() => ledger.close())
  const other = await connect(t, url)
  await other.query('BEGIN')
  await other.query('LOCK TABLE contacts')
  const looking = await connect(t, url)
  const waiting = async () => {
    const { rows } = await looking.query(
      "SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'contacts'::regclass AND NOT granted",
    )
    return rows[0].n
  }
  for (let i = 0; i < 3; i++) {
    const recorded = ledger.record([friend(key(`u${i}`), 5)])
    while ((await waiting()) === 0);
    await t.rejects(recorded, /does not answer in time/)
    // The other one still has its lock.
    while ((await waiting()) > 0);
  }
  await other.query('ROLLBACK')
  await ledger.record([friend(key('last'), 5)])
  t.match(await ledger.counts(), [{ friend: 1 }], 'what was refused is not stored later')
})

t.test('connections to what has become a standby are left behind', async (t) => {
  const url = await server.createSchema()
  // The tables are not the role's, so that it can be dropped.
  await migrateLedger(url)
  const primary = await connect(t, url)
  const role = `${new URL(url).searchParams.get('options')?.split('=')[1]}_role`
  await primary.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'two'`)
  t.teardown(() => primary.query(`DROP ROLE ${role}`))
  const inRole = new URL(url)
  inRole.username = role
  inRole.password = 'two'
  const ledger = await openPostgresLedger({ url: inRole.href, busyTimeoutMs: PATIENCE_MS })
  t.teardown(() => ledger.close())
  // Connections made from now on are as those to a standby, and those made after the failover are not.
  await primary.query(`ALTER ROLE ${role} SET default_transaction_read_only = on`)
  await primary.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role])
  await t.rejects(ledger.record([friend(key('a'), 5)]), /is read-only, as a standby is/)
  await t.rejects(ledger.record([friend(key('a'), 5)]), /is read-only, as a standby is/)
  await primary.query(`ALTER ROLE ${role} RESET default_transaction_read_only`)
  // The last one was left behind when it refused.
  await ledger.record([friend(key('b'), 5)])
  t.match(await ledger.counts(), [{ friend: 1 }])
})

t.test('who is suspended in the middle of a transaction keeps nobody for long', async (t) => {
  const url = await server.createSchema()
  await migrateLedger(url)
  const pool = createPool({ url, waitMs: PATIENCE_MS })
  t.teardown(() => pool.end())
  const database = createDatabase({ connections: pool, name: 'x', silenceMs: 1_000 })
  const PROBE = 'UPDATE probes SET probed = probed + 1'
  const [locked, awake] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const suspended = database.transaction(async ({ query }) => {
    await query(PROBE)
    locked.resolve()
    await awake.promise
    await query(PROBE)
  })
  await locked.promise
  await database.query(PROBE)
  awake.resolve()
  await t.rejects(suspended, {
    name: 'LedgerError',
    message: /said nothing for too long|has cut the connection/,
  })
  t.strictSame(await database.query('SELECT probed FROM probes'), [{ probed: 1 }])
})

t.test('who is in haste waits for nobody', async (t) => {
  const proxy = await startProxy(t, await server.createSchema())
  const ledger = await openPostgresLedger({ url: proxy.url, busyTimeoutMs: IMPATIENCE_MS })
  await ledger.record([friend(key('a'), 5)])
  const unlock = await ledger.lock('runs')
  proxy.swallow()
  // Of those that are patient: they would wait for half a minute.
  const asked = [ledger.due(10), ledger.counts(), ledger.acknowledge([], 0), unlock?.()]
  ledger.hasten(100)
  const ends = await Promise.allSettled(asked)
  t.match(ends.slice(0, 2), [{ reason: { name: 'LedgerError' } }, { reason: { name: 'LedgerError' } }])
  await t.rejects(ledger.due(10), { name: 'LedgerError' })
  await ledger.close()
  t.pass('and it is closed')
})

t.test('who has waited for nearly as long as it can is refused, and nobody is asked', async (t) => {
  const url = await server.createSchema()
  const ledger = await openPostgresLedger({ url, busyTimeoutMs: IMPATIENCE_MS, commitsAtOnce: 1 })
  t.teardown(() => ledger.close())
  const other = await connect(t, url)
  await other.query('BEGIN')
  await other.query('LOCK TABLE contacts')
  const first = ledger.record([friend(key('a'), 5)])
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  const second = ledger.record([friend(key('b'), 5)])
  await Promise.all([t.rejects(first, /does not answer in time/), t.rejects(second, /is too slow/)])
  await other.query('ROLLBACK')

  const connections = { connect: () => Promise.reject(new Error('it was asked')) }
  const database = createDatabase({ connections, name: 'x' })
  await t.rejects(database.query('SELECT 1', {}, 1), { name: 'LedgerError', message: /is too slow/ })
})

t.test('the wait for a connection is part of how long a statement may take', async (t) => {
  const pool = createPool({ url: await server.createSchema(), waitMs: PATIENCE_MS })
  t.teardown(() => pool.end())
  const database = createDatabase({ connections: pool, name: 'x' })
  const taken = await Promise.all(Array.from({ length: 10 }, () => pool.connect()))
  const patienceMs = 2_000
  const askedAt = performance.now()
  const asked = database.query('SELECT pg_sleep(1.8)', {}, patienceMs)
  while (performance.now() < askedAt + patienceMs / 2) await new Promise(setImmediate)
  for (const { release } of taken) release('answered')
  await t.rejects(asked, /does not answer in time/)
})

t.test('one that is late is left alone by the others where these are answered', async (t) => {
  const pool = createPool({ url: await server.createSchema(), waitMs: PATIENCE_MS })
  t.teardown(() => pool.end())
  const pidOf = ({ client }: { client: pg.ClientBase }) =>
    (client as unknown as { processID: number }).processID
  const takeTwo = () => Promise.all([pool.connect(), pool.connect()])
  const [late, fine] = await takeTwo()
  fine.release('answered')
  late.release('late')
  const [same, another] = await takeTwo()
  t.equal(pidOf(same), pidOf(fine), 'the one that was answered is used on')
  t.not(pidOf(another), pidOf(late))
  // Nobody has heard anything since.
  same.release('late')
  another.release('answered')
  const [next, afterNext] = await takeTwo()
  t.notOk([pidOf(same), pidOf(another)].includes(pidOf(next)))
  next.release('answered')
  afterNext.release('lost')
  const last = await pool.connect()
  t.not(pidOf(last), pidOf(next), 'of one that was lost nobody need wait to know')
  last.release('answered')
})
