import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { type Evidence, friend, gone, messaged } from '../../src/contact/contact.ts'
import { friends, key, users } from '../harness/people.ts'
import {
  type BrazeSandboxOptions,
  type LineApiSandboxOptions,
  lastLine,
  SECRET,
  stage,
} from '../harness/stage.ts'

const HOUR_MS = 3_600_000

interface Options {
  line?: LineApiSandboxOptions
  braze?: BrazeSandboxOptions
}

/** A Braze, a LINE with a list, and the command between them: in this process, where nothing else is said. */
async function setUp(t: Test, { line: lineOptions = {}, braze: brazeOptions = {} }: Options = {}) {
  const parts = await stage(t, { settleMs: 300, ...brazeOptions })
  const { braze, lineApi, command, start, serve, line: connect, folder, ledger, until, counts } = parts
  const { line, env } = await lineApi(lineOptions)
  // LINE is asked again at once.
  const sleep = () => new Promise(setImmediate)
  const startHere = (args: readonly string[] = [], more: Record<string, string> = {}) =>
    command(['backfill', ...args], { ...env, ...more }, { sleep })
  return {
    braze,
    line,
    env,
    serve,
    connect,
    folder,
    ledger,
    until,
    counts,
    delivered: parts.delivered,
    start: startHere,
    startProcess: (args: readonly string[] = [], more: Record<string, string> = {}) =>
      start(['backfill', ...args], { ...env, ...more }),
    async run(args: readonly string[] = [], more: Record<string, string> = {}) {
      const ended = await startHere(['--json', ...args], more).ended
      return { ...ended, result: lastLine(ended.stdout) }
    },
    database: (env.DATABASE_URL as string).slice('file:'.length),
    /** The `start` of each request for the list, null for its first page. */
    starts: () =>
      line.requests
        .filter(({ path }) => path.endsWith('/followers/ids'))
        .map(({ query }) => query.start ?? null),
    /** Stores evidence, and what Braze would have been told of it, as a server did before. */
    async known(evidence: readonly Evidence[]) {
      for (const { value } of await parts.known(evidence))
        if (value !== null) braze.createProfile(value, { line_id: value })
    },
  }
}

/** Runs a line of shell whose $0 is `name`. */
const runShell = (program: string, name: string, options: { env: Record<string, string>; cwd: string }) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile('sh', ['-c', program, name], options, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })

t.test('the first import, and a second run that finds nothing to do', async (t) => {
  const { braze, line, start, startProcess, starts, counts } = await setUp(t, {
    line: { followers: users(2_500) },
  })
  const { code, stdout, stderr } = await startProcess(['--json']).ended
  const result = lastLine(stdout)
  t.equal(code, 0, stderr)
  t.match(result, {
    status: 'complete',
    pages: 3,
    listed: 2_500,
    changed: 2_500,
    new: 2_500,
    returned: 0,
    gone: 0,
    delivered: 2_500,
    failed: 0,
  })
  t.type(result.seconds, 'number')
  await braze.whenApplied()
  for (const userId of users(2_500)) if (braze.attribute(userId) !== userId) t.fail(userId)
  t.strictSame(await counts(), { friend: 2_500, messager: 0, gone: 0, pending: 0 })
  t.ok(line.requests.every(({ query }) => query.limit === undefined || query.limit === '1000'))

  const { objects } = braze.stats
  const second = await start().ended
  t.equal(second.code, 0, second.stderr)
  t.match(second.stdout, /^LINE lists 2,500 followers on 3 pages: 0 new, 0 returned, 0 gone\. /)
  t.equal(braze.stats.objects, objects, 'Braze was told of nothing')
  t.strictSame(starts().filter((start) => start === null).length, 2)
})

t.test('an empty list, and a list of one', async (t) => {
  const { line, run, start } = await setUp(t)
  t.match(await run(), { code: 0, result: { status: 'complete', pages: 1, listed: 0, changed: 0, gone: 0 } })
  line.follow('Uone')
  t.match((await start().ended).stdout, /^LINE lists 1 follower on 1 page: 1 new, 0 returned, 0 gone\. /)
  line.unfollow('Uone')
  t.match(await run(), { code: 0, result: { listed: 0, changed: 0, gone: 1, delivered: 1 } })
})

t.test('short and empty pages, ids that are none, and ids that repeat', async (t) => {
  const { braze, line, run, counts, known } = await setUp(t, { line: { followers: users(40) } })
  await known([friend(key('Uabsent'), 1_000)])
  line.setPages((page) => [3, 0, 0, 7][page - 1] ?? 5)
  line.appendRaw(users(1)[0], 5, null, { userId: 'U1' }, '', 'not an id', users(1)[0])
  const { code, result, stderr } = await run()
  t.equal(code, 0, stderr)
  t.match(result, { pages: 10, listed: 42, new: 40, gone: 0, delivered: 40 })
  t.match(stderr, /LINE listed entries that are no user ids \(5\), so that nobody is cleared/)
  t.strictSame(await counts(), { friend: 41, messager: 0, gone: 0, pending: 0 })
  t.equal(braze.stats.objects, 40)
  t.match(await run(), { result: { gone: 1 } }, 'a list without them clears')
})

t.test('who is known and not listed is gone; who only wrote, or came meanwhile, is not', async (t) => {
  const { braze, line, run, known } = await setUp(t, { line: { followers: users(3), pageSize: 1 } })
  const at = Date.now() - HOUR_MS
  await known([
    friend(key('Uabsent'), at),
    messaged(key('Uwrote'), at),
    friend(key('Ulater'), Date.now() + 60_000),
    gone(key(users(1)[0] as string), at),
  ])
  line.unfollow('Uabsent')
  const { result } = await run()
  t.match(result, { changed: 3, new: 2, returned: 1, gone: 1, delivered: 4 })
  await braze.whenApplied()
  t.equal(braze.attribute('Uabsent'), undefined)
  for (const userId of ['Uwrote', 'Ulater', ...users(3)]) t.equal(braze.attribute(userId), userId)
})

t.test('changes between pages: nobody who stays is missed', async (t) => {
  const { line, run, known, counts } = await setUp(t, { line: { followers: users(100), pageSize: 10 } })
  await known(friends(users(100)))
  line.on('page', ({ page }) => {
    for (const userId of users(100).slice(page * 2, page * 2 + 2)) line.unfollow(userId)
    line.follow(`Unew${page}`)
  })
  const { result, stderr } = await run(['--allow-mass-clear'])
  t.equal(result.status, 'complete', stderr)
  const { gone } = await counts()
  t.equal(result.gone, gone)
  const stayed = [...line.followers()].filter((userId) => !userId.startsWith('Unew'))
  t.ok(gone <= 100 - stayed.length, `${gone} of ${100 - stayed.length} who left`)
})

t.test("an earlier clock, ours or LINE's, dates the list: a webhook of a later moment wins", async (t) => {
  const { line, run, known, counts } = await setUp(t, { line: { followers: users(2) } })
  const [blocked, other] = users(2) as [string, string]
  await known([gone(key(blocked), Date.now() - HOUR_MS / 2), gone(key(other), Date.now() - 2 * HOUR_MS)])
  line.setDate(() => new Date(Date.now() - HOUR_MS))
  t.match(await run(), { result: { listed: 2, returned: 1 } })
  t.match(await counts(), { friend: 1, gone: 1 })
  line.setDate(() => new Date(Date.now() + HOUR_MS))
  await known([friend(key('Ufuture'), Date.now() + HOUR_MS / 2)])
  t.match(await run(), { result: { returned: 1, gone: 0 } }, 'what our clock says is not over is not absent')
})

t.test('interrupted: the pages are kept, exit 130, and the next run goes on', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { line, start, run, starts, known, counts, until } = await setUp(t, {
      line: { followers: users(50), pageSize: 10 },
    })
    await known([friend(key('Uabsent'), 1_000)])
    line.answerPage(4, { kind: 'hang' })
    const command = start(['--json'], { LINE_TIMEOUT_MS: '60000' })
    await line.until(() => line.stats.byPath['/v2/bot/followers/ids'] === 4)
    // The pages before it are stored while it is waited for.
    await until(async () => (await counts()).friend === 31)
    const { code, stdout, stderr } = await command.kill(signal)
    t.equal(code, 130)
    t.match(lastLine(stdout), { status: 'interrupted', pages: 3, listed: 30, gone: 0 })
    t.match(stderr, /Interrupted\. Run backfill again within 24 hours to go on after page 3\.\n$/)
    t.match(await counts(), { friend: 31, gone: 0 }, 'an incomplete list clears nobody')

    const before = starts().length
    const second = await run()
    t.match(second.stderr, /Going on with the last run after page 3 \(--restart begins anew\)\./)
    t.match(second.result, { status: 'complete', pages: 5, listed: 50, changed: 50, gone: 1, delivered: 51 })
    t.equal(starts().length - before, 2, 'only the pages that were missing')
    t.notOk(starts().slice(before).includes(null))
  }
})

t.test('a process that gets the signal ends in the same way', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { line, startProcess } = await setUp(t, { line: { followers: users(50), pageSize: 10 } })
    line.answerPage(1, { kind: 'hang' })
    const command = startProcess(['--json'], { LINE_TIMEOUT_MS: '60000' })
    await line.until(() => line.stats.byPath['/v2/bot/followers/ids'] === 1)
    const { code, stdout, stderr } = await command.kill(signal)
    t.equal(code, 130)
    t.match(lastLine(stdout), { status: 'interrupted', pages: 0 })
    t.match(stderr, /Interrupted; nothing was stored\.\n$/)
  }
})

t.test('--restart begins anew', async (t) => {
  const { line, run, starts } = await setUp(t, { line: { followers: users(30), pageSize: 10 } })
  line.answerPage(2, { status: 404 })
  t.match(await run(), { code: 1, result: { status: 'failed', pages: 1, listed: 10 } })
  const second = await run(['--restart'])
  t.match(second.result, { pages: 3, listed: 30, new: 20 })
  t.equal(starts()[2], null)
  t.notMatch(second.stderr, 'Going on')
})

t.test('a cursor that is a day old, or that LINE does not know, begins anew and says so', async (t) => {
  const { line, run, starts, database } = await setUp(t, { line: { followers: users(30), pageSize: 10 } })
  const leaveOff = async () => {
    line.answerPage(starts().length + 2, { status: 404 })
    t.match(await run(), { code: 1, stderr: /Run backfill again within 24 hours to go on after page 1\.\n$/ })
    return starts().length
  }
  let at = await leaveOff()
  const db = new Database(database)
  db.prepare('UPDATE runs SET cursor_at = cursor_at - ?').run(24 * HOUR_MS + 1)
  db.close()
  let second = await run()
  t.match(second.stderr, /left off more than 24 hours ago: a new one begins/)
  t.match(second.result, { status: 'complete', pages: 3, listed: 30 })
  t.equal(starts()[at], null)

  at = await leaveOff()
  line.expireCursors()
  second = await run()
  t.match(second.stderr, /LINE does not know where the list was left off any more: the run begins anew/)
  t.match(second.result, { status: 'complete', pages: 3, listed: 30 })
  t.equal(starts()[at + 1], null, 'after the cursor was refused')

  line.on('page', () => line.expireCursors())
  t.match(await run(), { code: 1, stderr: /Invalid start param/ }, 'and not for ever')
})

t.test('of two runs at once the second ends with a sentence', async (t) => {
  const { line, startProcess, run } = await setUp(t, { line: { followers: users(20), pageSize: 10 } })
  line.answerPage(2, { kind: 'hang' })
  const first = startProcess(['--json'], { LINE_TIMEOUT_MS: '60000' })
  await line.until(() => line.stats.byPath['/v2/bot/followers/ids'] === 2)
  const second = await run()
  t.equal(second.code, 1)
  t.match(second.result, { status: 'failed', pages: 0 })
  t.equal(
    second.stderr.trim().split('\n').at(-1),
    'Another backfill, resync, verify --fix or failed retry is at work on this database; wait until it has ended.',
  )
  t.match(lastLine((await first.kill('SIGINT')).stdout), { status: 'interrupted', pages: 1 })
  t.match(await run(), { code: 0, result: { status: 'complete', pages: 2 } })
})

t.test("another account's token stops the run before anything is written", async (t) => {
  const { braze, line, run, serve, connect, counts } = await setUp(t, { line: { followers: users(30) } })
  const server = await serve()
  const webhooks = connect(server.url)
  await webhooks.post([])
  const refused = await run()
  t.equal(refused.code, 1)
  t.match(refused.stderr, /The token is of another LINE Official Account than the one that this ledger is of/)
  t.match(await run(['--dry-run']), { code: 1 })
  t.match(await counts(), { friend: 0 })
  t.equal(braze.stats.requests + (line.stats.byPath['/v2/bot/followers/ids'] ?? 0), 0)
})

t.test('a list that would clear a large part of all friends stops the run', async (t) => {
  const { braze, line, run, known, counts } = await setUp(t, { line: { followers: users(40) } })
  await known(friends(users(51)))
  const stopped = await run()
  t.equal(stopped.code, 1)
  t.match(stopped.result, { status: 'failed', listed: 40, changed: 0, gone: 0 })
  t.match(stopped.stderr, /11 of 51 known friends are missing .* more than 20 %; .* --allow-mass-clear\n$/)
  t.match(await counts(), { friend: 51, gone: 0 })

  const dry = await run(['--dry-run'])
  t.match(dry, { code: 0, result: { status: 'dry-run', gone: 11 } })
  t.match(await run(), { code: 1, stderr: /11 of 51/ }, 'it lists anew and stops again')
  t.match(await run(['--allow-mass-clear']), { code: 0, result: { gone: 11, delivered: 11 } })
  t.equal(braze.stats.objects, 11)

  for (const userId of users(10)) line.unfollow(userId)
  t.match(await run(), { code: 0, result: { gone: 10 } }, 'ten people are not many')
})

t.test('a few people may always be cleared, however large a part they are', async (t) => {
  const { run, known } = await setUp(t)
  await known(friends(users(10)))
  t.match(await run(), { code: 0, result: { gone: 10 } })
})

t.test('403: says what the account needs, and what works without the list', async (t) => {
  const { line, run } = await setUp(t)
  line.forbidList(true)
  const { code, stderr } = await run()
  t.equal(code, 1)
  t.match(
    stderr,
    /LINE answers 403 .*verified and premium accounts only.*still records everybody who follows/,
  )
  t.equal(line.stats.byPath['/v2/bot/followers/ids'], 1, 'not tried again')
})

t.test('stateless tokens: issued, and renewed where they end midway', async (t) => {
  const { line, run } = await setUp(t, {
    line: { followers: users(30), pageSize: 10, channelSecret: SECRET },
  })
  line.on('page', ({ page }) => {
    if (page === 2) line.expireTokens()
  })
  const more = {
    LINE_CHANNEL_ID: line.channelId,
    LINE_CHANNEL_SECRET: `${SECRET}, another`,
    LINE_CHANNEL_ACCESS_TOKEN: 'no',
  }
  const { code, result, stderr } = await run([], more)
  t.equal(code, 0, stderr)
  t.match(result, { pages: 3, listed: 30 })
  t.equal(line.stats.tokensIssued, 2)
  for (const secret of [SECRET, line.channelSecret]) t.notMatch(stderr, secret)
  t.match(await run([], { ...more, LINE_CHANNEL_SECRET: 'wrong' }), {
    code: 1,
    stderr: /LINE_CHANNEL_ID and the first secret/,
  })
})

t.test('a long-lived token that ends midway: what is stored stays, and another one goes on', async (t) => {
  const { line, run } = await setUp(t, { line: { followers: users(30), pageSize: 10 } })
  line.on('page', ({ page }) => {
    if (page === 2) line.revokeTokens()
  })
  const { code, stderr } = await run()
  t.equal(code, 1)
  t.match(stderr, /LINE answers 401 .*set LINE_CHANNEL_ACCESS_TOKEN to another one.* go on after page 2\.\n$/)
  line.setToken('another-token')
  t.match(await run([], { LINE_CHANNEL_ACCESS_TOKEN: 'another-token' }), {
    code: 0,
    result: { pages: 3, listed: 30, delivered: 30 },
  })
})

t.test('slow and failing pages are asked for again, with the name that LINE gave the request', async (t) => {
  const { line, run } = await setUp(t, { line: { followers: users(60), pageSize: 10 } })
  line.answerPage(1, { status: 429, body: { message: 'slow down' } })
  line.answerPage(3, { kind: 'stall' })
  line.answerPage(5, { kind: 'html' })
  line.answerPage(7, { kind: 'reset' })
  line.answerPage(9, { status: 503 })
  const { code, result, stderr } = await run([], { LOG_LEVEL: 'debug', LINE_TIMEOUT_MS: '2000' })
  t.equal(code, 0, stderr)
  t.match(result, { pages: 6, listed: 60 })
  t.equal(stderr.match(/LINE is asked again/g)?.length, 5)
  t.match(stderr, /slow down \(x-line-request-id: [\w-]{36}\)/)
  t.match(stderr, /no whole answer within 2000 ms/)
  t.match(stderr, /"requestId":"[\w-]{36}"/)
})

t.test('a page that stays HTML ends the run; what was stored is gone on with', async (t) => {
  const { line, run } = await setUp(t, { line: { followers: users(20), pageSize: 10 } })
  for (let n = 2; n <= 7; n++) line.answerPage(n, { kind: 'html' })
  const { code, stderr, result } = await run()
  t.equal(code, 1)
  t.match(
    stderr,
    /LINE answers 200 to GET .* with something else than was asked for .*; tried 6 times\. Run .* page 1\.\n$/,
  )
  t.match(result, { status: 'failed', pages: 1, gone: 0 })
  t.match(await run(), { code: 0, result: { pages: 2, listed: 20 } })
})

t.test('a list that goes in circles stops the run, and clears nobody', async (t) => {
  const { line, run, known, counts } = await setUp(t, { line: { followers: users(30), pageSize: 10 } })
  await known([friend(key('Uabsent'), 1_000)])
  line.repeatCursor(true)
  const { code, stderr } = await run()
  t.equal(code, 1)
  t.match(stderr, /named the same next page twice and would never end; nobody was cleared/)
  t.match(await counts(), { gone: 0 })
  line.repeatCursor(false)
  t.match(await run(), { code: 0, result: { listed: 30, gone: 1 } }, 'the next run begins anew')
})

t.test('a list whose next page is ever new stops the run, and clears nobody', async (t) => {
  const { line, run, known, counts, starts } = await setUp(t, {
    line: { followers: users(30), pageSize: 10 },
  })
  await known([friend(key('Uabsent'), 1_000)])
  line.endlessList(true)
  const { code, stderr } = await run()
  t.equal(code, 1)
  t.match(stderr, /1,000 pages in a row that name nobody and would never end; nobody was cleared/)
  t.match(await counts(), { friend: 31, gone: 0 })
  t.equal(starts().length, 1_003)
  line.endlessList(false)
  t.match(await run(), { code: 0, result: { listed: 30, gone: 1 } }, 'the next run begins anew')
})

t.test('a cursor that LINE refuses in any words begins anew, once', async (t) => {
  const { line, run, starts, known, counts } = await setUp(t, {
    line: { followers: users(30), pageSize: 10 },
  })
  await known([friend(key('Uabsent'), 1_000)])
  line.answerPage(2, { status: 400, body: { message: 'The page token has expired' } })
  const first = await run()
  t.match(first, { code: 0, result: { pages: 3, listed: 30, gone: 1 } })
  t.match(first.stderr, /does not know where the list was left off any more: the run begins anew/)
  t.equal(starts().filter((start) => start === null).length, 2)

  await known([friend(key('Uabsent'), Date.now())])
  for (const page of [7, 9])
    line.answerPage(page, { status: 400, body: { message: 'The page token has expired' } })
  const second = await run()
  t.match(second, { code: 1, stderr: /LINE answers 400 .*: The page token has expired/ })
  t.equal(starts().length, 9, 'not a third time')
  t.match(await counts(), { gone: 0 }, 'and nobody is cleared')
})

t.test('a list that LINE does not date is not stored', async (t) => {
  const { line, run, counts } = await setUp(t, { line: { followers: users(30), pageSize: 10 } })
  line.setDate(() => '')
  t.match(await run(), { code: 1, stderr: /came without the header Date, .* run backfill again/ })
  t.match(await counts(), { friend: 0 })
})

t.test(
  'a database that cannot grow any more midway',
  { skip: process.platform !== 'linux' && 'needs ulimit' },
  async (t) => {
    const { run, env, folder } = await setUp(t, { line: { followers: users(60_000) } })
    // What tap hands to Node would end it with the first write that the limit refuses.
    const program = `unset NODE_OPTIONS; ulimit -f 4096; exec "${process.execPath}" "$0" backfill --json --no-wait`
    const bin = new URL('../../bin/line-braze.js', import.meta.url).pathname
    const limited = await runShell(program, bin, { env, cwd: folder })
    t.equal(limited.code, 1, limited.stderr)
    t.match(
      limited.stderr,
      /The database .* (cannot grow|cannot be read or written).* go on after page \d+\.\n$/,
    )
    const { pages, listed } = JSON.parse(limited.stdout)
    t.ok(pages > 0 && pages < 60, `${pages} pages`)
    const { code, result, stderr } = await run(['--no-wait'])
    t.equal(code, 0, stderr)
    t.match(result, { pages: 60, listed: 60_000, new: 60_000 })
    t.ok(listed < 60_000)
  },
)

t.test('--dry-run: the whole list, the same numbers, and nothing written', async (t) => {
  const { braze, line, run, start, startProcess, known, database, folder, env } = await setUp(t, {
    line: { followers: users(50), pageSize: 10 },
  })
  const none = await start(['--dry-run'], { DATABASE_URL: `file:${folder}/none/at/all.db` }).ended
  t.match(none, { code: 0, stdout: /A run would find 50 new, 0 returned, 0 gone\. Nothing was written\.\n$/ })
  t.notOk(readdirSync(folder).includes('none'))

  await known([...friends(users(20)), ...friends(users(5, 'V')), gone(key(users(21)[20] as string), 1_000)])
  line.answerPage(7, { status: 404 })
  const content = () => {
    const db = new Database(database)
    try {
      return db.serialize()
    } finally {
      db.close()
    }
  }
  const before = content()
  t.match(await run(['--dry-run'], { BRAZE_API_KEY: '' }), { code: 1, stderr: /LINE answers 404/ })
  const dry = await startProcess(['--dry-run', '--json'], {
    BRAZE_API_KEY: '',
    BRAZE_REST_ENDPOINT: '',
    TMPDIR: folder,
  }).ended
  t.equal(dry.code, 0, dry.stderr)
  const found = { listed: 50, changed: 30, new: 29, returned: 1, gone: 5 }
  t.match(lastLine(dry.stdout), { status: 'dry-run', delivered: 0, ...found })
  t.ok(content().equals(before), 'not a byte')
  t.strictSame(readdirSync(folder), ['data'], 'and the copy is gone')
  t.equal(braze.stats.requests, 0)
  t.match(
    await run([], env),
    { result: { status: 'complete', delivered: 35, ...found } },
    'a real run agrees',
  )
})

t.test('beside a running server, that server delivers', async (t) => {
  const { braze, line, run, serve, connect, env, counts, delivered } = await setUp(t, {
    line: { followers: users(300) },
  })
  const server = await serve(env)
  const webhooks = connect(server.url, { destination: line.destination })
  await webhooks.post([webhooks.events.follow('Uwebhook'), webhooks.events.message('Uwrites')])
  await delivered()
  line.follow('Uwebhook')
  const { code, result, stderr } = await run()
  t.equal(code, 0, stderr)
  t.match(result, { listed: 301, new: 300, delivered: 300 })
  t.match(stderr, /another process delivers to Braze/)
  t.match(await server.get('/metrics'), { body: /line_braze_delivering 1/ })
  t.equal(
    braze.stats.accepted,
    Number(/braze_requests_total\{status="201"\} (\d+)/.exec((await server.get('/metrics')).body)?.[1]),
  )
  t.match(await counts(), { friend: 301, messager: 1, gone: 0, pending: 0 })
})

t.test('--no-wait leaves it to the server', async (t) => {
  const { braze, run, start, serve, counts, delivered, env } = await setUp(t, {
    line: { followers: users(100) },
  })
  const first = await run(['--no-wait'], { BRAZE_API_KEY: '' })
  t.match(first, { code: 0, result: { status: 'complete', changed: 100, delivered: 0 } })
  t.equal(braze.stats.requests, 0)
  t.match(await counts(), { pending: 100 })
  t.match((await start(['--no-wait']).ended).stdout, /100 changes for Braze to be told of/)
  await serve(env)
  await delivered()
  await braze.whenApplied()
  t.equal(braze.profiles, 100)
})

t.test('--no-wait, interrupted, counts what the server has delivered meanwhile', async (t) => {
  const { line, serve, start, counts, until, env } = await setUp(t, {
    line: { followers: users(50), pageSize: 10 },
  })
  await serve(env)
  line.answerPage(4, { kind: 'hang' })
  const command = start(['--json', '--no-wait'], { LINE_TIMEOUT_MS: '60000' })
  await until(async () => {
    const { friend, pending } = await counts()
    return friend === 30 && pending === 0
  })
  const { code, stdout } = await command.kill('SIGINT')
  t.equal(code, 130)
  t.match(lastLine(stdout), { status: 'interrupted', listed: 30, delivered: 30 })
})

t.test('what an earlier run left is waited for, too', async (t) => {
  const { braze, run } = await setUp(t, { line: { followers: users(100) } })
  await run(['--no-wait'])
  t.match(await run(), { code: 0, result: { changed: 0, delivered: 0 } })
  await braze.whenApplied()
  t.equal(braze.profiles, 100)
})

t.test('interrupted while Braze is down: the list is stored, and goes to Braze later', async (t) => {
  const { braze, start, ledger, until } = await setUp(t, { line: { followers: users(100) } })
  braze.setOutage({ status: 503 })
  const command = start(['--json'])
  await braze.until(() => (braze.stats.byStatus[503] ?? 0) > 0)
  // The list of the newest run is stored, and nobody is left to clear.
  await until(async () => (await (await ledger()).lastListed('default')) !== null)
  const { code, stdout, stderr } = await command.kill('SIGTERM')
  t.equal(code, 130)
  t.match(lastLine(stdout), { status: 'interrupted', listed: 100, changed: 100, delivered: 0 })
  t.match(
    stderr,
    /The list is in the ledger \(100 new, 0 returned, 0 gone\); 100 changes wait for Braze, and go there/,
  )
  braze.setOutage(null)
  t.match((await start().ended).stdout, /Braze has accepted 0 changes, and 100 of earlier runs\.\n$/)
  await braze.whenApplied()
  t.equal(braze.profiles, 100)
})

t.test('a Braze that refuses the key ends the run with what to mend', async (t) => {
  const { braze, run, counts } = await setUp(t, { line: { followers: users(10) } })
  const { code, stderr, result } = await run([], { BRAZE_API_KEY: 'wrong' })
  t.equal(code, 1)
  t.match(stderr, /Braze answers 401: check BRAZE_API_KEY/)
  t.match(result, { status: 'failed', listed: 10, delivered: 0 })
  t.match(await counts(), { friend: 10, pending: 10 })
  t.match(await run(), { code: 0 })
  await braze.whenApplied()
  t.equal(braze.profiles, 10)
})

t.test('contacts that Braze rejects are counted, and told', async (t) => {
  const { braze, run } = await setUp(t, { line: { followers: users(10) } })
  braze.rejectUser(users(4)[3] as string, 'bad')
  const { code, stderr, result } = await run()
  t.equal(code, 1)
  t.match(result, { status: 'failed', changed: 10, delivered: 9, failed: 1 })
  t.match(
    stderr,
    /Braze rejected 1 contact; line-braze failed has its words, and line-braze failed retry tries them again/,
  )
  t.match(await run(), { code: 0, result: { failed: 0 } }, 'not those of earlier runs')
})

t.test('the wrong settings, options and databases', async (t) => {
  const { start, folder } = await setUp(t)
  t.match(await start(['--dryrun']).ended, { code: 2, stderr: /unknown option/ })
  t.match(await start([], { LINE_CHANNEL_ACCESS_TOKEN: '' }).ended, {
    code: 2,
    stderr: /^LINE_CHANNEL_ACCESS_TOKEN is missing; set it to .*LINE_CHANNEL_ID/,
  })
  t.match(await start([], { BRAZE_API_KEY: '' }).ended, { code: 2, stderr: /^BRAZE_API_KEY is missing/ })
  t.match(await start([], { LINE_CHANNEL_ID: 'x' }).ended, { code: 2, stderr: /^LINE_CHANNEL_ID is wrong/ })
  t.match(await start([], { LINE_CHANNEL_SECRET: '' }).ended, { code: 0 }, 'a token needs no secret')
  t.match(await start([], { DATABASE_URL: `file:${folder}` }).ended, { code: 1, stderr: /is a folder/ })
  t.match(await start(['--help']).ended, { code: 0, stdout: /--allow-mass-clear.*LINE_API_BASE_URL/s })
})

t.test('without a terminal, a plain line says how far it is', async (t) => {
  const { start, line } = await setUp(t, { line: { followers: users(30) } })
  line.setInsight({ status: 'ready', followers: 50, blocks: 10 })
  const { stderr } = await start().ended
  const [last] = stderr.split('\n').filter((text) => text.startsWith('listed'))
  t.match(last, /^listed 30 of 30( \(.*\))?, delivered 30 of 30( \(.*\))?$/)
  t.notMatch(stderr, '\x1b')
})

t.test('a mass clear that was allowed and interrupted goes on without being asked again', async (t) => {
  const { braze, line, run, known, counts, ledger } = await setUp(t, { line: { followers: users(20) } })
  const absent = users(2_500, 'V')
  await known(friends([...users(20), ...absent]))
  const all = await ledger()
  await all.claimAccount('default', line.destination, false)
  const { id } = await all.beginRun('backfill', 'default', 2_000)
  await all.recordPages(id, [{ userIds: users(20), invalid: 0, next: null }])
  for await (const { gone } of all.clearAbsent(id)) {
    t.ok(gone < absent.length)
    break
  }
  const { code, result, stderr } = await run()
  t.equal(code, 0, stderr)
  t.match(stderr, /Going on with the last run after the list/)
  t.match(result, { pages: 1, listed: 20, gone: 2_500, delivered: 2_500 })
  t.equal(line.stats.pages, 0, 'the list is not read again')
  t.match(await counts(), { friend: 20, gone: 2_500 })
  await braze.whenApplied()
  t.equal(braze.attribute(absent[2_499] as string), undefined)
})

t.test('a run of a wrong token is not gone on with, once a webhook has named the account', async (t) => {
  const { line, run, known, counts, ledger } = await setUp(t, { line: { followers: users(9) } })
  await known(friends(users(9)))
  const all = await ledger()
  await all.claimAccount('default', 'Uwrong', false)
  const { id } = await all.beginRun('backfill', 'default', 2_000)
  await all.recordPages(id, [{ userIds: ['Utheirs'], invalid: 0, next: null }])
  await all.claimAccount('default', line.destination, true)
  await t.rejects(Array.fromAsync(all.clearAbsent(id)), {
    message: /name another LINE Official Account/,
  })
  t.equal(await all.openRun('default'), null)
  const { code, result, stderr } = await run()
  t.equal(code, 0, stderr)
  t.match(result, { pages: 1, listed: 9, changed: 0, gone: 1 })
  t.match(await counts(), { friend: 9, gone: 1 })
})

t.test('webhooks are taken while a long list is stored: none is answered 503', async (t) => {
  const { serve, connect, env, startProcess, line } = await setUp(t, { line: { followers: users(60_000) } })
  const server = await serve(env)
  const webhooks = connect(server.url, { destination: line.destination })
  const statuses: number[] = []
  let isOver = false
  const importing = startProcess(['--no-wait']).ended.finally(() => {
    isOver = true
  })
  for (let n = 0; !isOver; n++) {
    line.follow(`Uweb${n}`)
    statuses.push((await webhooks.post([webhooks.events.follow(`Uweb${n}`)])).status)
  }
  const { code, stderr } = await importing
  t.equal(code, 0, stderr)
  t.ok(statuses.length > 10)
  t.strictSame(
    statuses.filter((status) => status !== 200),
    [],
  )
})
