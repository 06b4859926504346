import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { friend, gone, messaged } from '../../src/contact/contact.ts'
import { LedgerError } from '../../src/ledger/ledger.ts'
import { stageChannels } from '../harness/channels.ts'
import { openInline } from '../harness/ledger.ts'
import { friends, key, users } from '../harness/people.ts'
import type { Env } from '../harness/process.ts'
import { lastLine, stage } from '../harness/stage.ts'

const sleep = () => new Promise(setImmediate)

async function setUp(t: Test) {
  const parts = await stage(t, { settleMs: 300, applyMs: [0, 0] })
  const run = (args: readonly string[] = [], more: Env = {}) =>
    parts.command(['status', ...args], more, { sleep }).ended
  return {
    ...parts,
    run,
    async runJson(args: readonly string[] = [], more: Env = {}) {
      const ended = await run([...args, '--json'], more)
      return { ...ended, result: lastLine(ended.stdout) }
    },
  }
}

t.test('while no server runs: people, what waits, and the last runs', async (t) => {
  const { run, runJson, known, ledger, braze } = await setUp(t)
  await known([...friends(users(2)), messaged(key('w'), 5), gone(key('g'), 5)], { u1: 'no' })
  const all = await ledger()
  const backfill = await all.beginRun('backfill', 'default', 50)
  await all.recordPages(backfill.id, [{ userIds: ['g'], invalid: 0, next: null }])
  await all.endRun(backfill.id, 'complete')
  const { code, stdout, stderr } = await run()
  t.equal(code, 0, stderr)
  t.match(
    stdout,
    /^Nobody delivers: no server runs on this database\.\n1 change waits for Braze, the one that is due first for \d+ seconds?\.\n1 profile was rejected: line-braze failed says why\.\n\ndefault\n {2}reachable {2}4: 3 friends, 1 who only wrote\n {2}gone {7}0\n {2}linked {5}0\n {2}for Braze {2}1 pending, 1 rejected\n {2}webhook {4}the last one is not known\n {2}delivery {3}the last one is not known\n\nLast runs:\n {2}1 {2}backfill of default, complete \d+ seconds? ago: 1 listed, 0 new, 1 returned, 0 gone\n$/,
  )
  t.equal(stderr, '')
  const { result } = await runJson()
  t.match(result, {
    at: /^20.*Z$/,
    channels: [
      {
        channel: 'default',
        friend: 3,
        messager: 1,
        gone: 0,
        pending: 1,
        failed: 1,
        token: null,
        quota: null,
        quotaProblem: null,
      },
    ],
    pending: 1,
    failed: 1,
    delivery: { state: 'nobody', server: null },
    servers: [],
    runs: [{ kind: 'backfill', state: 'complete', listed: 1, returned: 1 }],
    growth: null,
  })
  t.equal(braze.stats.requests, 0)
})

t.test('beside a server: who delivers; and what was last, also when it has gone', async (t) => {
  const { run, runJson, serve, braze, line, delivered } = await setUp(t)
  const server = await serve()
  await server.delivers()
  const { post, events } = line(server.url)
  await post([events.follow('Ua')])
  await braze.until(() => braze.attribute('Ua') === 'Ua')
  await delivered()
  const { code, stdout } = await run()
  t.equal(code, 0)
  t.match(stdout, /^A server delivers\.\nNothing waits for Braze\.\n/)
  t.match(stdout, /^Servers:\n {2}[0-9a-f-]{36} {2}\d\.\d\.\d, up \d+ seconds?, delivering$/m)
  const { result } = await runJson()
  t.match(result, {
    delivery: { state: 'delivering', isSilent: false },
    servers: [{ state: 'delivering' }],
  })
  t.equal(result.servers[0].id, result.delivery.server)
  await server.stop()
  t.match((await runJson()).result, {
    delivery: { state: 'nobody' },
    servers: [],
    channels: [{ friend: 1, lastWebhookAt: /Z$/, lastDeliveryAt: /Z$/ }],
  })
  t.match(
    (await run()).stdout,
    /^ {2}webhook {4}the last one \d+ seconds? ago\n {2}delivery {3}the last one \d+ seconds? ago$/m,
  )
})

t.test("the month's quota, where LINE says it, and where it does not", async (t) => {
  const { lineApi, run, runJson, known } = await setUp(t)
  await known(friends(users(1)))
  const { line, env } = await lineApi()
  line.setQuota(500)
  line.setQuotaUsed(20)
  t.match((await runJson([], env)).result.channels, [{ quota: { limit: 500, used: 20, left: 480 } }])
  t.match((await run([], env)).stdout, /^ {2}quota {6}480 of 500 messages of this month are left, about$/m)
  await line.close()
  const { code, stdout } = await run([], env)
  t.equal(code, 0)
  t.match(stdout, /^ {2}quota {6}LINE does not say: .+$/m)
  t.match((await runJson([], env)).result.channels, [{ quota: null, quotaProblem: /.+/ }])
})

t.test('--days and --csv: who came and went', async (t) => {
  const { run, runJson, known, ledger } = await setUp(t)
  t.match((await run(['--days', '3'])).code, 1, 'there is no database yet')
  await known(friends(users(3)))
  t.match((await run(['--days', '3'])).stdout, /Growth is not known yet/)
  await (await ledger()).record([gone(key('u0'), 2_000)])
  await (await ledger()).keepSample()
  const { growth } = (await runJson(['--days', '3'])).result
  t.match(growth, [{ channel: 'default', followed: 3, blocked: 1, reachable: 2 }])
  t.match(
    (await run(['--days', '3'])).stdout,
    /^Growth of default:\nday \(UTC\+9\) +followed +listed +returned +blocked +lapsed +reachable\n20\d\d-\d\d-\d\d +3 +0 +0 +1 +0 +2$/m,
  )
  const { stdout, code } = await run(['--csv'])
  t.equal(code, 0)
  t.match(
    stdout,
    /^day,channel,followed,listed,returned,blocked,lapsed,reachable,friend,messager,gone,linked\n20\d\d-\d\d-\d\d,default,3,0,0,1,0,2,2,0,1,0\n$/,
  )
  for (const days of ['0', '732', 'x', '-1']) t.match(await run(['--days', days]), { code: 2 }, days)
  t.match(await run(['--csv', '--json']), { code: 2, stderr: /^--csv goes with neither/ })
  t.match(await run(['--csv', '--watch']), { code: 2 })
})

t.test('--watch with --json is a line for each look, until Ctrl-C, which is no failure', async (t) => {
  const { command, known, ledger } = await setUp(t)
  await known(friends(users(1)))
  const watching = command(['status', '--watch', '--json'], {}, { sleep })
  await watching.printed(/"friend":1/)
  await (await ledger()).record(friends(['new']))
  await watching.printed(/"friend":2/)
  const { code, stdout, stderr } = await watching.kill('SIGINT')
  t.equal(code, 0)
  t.equal(stderr, '')
  for (const line of stdout.trim().split('\n')) t.type(JSON.parse(line).pending, 'number')
})

t.test(
  '--watch on a terminal is redrawn in place, and goes on while the database does not answer',
  async (t) => {
    const { env, known } = await setUp(t)
    await known(friends(users(1)))
    let isBroken = false
    const broken = { counts: () => Promise.reject(new LedgerError('The disk is on fire.')) }
    const { command } = await setUpBroken(t)
    const watching = command(['status', '--watch'], env)
    await watching.said(/default\n {2}reachable {2}1: 1 friend/)
    await watching.said(/Ctrl-C ends this\./)
    isBroken = true
    await watching.said(/The disk is on fire\./)
    isBroken = false
    const { code, stdout, stderr } = await watching.kill('SIGINT')
    t.equal(code, 0)
    t.equal(stdout, '', 'what is drawn is there already')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal understands
    t.match(stderr, /\x1b\[\d+A\r\x1b\[J/)

    async function setUpBroken(t: Test) {
      const parts = await stage(t)
      return {
        command: (args: readonly string[], env: Env) =>
          parts.command(args, env, {
            sleep,
            isTerminal: true,
            async openLedger(options) {
              const ledger = await openInline(options)
              const { counts } = ledger
              return { ...ledger, counts: () => (isBroken ? broken.counts() : counts()) }
            },
          }),
      }
    }
  },
)

t.test('--watch where there is no terminal: a line now and then, and all of it in the end', async (t) => {
  const { command, known } = await setUp(t)
  await known(friends(users(1)))
  let looks = 0
  const { promise: hasLooked, resolve } = Promise.withResolvers<void>()
  const watching = command(
    ['status', '--watch'],
    {},
    {
      async sleep() {
        await new Promise(setImmediate)
        if (++looks === 3) resolve()
      },
    },
  )
  await hasLooked
  const { code, stdout, stderr } = await watching.kill('SIGTERM')
  t.equal(code, 0)
  t.match(stdout, /^Nobody delivers.*\n.*\n\ndefault\n/)
  t.match(stderr, /1 reachable, 0 pending, 0 rejected, delivery: nobody\n$/)
})

t.test('several channels: all of them, also what only the database knows; or one', async (t) => {
  const { run, command, known, ledger, lines } = await stageChannels(t)
  lines.shop.setQuota(100)
  await known([friend(key('a', 'shop'), 5), friend(key('b', 'left'), 5)])
  await (await ledger()).record([friend(key('c', 'left'), 5)])
  const { result } = await run(['status'])
  t.match(result.channels, [
    { channel: 'shop', friend: 1, quota: { left: 100 } },
    { channel: 'cafe', friend: 0 },
    { channel: 'left', friend: 2, quota: null },
  ])
  t.equal(result.pending, 1)
  const { result: chosen } = await run(['status', '--channel', 'shop'])
  t.strictSame(
    chosen.channels.map(({ channel }: { channel: string }) => channel),
    ['shop'],
  )
  t.match(await command(['status', '--channel', 'x']).ended, { code: 2 })
})

t.test('a database that is not there is not made', async (t) => {
  const { run, folder } = await setUp(t)
  const DATABASE_URL = `file:${folder}/none.db`
  t.match(await run([], { DATABASE_URL }), { code: 1, stdout: '', stderr: /There is no database at/ })
  t.notOk(existsSync(`${folder}/none.db`))
})

t.test('in a process of its own', async (t) => {
  const { start, known } = await setUp(t)
  await known(friends(users(1)))
  t.match(await start(['status']).ended, { code: 0, stdout: /^Nobody delivers/, stderr: '' })
  const watching = start(['status', '--watch'])
  await watching.said(/1 reachable/)
  t.match(await watching.kill('SIGINT'), { code: 0, stdout: /^Nobody delivers/ })
})
