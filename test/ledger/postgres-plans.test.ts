import pg from 'pg'
import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { DELIVERY_LEASE } from '../../src/ledger/ledger.ts'
import { openPostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import { friends, key, users } from '../harness/people.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

t.test('what runs all the time is answered from an index, whoever it is asked about', async (t) => {
  const url = await server.createSchema()
  const statements = new Map<string, { text: string; values: unknown[] }>()
  const query = pg.Client.prototype.query
  t.teardown(() => {
    pg.Client.prototype.query = query
  })
  pg.Client.prototype.query = function (this: pg.Client, config: { text?: string; values?: unknown[] }) {
    const { text, values } = config
    if (text && values && /\b(contacts|customers|merges)\b/.test(text) && !/CREATE TABLE/.test(text))
      statements.set(text, { text, values })
    // biome-ignore lint/complexity/noArguments: handed on as it came
    return query.apply(this, arguments as never)
  } as never
  const ledger = await openPostgresLedger({ url, messagerWindowMs: 1_000, busyTimeoutMs: PATIENCE_MS })
  await ledger.holdLease(DELIVERY_LEASE, 'me', 1_000, { endedMs: 0, lostMs: 0 })
  // So many that to go through all of them would cost more than to look some up.
  await ledger.record(friends(users(20_000)))
  await ledger.link(
    users(2_000).map((userId) => ({ ...key(userId), externalId: `c${userId}`, linkedAt: null })),
  )
  const [customer] = await ledger.toCheck(10)
  await ledger.keepChecks([{ id: customer?.id ?? '', againMs: null }])
  await ledger.keepChecks([{ id: customer?.id ?? '', againMs: 1 }])
  const due = await ledger.due(10)
  await ledger.acknowledge(
    due.map(({ id, revision }) => ({ id, revision, failure: null })),
    0,
  )
  const run = await ledger.beginRun('backfill', 'default', 5_000)
  await ledger.recordPages(run.id, [{ userIds: users(10, 'listed'), invalid: 0, next: null }])
  const listed = (await ledger.due(30_000)).filter(
    ({ address }) => 'userId' in address && address.userId.startsWith('listed'),
  )
  const [ofRun] = listed
  await ledger.acknowledge([{ id: ofRun?.id ?? '', revision: 1, failure: 'no' }], 0)
  const moved = await ledger.due(10)
  await ledger.acknowledge(
    moved.map(({ id, revision }) => ({ id, revision, failure: null })),
    0,
  )
  await ledger.record([friend(key('u0'), 2_000)])
  for (const call of [
    () => ledger.person(key('u0')),
    () => Array.fromAsync(ledger.failures()),
    () => Array.fromAsync(ledger.failures(['default'])),
    () => ledger.nextDueMs(),
    () => ledger.oldestPendingMs(),
    () => ledger.clampDue(1_000),
    () => ledger.nextCheckMs(),
    () => ledger.lapse(),
    () => ledger.toMerge(10, ['identify', 'look', 'rename']),
    () => ledger.nextMergeMs(['identify', 'look', 'rename']),
  ])
    await call()
  await ledger.close()
  pg.Client.prototype.query = query

  const client = new pg.Client(url)
  await client.connect()
  t.teardown(() => client.end())
  const plans: string[] = []
  for (const { text, values } of statements.values()) {
    await client.query('BEGIN')
    await client.query('SET LOCAL plan_cache_mode = force_generic_plan')
    // A thousand are a large part of these few, and would be looked for among all.
    await client.query('SET LOCAL enable_hashjoin = off')
    await client.query('SET LOCAL enable_mergejoin = off')
    const { rows } = await client.query(`EXPLAIN ${text}`, values)
    plans.push(`${text}\n${rows.map((row) => row['QUERY PLAN']).join('\n')}`)
    await client.query('ROLLBACK')
  }
  const scanning = plans.filter((plan) => /Seq Scan on (contacts|customers|merges)/.test(plan))
  t.strictSame(scanning, [])
  const ofFailures = plans.filter((plan) => plan.startsWith('\n  WITH failed AS'))
  t.equal(ofFailures.length, 3, 'of contacts without a run and with one, and of customers')
  for (const plan of ofFailures) {
    t.match(plan, /Index Scan (using|on) (contacts|customers)_failed/, plan)
    t.notMatch(plan, /_pkey/, plan)
  }
})

t.test('what fills an empty ledger is counted at once, so that plans are made anew', async (t) => {
  const [url, copied] = [await server.createSchema(), await server.createSchema()]
  const ledger = await openPostgresLedger({ url, busyTimeoutMs: PATIENCE_MS })
  const run = await ledger.beginRun('backfill', 'default', 1_000)
  const page = (i: number) => ({ userIds: users(20, `${i}-`), invalid: 0, next: `c${i}` })
  await ledger.recordPages(
    run.id,
    Array.from({ length: 9 }, (_, i) => page(i)),
  )
  t.equal(await countedIn(url), -1, 'few are left to the database')
  await ledger.recordPages(run.id, [page(9)])
  t.equal(await countedIn(url), 200)
  const copy = await openPostgresLedger({ url: copied, busyTimeoutMs: PATIENCE_MS })
  for await (const part of ledger.dump()) await copy.load(part)
  t.equal(await countedIn(copied), 200)
  await Promise.all([ledger.close(), copy.close()])
})

/** Contacts that the database plans for; -1: it has not counted. */
async function countedIn(url: string): Promise<number> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query("SELECT reltuples FROM pg_class WHERE oid = 'contacts'::regclass")
  await client.end()
  return rows[0].reltuples
}
