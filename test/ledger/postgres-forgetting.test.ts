/** What of somebody is in places that the contract does not see. */
import pg from 'pg'
import t from 'tap'
import { openPostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import { friends, key, longUsers } from '../harness/people.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

t.test('no id is left in what the planner knows of values', async (t) => {
  const url = await server.createSchema()
  const admin = new pg.Pool({ connectionString: url, max: 1 })
  // The server may end its connection before it does.
  admin.on('error', () => {})
  t.teardown(() => admin.end())
  const ledger = await openPostgresLedger({ url, busyTimeoutMs: PATIENCE_MS })
  t.teardown(() => ledger.close())
  const all = longUsers(20)
  await ledger.record(friends(all))
  await ledger.link(
    all.map((userId) => ({ ...key(userId), externalId: `customer ${userId}`, linkedAt: null })),
  )
  const [first = '', second = ''] = all
  const receipts = []
  for (const userId of [first, second])
    receipts.push((await ledger.forget(key(userId), { deletesProfile: false, lifeMs: 1e9 }))?.receipt ?? '')
  for (let due = await ledger.due(100); due.length > 0; due = await ledger.due(100))
    await ledger.acknowledge(
      due.map(({ id, revision }) => ({ id, revision, failure: null })),
      0,
    )
  await admin.query('ANALYZE contacts, customers, forgotten')
  const tablesWith = async (userId: string) => {
    const { rows } = await admin.query(
      `SELECT DISTINCT tablename AS name FROM pg_stats
       WHERE schemaname = current_schema() AND strpos(concat(most_common_vals::text, histogram_bounds::text), $1) > 0
       ORDER BY name`,
      [userId],
    )
    return rows.map(({ name }) => name)
  }

  t.strictSame(await tablesWith(first), ['contacts', 'customers', 'forgotten'])
  for (const receipt of receipts) t.equal(await ledger.erase(receipt, 'kept'), true)
  for (const userId of [first, second]) t.strictSame(await tablesWith(userId), [])
})
