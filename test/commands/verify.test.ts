import t, { type Test } from 'tap'
import { friend, gone } from '../../src/contact/contact.ts'
import type { LedgerOptions } from '../../src/ledger/open.ts'
import type { CommandOptions } from '../harness/command.ts'
import { openInline } from '../harness/ledger.ts'
import { friends, key, users } from '../harness/people.ts'
import { type BrazeSandboxOptions, lastLine, stage } from '../harness/stage.ts'

/** 120 friends and ten who are gone, of whom Braze holds what it should. */
async function setUp(t: Test, options: BrazeSandboxOptions = {}) {
  const parts = await stage(t, { settleMs: 300, applyMs: [0, 0], ...options })
  const { braze, known, ledger, command } = parts
  await known([...friends(users(120, 'U'), 5), ...users(10, 'G').map((userId) => gone(key(userId), 5))])
  const contacts = async () => (await Array.fromAsync((await ledger()).profiles('default'))).flat()
  for (const userId of users(120, 'U')) braze.createProfile(userId, { line_id: userId })
  // Otherwise a request a quarter of a second.
  braze.setExportLimit({ dialect: 'epoch', requests: 1_000, perMs: 60_000 })
  return {
    ...parts,
    contacts,
    /** In a process of its own. */
    startProcess: (args: readonly string[] = []) => parts.start(['verify', ...args]),
    start: (args: readonly string[] = [], options: CommandOptions = {}) =>
      command(['verify', ...args], {}, options),
    async run(args: readonly string[] = [], more: Record<string, string> = {}, options: CommandOptions = {}) {
      const ended = await command(['verify', '--json', ...args], more, options).ended
      return { ...ended, result: lastLine(ended.stdout) }
    },
    /** One of each kind of difference, two unknown. */
    spoil() {
      braze.removeProfile('U1')
      braze.removeProfile('U2')
      braze.removeAttribute('U3')
      braze.createProfile('U4', { line_id: 'U5' })
      braze.createProfile('G1', { line_id: 'G1' })
    },
  }
}

t.test('agreement, in requests of 50', async (t) => {
  const { braze, run, startProcess } = await setUp(t)
  const { code, result, stderr } = await run()
  t.equal(code, 0, stderr)
  const none = { leftover: 0, unknown: 0, missing: 0, wrong: 0, stale: 0, waiting: 0, fixed: 0 }
  t.match(result, { status: 'agree', checked: 130, agree: 130, ...none })
  t.equal(braze.stats.exports, 3)
  t.equal(braze.stats.requests, 0)
  t.match(await startProcess().ended, { code: 0, stdout: '130  agree, of 130 compared\n' })
})

t.test('each kind of difference, by whichever way Braze names those it does not know', async (t) => {
  const { braze, run, start, spoil } = await setUp(t)
  spoil()
  for (const style of ['objects', 'strings', 'absent'] as const) {
    braze.setInvalidIdsStyle(style)
    const { code, result, stderr } = await run()
    t.equal(code, 1)
    t.match(result, {
      status: 'differ',
      checked: 130,
      agree: 125,
      unknown: 2,
      missing: 1,
      wrong: 1,
      stale: 1,
      fixed: 0,
    })
    t.match(stderr, /5 profiles differ; verify --fix tells Braze of just those again\.\n$/)
  }
  const { stdout } = await start().ended
  t.match(
    stdout,
    /^125 {2}agree, of 130 compared\n {2}2 {2}unknown: can be reached, and Braze does not know the alias or the customer\n/,
  )
  t.equal(braze.stats.requests, 0)
})

t.test('--fix tells Braze of just those that differ', async (t) => {
  const { braze, run, start, spoil } = await setUp(t)
  spoil()
  const { code, result, stderr } = await run(['--fix'])
  t.equal(code, 0, stderr)
  t.match(result, { status: 'fixed', agree: 125, unknown: 2, fixed: 5, delivered: 5, failed: 0 })
  t.equal(braze.stats.objects, 5)
  // The settle pause of those who were told again has to be over, by the ledger's clock.
  const later = {
    openLedger: (ledger: LedgerOptions) => openInline({ ...ledger, clock: () => Date.now() + 300 }),
  }
  t.match(await run(['--fix'], {}, later), { code: 0, result: { status: 'agree', agree: 130, fixed: 0 } })
  spoil()
  t.match((await start(['--fix'], later).ended).stdout, /\n {2}5 {2}told again, of 5\n$/)
})

t.test('--sample compares so many', async (t) => {
  const { braze, run } = await setUp(t)
  t.match(await run(['--sample', '60']), { code: 0, result: { status: 'agree', checked: 60, agree: 60 } })
  t.equal(braze.stats.exports, 2)
  t.match(await run(['--sample', '5000']), { result: { checked: 130 } })
})

t.test('what is on its way to Braze is left out', async (t) => {
  const { run, ledger } = await setUp(t)
  await (await ledger()).record([friend(key('Unew'), 5), gone(key('U7'), 9)])
  t.match(await run(), { code: 0, result: { checked: 129, agree: 129, waiting: 2 } })
})

t.test('where something about everybody is on its way, nothing is said to agree', async (t) => {
  const { run, ledger, contacts } = await setUp(t)
  const page = await contacts()
  const all = await ledger()
  const { id } = await all.beginRun('resync', 'default', 1)
  await all.resend(
    id,
    page.map((contact) => contact.id),
  )
  const { code, result, stderr } = await run()
  t.equal(code, 1)
  t.match(result, { status: 'failed', checked: 0, waiting: 130 })
  t.match(stderr, /Nobody could be compared/)
})

t.test('where profiles are not made, an unknown alias is as it should be', async (t) => {
  const { braze, run } = await setUp(t)
  braze.removeProfile('U1')
  t.match(await run([], { BRAZE_CREATE_PROFILES: 'false' }), { code: 0, result: { agree: 130 } })
})

t.test('a key without the permission, and a wrong one', async (t) => {
  const { braze, run } = await setUp(t)
  braze.forbidExport(true)
  const { code, result, stderr } = await run()
  t.equal(code, 1)
  t.match(result, { status: 'failed', checked: 0 })
  t.match(stderr, /Braze answers 403: the key needs the permission users\.export\.ids/)
  t.match(await run([], { BRAZE_API_KEY: 'wrong' }), {
    code: 1,
    stderr: /Braze answers 401: check BRAZE_API_KEY/,
  })
})

t.test('a comparison that did not come to its end has failed, whatever it found before', async (t) => {
  const { braze, run, spoil } = await setUp(t)
  spoil()
  braze.on('export', () => braze.forbidExport(true))
  const { code, result, stderr } = await run()
  t.equal(code, 1)
  t.match(result, { status: 'failed', checked: 50 })
  t.ok(result.agree < 50)
  t.match(stderr, /Braze answers 403/)
})

t.test("the endpoint's own limit is kept, in both dialects", async (t) => {
  // By the sandbox's clock: at once, since each has to wait.
  const check = async (dialect: 'epoch' | 'seconds') => {
    const { braze, run } = await setUp(t)
    braze.setExportLimit({ dialect, requests: 2, perMs: 1_500 })
    t.match(await run(), { code: 0, result: { agree: 130 } })
    t.ok(braze.stats.exports <= 5, `${braze.stats.exports} requests for three answers`)
  }
  await Promise.all([check('epoch'), check('seconds')])
})

t.test('failures that may pass are tried again', async (t) => {
  const { braze, run } = await setUp(t)
  for (const answer of [{ status: 503 }, { kind: 'html' }, { kind: 'reset' }, { kind: 'hang' }] as const) {
    braze.answerNextExport(answer)
    const { code, result, stderr } = await run(
      ['--sample', '10'],
      { BRAZE_TIMEOUT_MS: '500' },
      { sleep: () => new Promise(setImmediate) },
    )
    t.equal(code, 0, stderr)
    t.match(result, { agree: 10 })
  }
})

t.test('interrupted', async (t) => {
  const { braze, startProcess } = await setUp(t)
  braze.setExportLimit({ dialect: 'seconds', requests: 1, perMs: 60_000 })
  const command = startProcess()
  await braze.until(() => braze.stats.exports >= 1)
  // It says that it waits for the next minute.
  await command.said(/waiting for/)
  const { code, stdout, stderr } = await command.kill('SIGTERM')
  t.equal(code, 130)
  t.match(stdout, /^50 {2}agree, of 50 compared\n/)
  t.match(stderr, /Interrupted after 50 of 130\.\n$/)
})

t.test('the wrong sample', async (t) => {
  const { start } = await setUp(t)
  for (const text of ['0', '-1', '1e3', 'all']) {
    t.match(await start(['--sample', text]).ended, { code: 2, stdout: '', stderr: /whole number from 1 on/ })
  }
})

/** Two customers with a contact each, who were told to Braze, and one customer of nobody. */
async function setUpCustomers(t: Test) {
  const parts = await setUp(t)
  const { ledger, braze } = parts
  const all = await ledger()
  for (const userId of ['U1', 'U2']) {
    const externalId = `customer of ${userId}`
    await all.link([{ ...key(userId), externalId, linkedAt: 5 }])
    braze.removeAttribute(userId)
    braze.createCustomer(externalId, { line_id: userId })
  }
  await all.keepChecks((await all.toCheck(10)).map(({ id }) => ({ id, againMs: null })))
  for (let due = await all.due(10); due.length > 0; due = await all.due(10))
    await all.acknowledge(
      due.map(({ id, revision }) => ({ id, revision, failure: null })),
      0,
    )
  return parts
}

t.test(
  'customers are compared by their external ids, and their alias profiles should be empty',
  async (t) => {
    const { braze, run } = await setUpCustomers(t)
    t.match(await run(), { code: 0, result: { status: 'agree', checked: 132, agree: 132 } })
    braze.createProfile('U1', { line_id: 'U1' }, { tolerate: true })
    braze.removeCustomerAttribute('customer of U2')
    t.match(await run(), { code: 1, result: { checked: 132, leftover: 1, missing: 1, agree: 130 } })
    t.match(await run(['--fix']), { code: 0, result: { status: 'fixed', fixed: 2, delivered: 2 } })
    await braze.whenApplied()
    t.equal(braze.attribute('U1'), undefined)
    t.match(braze.customerAttribute('customer of U2'), 'U2')
  },
)

t.test('an alias that has become part of the customer is no leftover', async (t) => {
  const { braze, run } = await setUpCustomers(t)
  braze.removeProfile('U1')
  braze.removeCustomer('customer of U1')
  braze.createCustomer('customer of U1', { line_id: 'U1' }, { aliases: { line_id: 'U1' } })
  t.match(await run(), { code: 0, result: { agree: 132 } })
})

t.test('of a customer whom Braze has forgotten the alias profile gets the id back', async (t) => {
  const { braze, run } = await setUpCustomers(t)
  braze.removeCustomer('customer of U1')
  t.match(await run(), { code: 1, result: { unknown: 1, agree: 131 } })
  t.match(await run(['--fix']), { code: 0, result: { status: 'fixed', unknown: 1, rechecked: 1 } })
  t.ok((await run()).result.waiting > 0, 'first the customer loses it')
})
