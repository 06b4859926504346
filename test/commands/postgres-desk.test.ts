import pg from 'pg'
import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { openLedger } from '../../src/ledger/open.ts'
import { friends, key, users } from '../harness/people.ts'
import { startPostgres } from '../harness/postgres.ts'
import { lastLine, stage } from '../harness/stage.ts'

const server = await startPostgres()
t.teardown(server.stop)

t.test('status, inspect and failed say the same of a PostgreSQL', async (t) => {
  const databaseUrl = await server.createSchema()
  t.teardown(() => server.dropSchema(databaseUrl))
  const parts = await stage(t, { databaseUrl, settleMs: 300, applyMs: [0, 0] })
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await parts.command([...args, '--json']).ended
    return { code, stderr, result: code === 0 ? lastLine(stdout) : stdout }
  }
  t.match(await run('status'), { code: 1, stderr: /There is no ledger in the database/ })
  const ledger = await openLedger({ url: databaseUrl })
  t.teardown(() => ledger.close())
  await ledger.record([...friends(users(3)), friend(key('Ubad'), 5)])
  await ledger.link([{ ...key('u0'), externalId: 'c1', linkedAt: null }])
  const due = await ledger.due(10)
  await ledger.acknowledge(
    due.map(({ id, revision, address }) => ({
      id,
      revision,
      failure: 'userId' in address && address.userId === 'Ubad' ? 'banned' : null,
    })),
    0,
  )
  await ledger.keepSample()

  const { result: status } = await run('status', '--days', '2')
  t.strictSame(
    Object.keys(status.channels[0]).sort(),
    [
      'channel',
      'failed',
      'friend',
      'gone',
      'lastDeliveryAt',
      'lastWebhookAt',
      'linked',
      'messager',
      'pending',
      'quota',
      'quotaProblem',
      'token',
      'waiting',
    ],
    'as of SQLite',
  )
  t.match(status, {
    channels: [{ channel: 'default', friend: 4, failed: 1, linked: 1 }],
    delivery: { state: 'nobody' },
    growth: [{ followed: 4, reachable: 4 }],
  })
  t.match((await run('inspect', 'u1')).result, { inSegment: 'yes', status: 'friend' })
  t.match((await run('inspect', 'c1')).result, { userId: 'u0', linkCounts: false })
  t.match((await run('inspect', 'Ubad')).result, { inSegment: 'no', profiles: [{ failure: 'banned' }] })
  t.match((await run('failed')).result, {
    contacts: [{ userId: 'Ubad', failure: 'banned' }],
    reasons: [{ reason: 'banned', count: 1 }],
  })
  t.match((await run('failed', 'retry')).result, { retried: 1, delivered: 1 })
  t.equal(parts.braze.attribute('Ubad'), 'Ubad')
  t.strictSame((await run('failed')).result.contacts, [])
})

t.test('a database of an older release is not brought up to date by a look', async (t) => {
  const databaseUrl = await server.createSchema()
  t.teardown(() => server.dropSchema(databaseUrl))
  const parts = await stage(t, { databaseUrl })
  const ledger = await openLedger({ url: databaseUrl })
  await ledger.close()
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('UPDATE line_braze SET version = version - 1')
  await client.end()
  for (const args of [['status'], ['inspect', 'u1'], ['failed']])
    t.match(await parts.command(args).ended, { code: 1, stderr: /is of an older line-braze/ })
})
