/** Several servers on one PostgreSQL: each ledger here has connections of its own, as a process has. */
import pg from 'pg'
import t, { type Test } from 'tap'
import { friend, gone } from '../../src/contact/contact.ts'
import { DELIVERY_LEASE, type Ledger } from '../../src/ledger/ledger.ts'
import { connectAlone, createPool } from '../../src/ledger/postgres/connections.ts'
import { createDatabase } from '../../src/ledger/postgres/database.ts'
import { openPostgresLedger, type PostgresLedgerOptions } from '../../src/ledger/postgres/ledger.ts'
import { createLocks } from '../../src/ledger/postgres/locks.ts'
import { friends, key, nameOf, users } from '../harness/people.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'

const CHANNEL = 'default'
const NO_AFTERMATH = { endedMs: 0, lostMs: 0 }

const server = await startPostgres()
t.teardown(() => server.stop())

async function stage(t: Test) {
  const url = await server.createSchema()
  const admin = new pg.Pool({ connectionString: url, max: 4 })
  t.teardown(() => admin.end())
  return {
    url,
    async open(
      options: Partial<PostgresLedgerOptions> = {},
      user: { username?: string; password?: string } = {},
    ): Promise<Ledger> {
      const as = Object.assign(new URL(url), user).href
      const ledger = await openPostgresLedger({ url: as, busyTimeoutMs: PATIENCE_MS, ...options })
      // One that a test has closed rejects.
      t.teardown(() => ledger.close().catch(() => {}))
      return ledger
    },
    /** A connection for itself. */
    async alone() {
      const client = await admin.connect()
      t.teardown(() => client.release())
      return client
    },
    /** Something that no ledger does. */
    query: async (text: string, values?: unknown[]) => (await admin.query(text, values)).rows,
  }
}
type Stage = Awaited<ReturnType<typeof stage>>

/** How many transactions have waited for each other in a circle, as far as connections that have ended know. */
const circles = async ({ query }: Stage) =>
  Number(
    (await query('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()'))[0].deadlocks,
  )

/** What is counted, by counting. */
const RECOUNT = `
  SELECT 'default' AS channel,
    count(*) FILTER (WHERE friend_at > gone_at)::int AS friend, 0 AS messager,
    count(*) FILTER (WHERE friend_at <= gone_at)::int AS gone,
    (count(*) FILTER (WHERE revision <> accepted AND failure IS NULL) + (
      SELECT count(*) FROM customers WHERE revision <> accepted AND failure IS NULL))::int AS pending,
    (count(*) FILTER (WHERE failure IS NOT NULL) + (
      SELECT count(*) FROM customers WHERE failure IS NOT NULL))::int AS failed,
    count(*) FILTER (WHERE external_id IS NOT NULL)::int AS linked,
    (SELECT count(*) FROM customers WHERE check_at IS NOT NULL AND tries > 0)::int AS waiting
  FROM contacts`

t.test(
  'whatever servers do at once to the same people, none waits in a circle, and all is counted',
  async (t) => {
    const play = await stage(t)
    const servers = await Promise.all([play.open(), play.open(), play.open(), play.open()])
    const deliverer = servers[0] as Ledger
    const before = await circles(play)
    const all = users(120)
    const some = (round: number, step: number) =>
      Array.from({ length: 60 }, (_, i) => all[(i * step + round * 7) % all.length] as string)
    const deliver = async (round: number) => {
      const due = await deliverer.due(80)
      await deliverer.acknowledge(
        due.map(({ id, revision }, i) => ({ id, revision, failure: (i + round) % 5 === 0 ? 'no' : null })),
        0,
      )
    }
    const check = async (round: number) => {
      const customers = await deliverer.toCheck(50)
      await deliverer.keepChecks(
        customers.map(({ id }, i) => ({ id, againMs: (i + round) % 3 === 0 ? 0 : null })),
      )
    }
    const link = (ledger: Ledger, round: number, step: number) =>
      ledger.link(
        some(round, step)
          .slice(0, 25)
          .map((userId, i) => ({
            ...key(userId),
            externalId: (i + round) % 6 === 0 ? null : `c${(i * step) % 20}`,
            linkedAt: null,
          })),
      )
    await deliverer.holdLease(DELIVERY_LEASE, 'me', 600_000, NO_AFTERMATH)
    for (let round = 1; round <= 12; round++) {
      const run = await deliverer.beginRun('backfill', CHANNEL, round * 10)
      await Promise.all([
        ...servers.flatMap((ledger, i) =>
          [7, 11, 13, 17].map((step, n) =>
            ledger.record(
              some(round + i, step).map((userId) => (n % 2 ? gone : friend)(key(userId), round * 10 + i)),
            ),
          ),
        ),
        ...servers.map((ledger, i) => link(ledger, round, [19, 23, 29, 31][i] as number)),
        deliver(round),
        check(round),
        deliver(round + 1),
        deliverer.recordPages(run.id, [{ userIds: some(round, 37), invalid: 0, next: null }]),
      ])
    }
    t.strictSame(await deliverer.counts(), await play.query(RECOUNT))
    t.strictSame(await play.query('SELECT count(*)::int AS left FROM touched'), [{ left: 0 }])
    await Promise.all(servers.map((ledger) => ledger.close()))
    t.equal(await circles(play), before)
  },
)

t.test(
  'several commits of a process are under way at once, and what a call said is there when it resolves',
  async (t) => {
    const play = await stage(t)
    const ledger = await play.open({ commitsAtOnce: 4 })
    await Promise.all(
      users(400).map(async (userId, i) => {
        await ledger.record([friend(key(userId), i + 1)])
        const [found] = await play.query('SELECT friend_at::int AS at FROM contacts WHERE user_id = $1', [
          userId,
        ])
        if (found?.at !== i + 1) throw new Error(`${userId} is not stored`)
      }),
    )
    t.match(await ledger.counts(), [{ friend: 400, pending: 400 }])
  },
)

t.test('a clock that was set back is healed for all who wait, however many they are', async (t) => {
  const play = await stage(t)
  const ledger = await play.open()
  await ledger.record(friends(users(2_500)))
  const rest = (await ledger.due(3_000)).map(({ id }) => ({ id, revision: 0, failure: null }))
  await ledger.acknowledge(rest, 3_600_000)
  t.strictSame(await ledger.due(3_000), [])
  await ledger.clampDue(0)
  t.equal((await ledger.due(3_000)).length, 2_500)
})

t.test('who commits wakes the others', { skip: server.isPooled }, async (t) => {
  const play = await stage(t)
  const [one, other] = await Promise.all([play.open(), play.open()])
  const heard = Promise.withResolvers<void>()
  const stop = other.onRecorded(heard.resolve)
  await one.record([friend(key('a'), 5)])
  await heard.promise
  stop()
  t.match(await other.due(10), [{ value: 'a' }])
})

t.test(
  'who listens again after its connection was cut looks what it has missed',
  { skip: server.isPooled },
  async (t) => {
    const play = await stage(t)
    const again = Promise.withResolvers<() => void>()
    const ledger = await play.open({
      after(_ms, later) {
        again.resolve(later)
        return () => {}
      },
    })
    const heard = Promise.withResolvers<void>()
    ledger.onRecorded(heard.resolve)
    await play.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND pid <> pg_backend_pid()",
    )
    const later = await again.promise
    later()
    await heard.promise
    t.pass('it looks')
  },
)

t.test('places that a process has left undone are worked out by whoever has the lease', async (t) => {
  const play = await stage(t)
  const ledger = await play.open()
  await ledger.record(friends(['a']))
  await ledger.link([{ ...key('a'), externalId: 'c', linkedAt: null }])
  // As if it had ended between its two transactions.
  await play.query('UPDATE customers SET is_known = true, check_at = NULL')
  await play.query(`INSERT INTO touched (channel, user_id, is_told) VALUES ('${CHANNEL}', 'a', true)`)
  const next = await play.open()
  t.strictSame(await next.due(10), [], 'the alias profile waits for the look-up')
  await next.holdLease(DELIVERY_LEASE, 'next', 600_000, NO_AFTERMATH)
  t.match(await next.due(10), [{ value: null }], 'the alias profile loses it')
})

t.test('a lease is dated by the database, and passes on when it has run out', async (t) => {
  const play = await stage(t)
  const [one, other] = await Promise.all([play.open(), play.open()])
  const hold = (ledger: Ledger, holder: string) =>
    ledger.holdLease('x', holder, 300_000, { endedMs: 1, lostMs: 60_000 })
  t.strictSame(await hold(one, 'one'), { held: true, quietMs: 0 })
  t.match(await hold(other, 'other'), { held: false })
  await play.query('UPDATE leases SET expires_at = expires_at - 300001')
  t.match(await hold(other, 'other'), { held: true, quietMs: 60_000 })
  t.match(await hold(one, 'one'), { held: false })
})

t.test(
  'a run whose lock has ended with its connection stores nothing more, and another has the lock',
  async (t) => {
    const play = await stage(t)
    const [one, other] = await Promise.all([play.open(), play.open()])
    await one.lock('runs')
    const run = await one.beginRun('backfill', CHANNEL, 1_000)
    await one.recordPages(run.id, [{ userIds: ['a'], invalid: 0, next: 'x' }])
    t.equal(await other.lock('runs'), null)
    await play.query(
      `SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    )
    // The process may not have noticed yet.
    await t.rejects(one.recordPages(run.id, [{ userIds: ['b'], invalid: 0, next: null }]), {
      name: 'LedgerError',
      message: /held the lock "runs" has ended/,
    })
    await t.rejects(
      Array.fromAsync(one.clearAbsent(run.id)).then(async () => {
        await one.record(friends(['old'], 5))
        return Array.fromAsync(one.clearAbsent(run.id))
      }),
      { name: 'LedgerError' },
    )
    t.ok(await other.lock('runs'))
    t.match(await other.openRun(CHANNEL), { id: run.id, cursor: 'x', listed: 1 })
    await other.recordPages(run.id, [{ userIds: ['b'], invalid: 0, next: null }])
    t.strictSame((await other.due(10)).map(({ address }) => nameOf(address)).sort(), ['a', 'b', 'old'])
  },
)

t.test("a run's lock is held for longer than transactions may take or be idle", async (t) => {
  const play = await stage(t)
  const [{ version }] = await play.query("SELECT current_setting('server_version_num')::int AS version")
  const limits = [
    'idle_in_transaction_session_timeout',
    ...(version >= 170_000 ? ['transaction_timeout'] : []),
  ]
  const limited = new URL(play.url)
  const options = [limited.searchParams.get('options'), ...limits.map((name) => `-c ${name}=1000`)].join(' ')
  limited.searchParams.set('options', options)
  const connect = () => connectAlone({ url: limited.href, waitMs: PATIENCE_MS })
  const locks = createLocks(connect, 'x')
  t.teardown(() => locks.close())
  t.ok(await locks.lock('runs'))
  // Began later, and is not spared.
  const other = await connect()
  const ended = new Promise((resolve) => other.once('end', resolve))
  await other.query('BEGIN')
  await ended
  const client = await play.alone()
  const database = createDatabase({
    connections: { connect: async () => ({ client, release() {} }) },
    name: 'x',
  })
  await database.transaction(locks.assertHeld)
  t.pass('it is still held')
})

t.test('who waits for a channel keeps no webhook waiting, and no lease', async (t) => {
  const play = await stage(t)
  const ledger = await play.open()
  await ledger.link([{ ...key('a'), externalId: 'c', linkedAt: null }])
  const busy = await play.alone()
  await busy.query('BEGIN')
  await busy.query('SELECT * FROM placements FOR UPDATE')
  const links = users(30).map((userId) => ledger.link([{ ...key(userId), externalId: 'c', linkedAt: null }]))
  await ledger.record(friends(['b']))
  t.match(await ledger.holdLease(DELIVERY_LEASE, 'me', 60_000, NO_AFTERMATH), { held: true })
  await busy.query('ROLLBACK')
  await Promise.all(links)
  t.match(await ledger.counts(), [{ linked: 31 }])
})

t.test('what is given up after a while the server gives up, too', async (t) => {
  const play = await stage(t)
  const ledger = await play.open({ busyTimeoutMs: 300 })
  const before = await play.alone()
  await before.query('BEGIN')
  await before.query('LOCK TABLE contacts')
  for (let i = 0; i < 4; i++) await t.rejects(ledger.record(friends(['a'])), { name: 'LedgerError' })
  const waiting = () =>
    before.query(
      `SELECT count(*)::int AS all FROM pg_locks WHERE NOT granted AND relation = 'contacts'::regclass`,
    )
  while ((await waiting()).rows[0].all > 0);
  await before.query('ROLLBACK')
  t.strictSame(await ledger.counts(), [])
})

t.test('who waits for a connection gets one of the next pool where that is replaced', async (t) => {
  const url = await server.createSchema()
  const pool = createPool({ url, waitMs: PATIENCE_MS })
  const taken = await Promise.all(Array.from({ length: 10 }, () => pool.connect()))
  const next = pool.connect()
  taken[0]?.release('lost')
  const { client, release } = await next
  t.match((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }])
  release('answered')
  for (const { release } of taken.slice(1)) release('answered')
  await pool.end()
})

t.test('evidence that cannot be stored in time is refused, and everything recovers by itself', async (t) => {
  const play = await stage(t)
  const ledger = await play.open({ busyTimeoutMs: 1_500 })
  const before = await play.alone()
  await before.query('BEGIN')
  await before.query('LOCK TABLE contacts')
  const refusal = { name: 'LedgerError', message: /does not answer in time/ }
  await Promise.all([
    t.rejects(ledger.record(friends(['a'])), refusal),
    t.rejects(ledger.record(friends(['b'])), refusal),
  ])
  await before.query('ROLLBACK')
  await ledger.record(friends(['a', 'b', 'c']))
  t.match(await ledger.counts(), [{ friend: 3 }])

  await play.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = $1',
    ['line-braze'],
  )
  await ledger.record(friends(['d']))
  t.match(await ledger.counts(), [{ friend: 4 }])
})

t.test(
  'sessions of a server that must not be written to any more are given up',
  { skip: server.isPooled },
  async (t) => {
    const play = await stage(t)
    const [{ schema }] = (await play.query('SELECT current_schema() AS schema')) as [{ schema: string }]
    const role = `${schema}_role`
    await play.query(`CREATE ROLE ${role} LOGIN PASSWORD 'demoted'`)
    await play.query(`GRANT ALL ON SCHEMA ${schema} TO ${role}`)
    const ledger = await play.open({}, { username: role, password: 'demoted' })
    await ledger.record(friends(['a']))
    // As with a primary that has become a standby: what connects now, and what is connected then, can read alone.
    await play.query(`ALTER ROLE ${role} SET default_transaction_read_only = on`)
    await play.query(
      `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '${role}'`,
    )
    const refusal = { name: 'LedgerError', message: /is read-only, as a standby is/ }
    await t.rejects(ledger.record(friends(['b'])), refusal)
    await t.rejects(ledger.holdLease(DELIVERY_LEASE, 'me', 1_000, NO_AFTERMATH), refusal)
    t.match(await ledger.counts(), [{ friend: 1 }], 'what it has is read')
    await play.query(`ALTER ROLE ${role} RESET default_transaction_read_only`)
    t.match(await ledger.holdLease(DELIVERY_LEASE, 'me', 1_000, NO_AFTERMATH), { held: true })
    await ledger.record(friends(['b']))
    t.match(await ledger.counts(), [{ friend: 2 }])
    await ledger.close()
    await play.query(`DROP OWNED BY ${role}`)
    await play.query(`DROP ROLE ${role}`)
  },
)

t.test(
  'behind a pooler that does not know what was prepared where, nothing is prepared any more',
  { skip: server.isPooled },
  async (t) => {
    const play = await stage(t)
    const client = await play.alone()
    const connections = { connect: async () => ({ client, release() {} }) }
    const database = createDatabase({ connections, name: 'x' })
    const ask = () => database.query('SELECT @answer::int AS answer', { answer: 42 })
    t.strictSame(await ask(), [{ answer: 42 }])
    await client.query('DEALLOCATE ALL')
    t.strictSame(await ask(), [{ answer: 42 }])
    await client.query('DEALLOCATE ALL')
    t.strictSame(await ask(), [{ answer: 42 }])
    t.strictSame((await client.query('SELECT name FROM pg_prepared_statements')).rows, [])
  },
)
