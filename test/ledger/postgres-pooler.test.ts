/** Servers and commands behind a pooler in transaction mode, where a connection is theirs for a transaction and no longer. */
import pg from 'pg'
import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { DELIVERY_LEASE } from '../../src/ledger/ledger.ts'
import { migrateLedger, openLedger } from '../../src/ledger/open.ts'
import { friends, key, users } from '../harness/people.ts'
import { startPooler } from '../harness/pooler.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

t.test('a ledger behind a pooler does all that one without does', async (t) => {
  const direct = await server.createSchema()
  const url = await startPooler(t, direct, 6)
  const [one, other] = await Promise.all([
    openLedger({ url, busyTimeoutMs: PATIENCE_MS }),
    openLedger({ url, busyTimeoutMs: PATIENCE_MS }),
  ])
  t.teardown(() => Promise.all([one.close(), other.close()]))
  t.match(await one.holdLease(DELIVERY_LEASE, 'me', 60_000, { endedMs: 0, lostMs: 0 }), { held: true })
  await Promise.all(users(200).map((userId, i) => (i % 2 ? one : other).record([friend(key(userId), 5)])))
  await Promise.all(
    users(20).map((userId, i) =>
      (i % 2 ? one : other).link([{ ...key(userId), externalId: `c${i}`, linkedAt: null }]),
    ),
  )
  await one.keepChecks((await one.toCheck(50)).map(({ id }) => ({ id, againMs: null })))
  for (let due = await one.due(75); due.length > 0; due = await one.due(75))
    await one.acknowledge(
      due.map(({ id, revision }) => ({ id, revision, failure: null })),
      0,
    )
  t.match(await other.counts(), [{ friend: 200, pending: 0, linked: 20 }])
  const release = await one.lock('runs')
  t.ok(release)
  t.equal(await other.lock('runs'), null)
  const run = await one.beginRun('backfill', 'default', 10)
  t.match(await one.recordPages(run.id, [{ userIds: ['x'], invalid: 0, next: null }]), { added: 1 })
  await release?.()
  const again = await other.lock('runs')
  t.ok(again)
  await again?.()
})

t.test('a dry run is refused there, and leaves connections as they are', async (t) => {
  const direct = await server.createSchema()
  const url = await startPooler(t, direct)
  const ledger = await openLedger({ url, busyTimeoutMs: PATIENCE_MS })
  t.teardown(() => ledger.close())
  await t.rejects(openLedger({ url, busyTimeoutMs: PATIENCE_MS, isScratch: true }), {
    name: 'LedgerError',
    message: /needs a connection .* for itself, and there is a pooler in between/,
  })
  // Each by itself: over every connection that there is.
  const people = users(6)
  for (const userId of people) await ledger.record(friends([userId]))
  t.strictSame(await peopleIn(direct), people, 'what was acknowledged is where everybody looks')
})

t.test('a schema that a pooler does not set is refused, and the one that it has is left alone', async (t) => {
  const direct = await server.createSchema()
  const url = new URL(await startPooler(t, direct))
  url.searchParams.set('options', '-c search_path=another')
  const refusal = { name: 'LedgerError', message: /does not take the schema another from DATABASE_URL/ }
  await t.rejects(openLedger({ url: url.href, busyTimeoutMs: PATIENCE_MS }), refusal)
  await t.rejects(migrateLedger(url.href), refusal)
  await t.rejects(peopleIn(direct), { code: '42P01' }, 'there is no ledger')
})

async function peopleIn(url: string): Promise<string[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query('SELECT user_id FROM contacts ORDER BY user_id')).rows.map(
      (row) => row.user_id,
    )
  } finally {
    await client.end()
  }
}
