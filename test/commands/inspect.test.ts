import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { friend, gone } from '../../src/contact/contact.ts'
import { stageChannels } from '../harness/channels.ts'
import { key, longUsers } from '../harness/people.ts'
import type { Env } from '../harness/process.ts'
import { lastLine, stage } from '../harness/stage.ts'

const [ANN, BOB] = longUsers(2) as [string, string]
const AT = Date.UTC(2026, 8, 2, 1, 23, 45)

async function setUp(t: Test) {
  const parts = await stage(t, { settleMs: 300, applyMs: [0, 0] })
  const sleep = () => new Promise(setImmediate)
  const run = (args: readonly string[], more: Env = {}) =>
    parts.command(['inspect', ...args], more, { sleep }).ended
  return {
    ...parts,
    run,
    async runJson(args: readonly string[], more: Env = {}) {
      const ended = await run([...args, '--json'], more)
      return { ...ended, result: lastLine(ended.stdout) }
    },
    link: async (userId: string, externalId: string | null) =>
      (await parts.ledger()).link([{ ...key(userId), externalId, linkedAt: null }]),
  }
}

t.test('a friend of whom Braze knows, for a person and for a machine; no server runs', async (t) => {
  const { run, runJson, known, braze } = await setUp(t)
  await known([friend(key(ANN), AT)])
  const { code, stdout, stderr } = await run([ANN])
  t.equal(code, 0, stderr)
  t.match(
    stdout,
    new RegExp(`^Yes: Braze has accepted the user id for the alias profile\\.

${ANN}, channel default: a friend, who can be reached
  followed {4}2026-09-02 01:23:45 UTC, said a webhook
  wrote {7}never, as far as is known
  gone {8}never, as far as is known
  customer {4}not linked to any

Profiles in Braze:
  alias: should hold the user id; Braze has accepted that \\(change 1\\); settled 20\\d\\d-.* UTC

What happens next:
  Nothing: there is nothing left to tell Braze\\.
$`),
  )
  t.equal(stderr, '')
  const { result } = await runJson([ANN])
  t.match(result, {
    userId: ANN,
    channel: 'default',
    status: 'friend',
    reachable: true,
    inSegment: 'yes',
    why: /^Yes: /,
    externalId: null,
    friendAt: '2026-09-02T01:23:45.000Z',
    messagedAt: null,
    goneAt: null,
    origins: { friendAt: 'webhook' },
    profiles: [{ address: { userId: ANN }, value: ANN, accepted: true, failure: null }],
    next: [/^Nothing/],
  })
  t.notOk('contacts' in result)
  t.equal(braze.stats.requests, 0)
})

t.test('by the external id, with all LINE accounts of a customer', async (t) => {
  const { runJson, run, known, link } = await setUp(t)
  await link(ANN, 'customer 1')
  await link(BOB, 'customer 1')
  await known([friend(key(ANN), AT), friend(key(BOB), AT)])
  const { result } = await runJson(['customer 1'])
  t.match(result, { userId: BOB, contacts: [{ userId: BOB, externalId: 'customer 1' }, { userId: ANN }] })
  t.match((await run(['customer 1'])).stdout, /customer {4}customer 1, since .*; it does not count yet\n/)
})

t.test('an id that looks like one of LINE may be an external id, and the other way round', async (t) => {
  const { runJson, known, link } = await setUp(t)
  await link('short', ANN)
  await known([friend(key('short'), AT)])
  t.match((await runJson([ANN])).result, { userId: 'short', externalId: ANN })
  t.match((await runJson(['short'])).result, { userId: 'short' })
  await known([friend(key(ANN), AT)])
  t.match((await runJson([ANN])).result, { userId: ANN }, 'what it looks like goes first')
})

t.test('nobody', async (t) => {
  const { run, runJson, known } = await setUp(t)
  await known([friend(key(BOB), AT)])
  const { code, stdout, stderr } = await run([ANN])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /^Nobody is known by that id, .* in the channel default\.\n$/)
  t.notMatch(stderr, ANN)
  t.match(await runJson([ANN]), { code: 1, result: { contacts: [] } })
})

t.test('somebody who asked to be forgotten, until they are, and afterwards', async (t) => {
  const { run, runJson, known, link, ledger } = await setUp(t)
  await link(ANN, 'customer 1')
  await known([friend(key(ANN), AT), gone(key(BOB), AT)])
  const store = await ledger()
  const { receipt = '' } = (await store.forget(key(ANN), { deletesProfile: false, lifeMs: 9e8 })) ?? {}
  for (const id of [ANN, 'customer 1']) {
    const { stdout } = await run([id])
    t.match(stdout, /^Perhaps still: they asked to be forgotten at .*, and Braze has not accepted that yet/)
    t.match(
      stdout,
      new RegExp(`They are erased here once Braze holds nothing .* \\(receipt ${receipt}\\)\\.`),
    )
  }
  t.match((await runJson([ANN])).result, { forgetting: { receipt, state: 'clearing', problem: null } })
  t.match((await runJson([BOB])).result, { forgetting: null, why: /they blocked the account/ })
  const due = await store.due(10)
  await store.acknowledge(
    due.map(({ id, revision }) => ({ id, revision, failure: null })),
    0,
  )
  t.match((await run([ANN])).stdout, /^No: they asked to be forgotten at /)
  t.equal(await store.erase(receipt, 'kept'), true)
  const { code, stdout, stderr } = await run([ANN])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(
    stderr,
    new RegExp(`^Whoever had that user id .* asked to be forgotten, and is \\(receipt ${receipt}\\)`),
  )
  t.notMatch(stderr, ANN)
})

t.test('what Braze rejected, in its words', async (t) => {
  const { run, known } = await setUp(t)
  await known([friend(key(ANN), AT)], { [ANN]: 'the alias is bad' })
  const { stdout } = await run([ANN])
  t.match(stdout, /^No: Braze rejected the user id for the alias profile: the alias is bad\.\n/)
  t.match(stdout, /should hold the user id; Braze rejected that \(change 1\): the alias is bad\n/)
  t.match(stdout, /line-braze failed retry\.\n$/)
})

t.test('who is gone, and of whom Braze has not heard: it is said who delivers', async (t) => {
  const { run, known, ledger } = await setUp(t)
  await known([friend(key(ANN), AT)])
  await (await ledger()).record([gone(key(ANN), AT + 60_000)])
  const { stdout } = await run([ANN])
  t.match(stdout, /^Perhaps still: they blocked the account at 2026-09-02 01:24:45 UTC, and Braze has not/)
  t.match(stdout, /alias: should hold nothing; waits since .* \(change 2, of which Braze has accepted 1\)\n/)
  t.match(stdout, / {2}Nobody delivers: no server runs on this database\.\n$/)
})

t.test('--braze shows what it holds now, side by side', async (t) => {
  const { run, runJson, known, braze, link, serve, delivered } = await setUp(t)
  await known([friend(key(ANN), AT)])
  braze.createProfile(ANN, { line_id: 'somebody else' })
  t.match((await run([ANN, '--braze'])).stdout, /^ {4}Braze now: holds somebody else$/m)
  const { result } = await runJson([ANN, '--braze'])
  t.match(result.profiles, [
    { value: ANN, braze: { isKnown: true, value: 'somebody else', externalId: null } },
  ])
  await known([friend(key(BOB), AT)])
  t.match((await run([BOB, '--braze'])).stdout, /^ {4}Braze now: has no such profile$/m)

  braze.createCustomer('c1')
  await link(ANN, 'c1')
  const server = await serve()
  await braze.until(() => braze.customerAttribute('c1') === ANN)
  await delivered()
  await server.stop()
  const { stdout } = await run(['c1', '--braze'])
  t.match(stdout, /^Yes: Braze has accepted the user id for the profile of customer c1\.\n/)
  t.match(stdout, /^ {2}alias: should hold nothing; .*\n {4}Braze now: holds nothing$/m)
  t.match(stdout, /^ {2}customer c1: should hold the user id; .*\n {4}Braze now: holds the user id$/m)
  // BRAZE_MERGE_PROFILES is off.
  t.notMatch(stdout, /merged/)
})

t.test('--braze where Braze does not answer: what is known is said, and the exit code is 1', async (t) => {
  const { run, known, braze } = await setUp(t)
  await known([friend(key(ANN), AT)])
  braze.forbid('users.export.ids', true)
  const { code, stdout, stderr } = await run([ANN, '--braze'])
  t.equal(code, 1)
  t.match(stdout, /^Yes: /)
  t.notMatch(stdout, 'Braze now')
  t.match(stderr, /users\.export\.ids/)
})

t.test(
  'several channels: everywhere, also where the settings know the channel no more; or in one',
  async (t) => {
    const { command, run, known } = await stageChannels(t)
    await known([friend(key(ANN, 'shop'), AT), friend(key(ANN, 'left'), AT), friend(key(BOB, 'cafe'), AT)])
    const { result } = await run(['inspect', ANN])
    t.strictSame(result.contacts.map(({ channel }: { channel: string }) => channel).sort(), ['left', 'shop'])
    t.match((await run(['inspect', BOB])).result, { channel: 'cafe' })
    t.match(await run(['inspect', BOB, '--channel', 'shop']), { code: 1, stderr: /in the channel shop\./ })
    t.match(await command(['inspect', BOB, '--channel', 'x']).ended, { code: 2, stderr: /no channel/ })
    t.match(await run(['inspect', 'nobody']), { code: 1, stderr: /in any channel\./ })
    const { result: asked } = await run(['inspect', ANN, '--braze'])
    t.match(asked.contacts.find(({ channel }: { channel: string }) => channel === 'shop').profiles, [
      { braze: { isKnown: false } },
    ])
  },
)

t.test('the database is looked at, and left as it is', async (t) => {
  const { run, known, ledger, folder, env } = await setUp(t)
  const none = `file:${folder}/none.db`
  t.match(await run([ANN], { DATABASE_URL: none }), { code: 1, stderr: /There is no database at/ })
  t.notOk(existsSync(`${folder}/none.db`), 'none is made')

  await known([friend(key(ANN), AT)])
  await (await ledger()).moveOut(true)
  t.match(await run([ANN]), { code: 1, stderr: /was copied into another one/ })
  await (await ledger()).moveOut(false)
  const database = new Database((env.DATABASE_URL as string).slice('file:'.length))
  const version = database.pragma('user_version', { simple: true }) as number
  database.pragma(`user_version = ${version - 1}`)
  t.match(await run([ANN]), {
    code: 1,
    stderr: /is of an older line-braze .* or run line-braze migrate\.\n$/,
  })
  t.equal(database.pragma('user_version', { simple: true }), version - 1, 'it is not brought up to date')
  database.pragma(`user_version = ${version + 1}`)
  t.match(await run([ANN]), { code: 1, stderr: /newer line-braze/ })
  database.close()
})

t.test('in a process of its own, beside a running server that has the lease', async (t) => {
  const { start, serve, known, ledger } = await setUp(t)
  await known([friend(key(ANN), AT)])
  const server = await serve()
  await server.delivers()
  const holder = await (await ledger()).leaseHolder('braze')
  const { code, stdout, stderr } = await start(['inspect', ANN]).ended
  t.equal(code, 0, stderr)
  t.match(stdout, /^Yes: /)
  t.match(await (await ledger()).leaseHolder('braze'), { holder: holder?.holder })
})
