import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { stageChannels } from '../harness/channels.ts'
import { friends, key, users } from '../harness/people.ts'
import type { Env } from '../harness/process.ts'
import { lastLine, stage } from '../harness/stage.ts'

async function setUp(t: Test) {
  const parts = await stage(t, { settleMs: 300, applyMs: [0, 0] })
  const run = (args: readonly string[] = [], more: Env = {}) => parts.command(['failed', ...args], more).ended
  return {
    ...parts,
    run,
    async runJson(args: readonly string[] = [], more: Env = {}) {
      const ended = await run([...args, '--json'], more)
      return { ...ended, result: lastLine(ended.stdout) }
    },
    /** Friends of whom Braze was told, each rejected for the reason. */
    rejected: (names: readonly string[], reason: (name: string) => string) =>
      parts.known(friends(names), Object.fromEntries(names.map((name) => [name, reason(name)]))),
  }
}

t.test('who was rejected, grouped by what Braze said, the most frequent first', async (t) => {
  const { run, rejected, known, braze } = await setUp(t)
  await known(friends(['fine']))
  await rejected(['z'], () => 'too young')
  await rejected(users(12), (name) => `The alias ${name} is banned`)
  const { code, stdout, stderr } = await run()
  t.equal(code, 0, stderr)
  t.equal(
    stdout,
    `13 profiles were rejected, for 2 reasons:

12  The alias … is banned
    u0, channel default
    u1, channel default
    u2, channel default
    and 9 more; --json names all
 1  too young
    z, channel default

Braze is told of them again by line-braze failed retry, once the reason is mended.
`,
  )
  t.match(
    (await run(['--reason', 'YOUNG'])).stdout,
    /^1 profile was rejected, for 1 reason:\n\n1 {2}too young\n {3}z, channel default\n/,
  )
  t.equal((await run(['--reason', 'old'])).stdout, 'Braze has rejected nobody for such a reason.\n')
  t.equal(braze.stats.requests, 0)
})

t.test('--json names all, also where they are many, and customers by both ids', async (t) => {
  const { runJson, rejected, ledger, start } = await setUp(t)
  await rejected(users(5_000), (name) => `The alias ${name} is banned`)
  const all = await ledger()
  await all.link([{ ...key('linked'), externalId: 'c1', linkedAt: null }])
  await all.keepChecks((await all.toCheck(10)).map(({ id }) => ({ id, againMs: null })))
  await all.record([friend(key('linked'), 5)])
  await all.keepChecks((await all.toCheck(10)).map(({ id }) => ({ id, againMs: null })))
  for (let due = await all.due(10); due.length > 0; due = await all.due(10))
    await all.acknowledge(
      due.map(({ id, revision, address }) => ({
        id,
        revision,
        failure: 'externalId' in address ? 'c1 is banned' : null,
      })),
      0,
    )
  const { code, result } = await runJson()
  t.equal(code, 0)
  t.equal(result.contacts.length, 5_001)
  t.equal(new Set(result.contacts.map(({ userId }: { userId: string }) => userId)).size, 5_001)
  t.match(result.contacts[0], {
    userId: /^u\d+$/,
    channel: 'default',
    externalId: null,
    failure: /^The alias u\d+ is banned$/,
    reason: 'The alias … is banned',
  })
  t.match(result.contacts.at(-1), { userId: 'linked', externalId: 'c1', failure: 'c1 is banned' })
  t.strictSame(result.reasons, [
    { reason: 'The alias … is banned', count: 5_000 },
    { reason: '… is banned', count: 1 },
  ])
  const own = await start(['failed', '--json', '--reason', 'c1']).ended
  t.strictSame(lastLine(own.stdout).reasons, [{ reason: '… is banned', count: 1 }])
})

t.test('nobody', async (t) => {
  const { run, runJson, known, folder } = await setUp(t)
  await known(friends(['fine']))
  t.match(await run(), { code: 0, stdout: 'Braze has rejected nobody.\n' })
  t.strictSame((await runJson()).result, { contacts: [], reasons: [] })
  t.match(await run(['retry']), { code: 0, stdout: 'There is nobody to tell Braze of again.\n' })
  const DATABASE_URL = `file:${folder}/none.db`
  for (const args of [[], ['retry'], ['--json']])
    t.match(await run(args, { DATABASE_URL }), { code: 1, stderr: /There is no database at/ })
  t.notOk(existsSync(`${folder}/none.db`))
})

t.test('retry tells Braze of all of them again, or of those of a reason, and of nobody else', async (t) => {
  const { runJson, run, rejected, known, braze, ledger } = await setUp(t)
  await known(friends(['fine']))
  await rejected(users(3), (name) => `The alias ${name} is banned`)
  await rejected(['z', 'y'], () => 'too young')
  const { code, result, stderr } = await runJson(['retry', '--reason', 'young'])
  t.equal(code, 0, stderr)
  t.match(result, { status: 'complete', retried: 2, delivered: 2, failed: 0 })
  t.equal(braze.attribute('z'), 'z')
  t.equal(braze.stats.objects, 2)
  t.match(await (await ledger()).counts(), [{ failed: 3, pending: 0 }])
  t.match(await (await ledger()).runs(1), [{ kind: 'retry', state: 'complete' }])
  t.match(await run(['retry']), {
    code: 0,
    stdout: 'Braze was told again of 3 profiles, and has accepted that.\n',
  })
  t.match(await (await ledger()).counts(), [{ failed: 0, pending: 0 }])
  t.equal(braze.attribute('fine'), undefined, 'of whom there is nothing to tell')
})

t.test('--reason counts also where it stands before the word', async (t) => {
  const { run, rejected, braze } = await setUp(t)
  await rejected(['a'], () => 'banned')
  await rejected(['z'], () => 'too young')
  t.match(await run(['--reason', 'young', 'retry']), { code: 0 })
  t.equal(braze.stats.objects, 1)
  t.equal(braze.attribute('a'), undefined)
})

t.test('who is rejected again is told, once, and the exit code is 1', async (t) => {
  const { runJson, run, rejected, braze } = await setUp(t)
  await rejected(['Ubad', 'Ugood'], () => 'banned')
  braze.rejectUser('Ubad', 'still banned, Ubad')
  const { code, result, stderr } = await runJson(['retry'])
  t.equal(code, 1)
  t.match(result, { status: 'failed', retried: 2, delivered: 1, failed: 1 })
  t.match(
    stderr,
    /Braze rejected 1 contact; line-braze failed has its words, and line-braze failed retry tries them again\.\n$/,
  )
  t.match(
    (await run()).stdout,
    /^1 profile was rejected.*still banned, <user id>\n {3}Ubad, channel default\n/s,
  )
})

t.test('beside a running server, that server delivers', async (t) => {
  const { runJson, rejected, serve, braze } = await setUp(t)
  await rejected(['a'], () => 'banned')
  const server = await serve()
  await server.delivers()
  const { code, result, stderr } = await runJson(['retry'])
  t.equal(code, 0, stderr)
  t.match(result, { retried: 1, delivered: 1 })
  t.equal(braze.attribute('a'), 'a')
  t.match((await server.get('/metrics')).body, /braze_requests_total\{status="201"\} 1/)
})

t.test('interrupted while Braze is down; then it goes there all the same', async (t) => {
  const { start, rejected, braze, run, serve } = await setUp(t)
  await rejected(['a', 'b'], () => 'banned')
  braze.setOutage({ status: 503 })
  const command = start(['failed', 'retry', '--json'])
  await braze.until(() => braze.stats.requests > 0)
  const { code, stdout, stderr } = await command.kill('SIGINT')
  t.equal(code, 130)
  t.match(lastLine(stdout), { status: 'interrupted', retried: 2, delivered: 0 })
  t.match(stderr, /Interrupted: 2 of 2 profiles were made due, and 2 of them wait for Braze\./)
  t.match((await run()).stdout, /rejected nobody/)
  braze.setOutage(null)
  await serve()
  await braze.until(() => braze.attribute('a') === 'a' && braze.attribute('b') === 'b')
})

t.test('several channels: all, also what only the database knows; or one', async (t) => {
  const { command, run, known } = await stageChannels(t)
  const all = ['shop', 'cafe', 'left'].map((channel) => friend(key(`U${channel}`, channel), 5))
  await known(all, { Ushop: 'no', Ucafe: 'no', Uleft: 'no' })
  const { result } = await run(['failed'])
  t.strictSame(result.contacts.map(({ channel }: { channel: string }) => channel).sort(), [
    'cafe',
    'left',
    'shop',
  ])
  t.match((await run(['failed', '--channel', 'cafe'])).result.contacts, [{ userId: 'Ucafe' }])
  t.match((await run(['failed', 'retry', '--channel', 'cafe'])).result, { retried: 1, delivered: 1 })
  t.match((await run(['failed', 'retry'])).result, {
    retried: 1,
    channels: [
      { channel: 'shop', retried: 1 },
      { channel: 'cafe', retried: 0 },
    ],
  })
  t.match(await command(['failed', '--channel', 'x']).ended, { code: 2 })
})
