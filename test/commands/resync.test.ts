import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { friends, key, users } from '../harness/people.ts'
import { type BrazeSandboxOptions, lastLine, stage } from '../harness/stage.ts'

const FRIENDS = users(3)

/** A ledger with friends, one who wrote and one who is gone, all of whom Braze was told of once. */
async function setUp(t: Test, options: BrazeSandboxOptions = {}) {
  const parts = await stage(t, { settleMs: 300, applyMs: [0, 0], ...options })
  await parts.known([...friends(FRIENDS, 5), messaged(key('Uwrote'), 5), gone(key('Ugone'), 5)])
  return {
    ...parts,
    async run(args: readonly string[] = []) {
      const ended = await parts.command(['resync', '--json', ...args]).ended
      return { ...ended, result: lastLine(ended.stdout) }
    },
  }
}

t.test('tells Braze again of everybody who can be reached', async (t) => {
  const { braze, run } = await setUp(t)
  braze.createProfile('Ugone', { line_id: 'Ugone' })
  const { code, result, stderr } = await run(['--yes'])
  t.equal(code, 0, stderr)
  t.match(result, { status: 'complete', resent: 4, delivered: 4, failed: 0 })
  for (const userId of [...FRIENDS, 'Uwrote', 'Ugone']) t.equal(braze.attribute(userId), userId)
  t.equal(braze.stats.objects, 4)
  t.match(await run(['--yes']), { result: { resent: 4 } }, 'as often as it is asked to')
})

t.test('--all clears those who are gone, too', async (t) => {
  const { braze, start } = await setUp(t)
  braze.createProfile('Ugone', { line_id: 'Ugone' })
  const { code, stdout, stderr } = await start(['resync', '--all', '--yes']).ended
  t.equal(code, 0, stderr)
  t.equal(stdout, 'Braze was told again of 5 contacts.\n')
  t.equal(braze.attribute('Ugone'), undefined)
  t.match(stderr, /^due 5 of 5.*, delivered 5 of 5/m)
})

t.test('what Braze rejected is tried again, also of those who are gone', async (t) => {
  const { braze, known, run } = await setUp(t)
  await known([friend(key('Ubad'), 5), gone(key('Uworse'), 5)], { Ubad: 'no', Uworse: 'no' })
  t.match(await run(['--yes']), { code: 0, result: { resent: 6, delivered: 6 } })
  t.equal(braze.attribute('Ubad'), 'Ubad')
  braze.rejectUser('Ubad', 'still bad')
  const { code, result, stderr } = await run(['--yes'])
  t.equal(code, 1)
  t.match(result, { status: 'failed', resent: 5, delivered: 4, failed: 1 })
  t.match(stderr, /Braze rejected 1 contact/)
})

t.test('says what it costs, and does nothing where nobody can be asked', async (t) => {
  const { braze, run } = await setUp(t)
  const { code, result, stderr } = await run()
  t.equal(code, 2)
  t.match(stderr, 'This writes up to 4 objects to Braze. Add --yes: there is no terminal to ask at.\n')
  t.match(result, { status: 'failed', resent: 0 })
  t.match(await run(['--all']), { code: 2, stderr: /up to 5 objects/ })
  t.equal(braze.stats.requests, 0)
})

t.test('beside a running server, that server delivers', async (t) => {
  const { braze, run, serve } = await setUp(t)
  const server = await serve()
  await server.delivers()
  const { code, stderr } = await run(['--yes'])
  t.equal(code, 0, stderr)
  t.match(stderr, /another process delivers/)
  t.equal(braze.profiles, 4)
  t.match((await server.get('/metrics')).body, /braze_requests_total\{status="201"\} 1/)
})

t.test('interrupted while Braze is down', async (t) => {
  const { braze, start } = await setUp(t)
  braze.setOutage({ status: 503 })
  const command = start(['resync', '--yes', '--json'])
  await braze.until(() => braze.stats.requests > 0)
  const { code, stdout, stderr } = await command.kill('SIGINT')
  t.equal(code, 130)
  t.match(lastLine(stdout), { status: 'interrupted', delivered: 0 })
  t.match(stderr, /Interrupted: 4 of 4 contacts were made due, and 4 of them wait for Braze\./)
})

t.test('a wrong DATABASE_URL makes no database, and says so', async (t) => {
  const { command, env } = await setUp(t)
  const DATABASE_URL = `${env.DATABASE_URL}-wrong`
  for (const args of [['resync', '--yes'], ['verify']]) {
    const { code, stderr } = await command(args, { DATABASE_URL }).ended
    t.equal(code, 1)
    t.match(stderr, /DATABASE_URL/)
  }
  t.notOk(existsSync(DATABASE_URL.slice('file:'.length)))
})
