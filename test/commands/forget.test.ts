import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { stageChannels } from '../harness/channels.ts'
import { friends, key, longUsers } from '../harness/people.ts'
import type { Env } from '../harness/process.ts'
import { lastLine, stage } from '../harness/stage.ts'

const [A, B] = longUsers(2, 'a') as [string, string]
const QUICK = { BRAZE_SETTLE_MS: '20' }

/** Two friends of whom Braze knows. */
async function setUp(t: Test) {
  const parts = await stage(t, { applyMs: [0, 0] })
  await parts.known(friends([A, B], 5))
  for (const userId of [A, B]) parts.braze.createProfile(userId, { line_id: userId })
  const run = (args: readonly string[], more: Env = {}) =>
    parts.command(['forget', ...args], { ...QUICK, ...more }).ended
  return {
    ...parts,
    run,
    async runJson(args: readonly string[], more: Env = {}) {
      const ended = await run([...args, '--yes', '--json'], more)
      return { ...ended, result: lastLine(ended.stdout) }
    },
    isKnown: async (userId: string) =>
      (await (await parts.ledger()).contacts('default', { userId })).length > 0,
  }
}

t.test('a person is cleared at Braze and erased here, and there is a receipt', async (t) => {
  const { run, braze, isKnown, counts } = await setUp(t)
  const { code, stdout, stderr } = await run([A, '--yes'])
  t.equal(code, 0, stderr)
  t.match(
    stdout,
    /^default: forgotten, receipt [0-9a-f]{24}\. The profile in Braze stays, without the attribute\. Late news of them is ignored until 2\d{3}-[-\d]* [:\d]* UTC; .*\n$/,
  )
  t.match(stderr, /Braze is told that it holds nothing of them any more/)
  for (const said of [stdout, stderr]) t.notMatch(said, A)
  t.strictSame(braze.holders(A), [])
  t.ok(braze.hasProfile(A))
  t.notOk(await isKnown(A))
  t.strictSame(await counts(), { friend: 1, messager: 0, gone: 0, pending: 0 })
})

t.test('as JSON; once more it is done already, and costs nothing', async (t) => {
  const { runJson, braze } = await setUp(t)
  const { code, result } = await runJson([A], { FORGET_DAYS: '30' })
  t.equal(code, 0)
  t.match(result, {
    status: 'forgotten',
    contacts: [{ channel: 'default', status: 'forgotten', profile: 'kept', receipt: /^[0-9a-f]{24}$/ }],
  })
  const [{ forgottenAt, endsAt, receipt }] = result.contacts
  t.ok(Math.abs(Date.parse(endsAt) - Date.parse(forgottenAt) - 30 * 86_400_000) < 60_000)
  const { requests } = braze.stats
  t.match(await runJson([A]), { code: 0, result: { status: 'forgotten', contacts: [{ receipt }] } })
  t.equal(braze.stats.requests, requests)
})

t.test('the alias profile is deleted where that is wanted', async (t) => {
  const { runJson, braze } = await setUp(t)
  const { result, stderr } = await runJson([A, '--delete-profile'])
  t.match(result, { status: 'forgotten', contacts: [{ profile: 'deleted' }] })
  t.match(stderr, /Braze was asked to delete the profile/)
  t.notOk(braze.hasProfile(A))
  t.ok(braze.hasProfile(B))
})

t.test('by external id: everybody who is that customer, whose profile stays', async (t) => {
  const { runJson, run, braze, ledger, isKnown, counts } = await setUp(t)
  braze.createCustomer('c1', { name: 'Mia' })
  const all = await ledger()
  await all.link([A, B].map((userId) => ({ ...key(userId), externalId: 'c1', linkedAt: null })))
  const { code, result } = await runJson(['--external-id', 'c1', '--delete-profile'])
  t.equal(code, 0)
  t.match(result, { status: 'forgotten', contacts: [{ status: 'forgotten' }, { status: 'forgotten' }] })
  for (const userId of [A, B]) {
    t.notOk(await isKnown(userId))
    t.strictSame(braze.holders(userId), [])
  }
  t.match(braze.customer('c1'), { attributes: { name: 'Mia' } })
  t.strictSame(await counts(), { friend: 0, messager: 0, gone: 0, pending: 0 })
  t.match(await run(['--external-id', 'c1', '--yes']), {
    code: 1,
    stderr: /^Nothing is known of this person/,
  })
})

t.test('who is not known', async (t) => {
  const { runJson, run, env, folder } = await setUp(t)
  t.match(await runJson([longUsers(1, 'f')[0] as string]), {
    code: 1,
    stderr: /^Nothing is known of this person, and nothing was done\.\n$/,
    result: { status: 'unknown', contacts: [] },
  })
  const DATABASE_URL = `file:${folder}/none.db`
  t.match(await run([A, '--yes'], { ...env, DATABASE_URL }), { code: 1, stderr: /There is no database at/ })
  t.notOk(existsSync(`${folder}/none.db`))
})

t.test('it asks before, and cannot where there is no terminal', async (t) => {
  const { run, isKnown, braze } = await setUp(t)
  t.match(await run([A, '--delete-profile']), {
    code: 2,
    stderr:
      /^This erases 1 contact \(channel default\) for good, and clears what Braze holds of them, and deletes their profile there, unless .*\. Add --yes: there is no terminal to ask at\.\n$/,
  })
  t.ok(await isKnown(A))
  t.equal(braze.stats.requests, 0)
  for (const args of [[], [A, '--external-id', 'c1']])
    t.match(await run(args), { code: 2, stderr: /^Name one of USER_ID and --external-id ID\.\n$/ })
  t.match(await run([A, '--yes'], { FORGET_DAYS: '0' }), { code: 2, stderr: /FORGET_DAYS/ })
})

t.test('it says what a person has to mend, and goes on afterwards', async (t) => {
  const { run, runJson, braze, isKnown } = await setUp(t)
  braze.setApiKey('another')
  const paused = await run([A, '--yes'])
  t.match(paused, { code: 1, stderr: /Braze answers 401.*; nothing is erased yet\. Once that is mended/ })
  braze.setApiKey(braze.apiKey)
  t.match(await runJson([A], { BRAZE_API_KEY: 'another' }), { code: 0 })
  t.notOk(await isKnown(A))
})

t.test('what Braze rejects, in its words; the same command tries it again', async (t) => {
  const { runJson, braze, isKnown } = await setUp(t)
  braze.rejectUser(A, 'not this one')
  t.match(await runJson([A]), {
    code: 1,
    stderr: /Braze rejects that the attribute is cleared: not this one; nothing is erased yet/,
    result: { status: 'failed', contacts: [{ status: 'forgetting' }] },
  })
  t.ok(await isKnown(A))
  braze.acceptUser(A)
  t.match(await runJson([A]), { code: 0, result: { status: 'forgotten' } })
})

t.test('without the permission to delete: it says so; without the wish it goes on', async (t) => {
  const { runJson, braze } = await setUp(t)
  braze.forbid('users.delete', true)
  t.match(await runJson([A, '--delete-profile']), {
    code: 1,
    stderr: /needs the permission users\.delete.*or without --delete-profile\.\n$/,
  })
  t.match(await runJson([A]), { code: 0, result: { status: 'forgotten', contacts: [{ profile: 'kept' }] } })
  t.ok(braze.hasProfile(A))
})

t.test('interrupted, a server goes on; a command beside it waits for it', async (t) => {
  const { command, serve, braze, isKnown, ledger, until, runJson } = await setUp(t)
  braze.answerNext({ status: 429, body: '', headers: { 'retry-after': '60' } })
  const waiting = command(['forget', A, '--yes', '--json'], QUICK)
  await waiting.said(/Waiting: Braze asks to wait \(429\)/)
  const interrupted = await waiting.kill('SIGINT')
  t.match(interrupted, { code: 130, stderr: /ignored from now on, and not erased yet/ })
  t.match(lastLine(interrupted.stdout), { status: 'interrupted', contacts: [{ status: 'forgetting' }] })
  t.ok(await isKnown(A))
  const server = await serve(QUICK)
  const all = await ledger()
  await until(async () => (await all.forgettings('default', { userId: A }))[0]?.state === 'done')
  t.notOk(await isKnown(A))
  t.match(await runJson([B]), { code: 0, result: { status: 'forgotten' } }, 'it is the server that delivers')
  const lines = JSON.stringify(server.lines.filter(({ level }) => level !== 'debug'))
  for (const userId of [A, B]) t.notMatch(lines, userId)
  t.match(lines, /a person is forgotten/)
})

t.test('who follows anew meanwhile is somebody new', async (t) => {
  const { command, braze, ledger, isKnown } = await setUp(t)
  braze.answerNext({ status: 429, body: '', headers: { 'retry-after': '60' } })
  const waiting = command(['forget', A, '--yes', '--json'], QUICK)
  await waiting.said(/Waiting: /)
  await (await ledger()).record([friend(key(A), Date.now() + 1_000)])
  const { code, stdout } = await waiting.ended
  t.equal(code, 0)
  t.match(lastLine(stdout), { status: 'returned', contacts: [{ status: 'returned' }] })
  t.ok(await isKnown(A))
})

t.test('of several channels all, or one', async (t) => {
  const { run, known, ledger } = await stageChannels(t)
  await known([friend(key(A, 'shop'), 5), friend(key(A, 'cafe'), 5)])
  const one = await run(['forget', A, '--yes', '--channel', 'cafe'], QUICK)
  t.match(one.result, { status: 'forgotten', contacts: [{ channel: 'cafe' }] })
  t.match(await (await ledger()).contacts('shop', { userId: A }), [{ status: 'friend' }])
  const both = await run(['forget', A, '--yes'], QUICK)
  t.match(both.result.contacts, [
    { channel: 'shop', status: 'forgotten' },
    { channel: 'cafe', status: 'forgotten' },
  ])
})
