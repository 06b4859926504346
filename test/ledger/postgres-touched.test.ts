/** Places that are worked out in a second transaction: what becomes of them where that fails, or has to wait. */
import pg from 'pg'
import t, { type Test } from 'tap'
import { friend, gone } from '../../src/contact/contact.ts'
import { DELIVERY_LEASE, type Ledger } from '../../src/ledger/ledger.ts'
import { openPostgresLedger, type PostgresLedgerOptions } from '../../src/ledger/postgres/ledger.ts'
import { users } from '../harness/people.ts'
import { PATIENCE_MS, startPostgres } from '../harness/postgres.ts'

const server = await startPostgres()
t.teardown(() => server.stop())

const CHANNELS = ['default', 'other']

/** A ledger with a linked person in each channel whose customer has the user id. */
async function stage(t: Test, options: Partial<PostgresLedgerOptions> = {}) {
  const url = await server.createSchema()
  const admin = new pg.Pool({ connectionString: url, max: 4 })
  t.teardown(() => admin.end())
  const ledger = await openPostgresLedger({ url, busyTimeoutMs: PATIENCE_MS, ...options })
  t.teardown(() => ledger.close())
  for (const channel of CHANNELS) {
    await ledger.record([friend({ channel, userId: 'a' }, 1)])
    await ledger.link([{ channel, userId: 'a', externalId: 'c', linkedAt: null }])
  }
  await ledger.keepChecks((await ledger.toCheck(10)).map(({ id }) => ({ id, againMs: null })))
  for (let i = 0; i < 2; i++) await acceptAll(ledger)
  const query = async (text: string) => (await admin.query(text)).rows
  return {
    ledger,
    admin,
    query,
    /** Touches the linked person of the channel. */
    flip: async (channel: string, at: number) =>
      ledger.record([(at % 2 ? friend : gone)({ channel, userId: 'a' }, at)]),
    leftIn: async () =>
      (await query('SELECT DISTINCT channel FROM touched ORDER BY channel')).map(({ channel }) => channel),
  }
}

const acceptAll = async (ledger: Ledger) =>
  ledger.acknowledge(
    (await ledger.due(100)).map(({ id, revision }) => ({ id, revision, failure: null })),
    0,
  )

t.test(
  'where it always fails somebody is told, once until it works again, and other channels go on',
  async (t) => {
    const warnings: string[] = []
    const play = await stage(t, { onWarning: (sentence) => warnings.push(sentence) })
    const { flip, leftIn, query } = play
    await query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'it is so'; END $$`,
    )
    const fail = () =>
      query(
        `CREATE TRIGGER fails BEFORE DELETE ON touched FOR EACH ROW WHEN (OLD.channel = 'other') EXECUTE FUNCTION refuse()`,
      )
    await fail()
    await flip('other', 2)
    await flip('other', 3)
    await flip('default', 2)
    t.strictSame(await leftIn(), ['other'])
    t.match(warnings, [
      /^Where the user ids of linked people belong cannot be worked out in the channel "other", and is tried again: .*it is so/,
    ])
    t.equal(warnings.length, 1)
    await query('DROP TRIGGER fails ON touched')
    await flip('other', 4)
    t.strictSame(await leftIn(), [])
    await fail()
    await flip('other', 5)
    t.equal(warnings.length, 2)
  },
)

t.test('however many are left, a transaction does some of them', async (t) => {
  const { ledger, query, leftIn } = await stage(t)
  await query('CREATE TABLE taken (contacts integer)')
  await query(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO taken SELECT count(DISTINCT user_id) FROM old; RETURN NULL; END $$`)
  await query(`CREATE TRIGGER notes AFTER DELETE ON touched REFERENCING OLD TABLE AS old
    FOR EACH STATEMENT EXECUTE FUNCTION note()`)
  await query(`INSERT INTO touched (channel, user_id, is_told)
    SELECT 'default', 'u' || i % 12000, true FROM generate_series(1, 24000) AS i`)
  await ledger.holdLease(DELIVERY_LEASE, 'me', 600_000, { endedMs: 0, lostMs: 0 })
  t.strictSame(await leftIn(), [])
  t.strictSame(await query('SELECT contacts FROM taken'), [
    { contacts: 5_000 },
    { contacts: 5_000 },
    { contacts: 2_000 },
  ])
})

t.test(
  'a channel that cannot be had keeps neither the lease, nor answers, nor many connections',
  async (t) => {
    const { ledger, admin, flip, leftIn, query } = await stage(t, { busyTimeoutMs: 600 })
    const busy = await admin.connect()
    await busy.query('BEGIN')
    await busy.query(`SELECT * FROM placements WHERE channel = 'default' FOR UPDATE`)
    for (let at = 2; at < 14; at++) await flip('default', at)
    await ledger.record(users(3).map((userId) => friend({ channel: 'default', userId }, 1)))
    await acceptAll(ledger)
    t.match(await ledger.holdLease(DELIVERY_LEASE, 'me', 60_000, { endedMs: 0, lostMs: 0 }), { held: true })
    const [waiting] = await query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%placements%'`,
    )
    t.strictSame(waiting, { n: 1 })
    await flip('other', 2)
    // However long it takes on a busy machine: the other one is not waited for.
    while ((await leftIn()).includes('other'));
    t.strictSame(await leftIn(), ['default'])
    await busy.query('ROLLBACK')
    busy.release()
    while ((await leftIn()).length > 0);
    t.pass('and is done in the end')
  },
)
