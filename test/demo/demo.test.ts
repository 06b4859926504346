import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import t, { type Test } from 'tap'
import { describe, judge, type Verdict } from '../../src/demo/compare.ts'
import { playFourthAct } from '../../src/demo/fourth-act.ts'
import { type Gap, newPeople, playGap } from '../../src/demo/gap.ts'
import { type LogInProgress, frameOf as logInFrameOf } from '../../src/demo/log-in-progress.ts'
import { frameOf as messageFrameOf, lineOf as messageLineOf } from '../../src/demo/message-progress.ts'
import { withPatience } from '../../src/demo/patience.ts'
import { createPlaces, nobodyLinked, recipientsOf } from '../../src/demo/places.ts'
import { rotateToken } from '../../src/demo/processes.ts'
import { frameOf, lineOf } from '../../src/demo/progress.ts'
import { judgeReceivers, type Receivers } from '../../src/demo/receivers.ts'
import { resultOf, tableOf } from '../../src/demo/report.ts'
import { describeGap, type Repair } from '../../src/demo/second-act.ts'
import { type Stage, setStage, TOKEN_BLOCK } from '../../src/demo/stage.ts'
import { openLedger } from '../../src/ledger/open.ts'
import { type Closers, closeAll } from '../../src/process/closing.ts'
import { createInterruption } from '../../src/process/interruption.ts'
import { startBrazeSandbox } from '../../src/sandbox/braze/braze.ts'
import { startLineApiSandbox } from '../../src/sandbox/line/api.ts'
import { createTraffic, type Truth } from '../../src/sandbox/line/traffic.ts'
import { seededRandom } from '../../src/sandbox/random.ts'
import { createDisplay } from '../../src/terminal/display.ts'
import { spawnNode } from '../harness/process.ts'

// Demos mostly wait for what they play, each for its own: several of them run at once.
t.jobs = 2
const BESIDE = { buffered: true }

const PROGRAM = fileURLToPath(new URL('../../bin/line-braze.js', import.meta.url))

/** Runs the demo in a folder of its own that is also the one for temporary files. */
function startDemo(t: Test, args: string[], env: Record<string, string> = {}) {
  const directory = t.testdir({ tmp: {} })
  writeFileSync(`${directory}/.env`, 'PORT=nonsense\nBRAZE_REST_ENDPOINT=nonsense\n')
  const child = spawnNode([PROGRAM, 'demo', ...args], {
    cwd: directory,
    env: { PATH: process.env.PATH, TMPDIR: `${directory}/tmp`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const out = collect(child.stdout as Readable)
  const err = collect(child.stderr as Readable)
  const ended = once(child, 'close')

  return {
    child,
    out,
    err,
    tmp: `${directory}/tmp`,
    async end() {
      const [code] = await ended
      return { code, stdout: out.text(), stderr: err.text(), leftBehind: readdirSync(`${directory}/tmp`) }
    },
    /** The URL of the server, or of the one that came after it, and its process id. */
    async server(event = 'server listens') {
      const pid = Number((await err.find(new RegExp(`${event}, as process (\\d+)`)))[1])
      const [, url] = await err.find(/health +(\S+)\/health/, new RegExp(event))
      return { pid, url: url as string }
    },
    /** The process id of the first backfill. */
    async backfill() {
      return Number((await err.find(/reads the list.* \(process (\d+)\)/))[1])
    },
  }
}

/** Lines as they come. */
function collect(stream: NodeJS.ReadableStream) {
  const lines: string[] = []
  const news = createInterface({ input: stream })
  let isOver = false
  news.on('line', (line) => lines.push(line))
  news.once('close', () => {
    isOver = true
    news.emit('line', '')
  })
  return {
    text: () => lines.join('\n').trimEnd(),
    /** The first match in a line that came or comes, from the first line on that matches `from`. */
    async find(pattern: RegExp, from = /^/): Promise<RegExpExecArray> {
      for (;;) {
        const start = lines.findIndex((line) => from.test(line))
        const candidates = start < 0 ? [] : lines.slice(start)
        const match = candidates.map((line) => pattern.exec(line)).find((found) => found !== null)
        if (match) return match
        if (isOver) throw new Error(`no ${pattern} in:\n${lines.join('\n')}`)
        await once(news, 'line')
      }
    },
  }
}

async function isServing(url: string): Promise<boolean> {
  return fetch(`${url}/health/live`).then(
    ({ ok }) => ok,
    () => false,
  )
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const lastLine = (text: string) => JSON.parse(text.split('\n').at(-1) as string)

t.test('plays four acts, tidies up, and prints a table and a sentence for people', BESIDE, async (t) => {
  const demo = startDemo(t, ['--people', '400'], { LINE_CHANNEL_SECRET: ',', DATABASE_URL: 'nonsense' })
  const servers = [await demo.server(), await demo.server('server is back')]
  const { code, stdout, stderr, leftBehind } = await demo.end()
  t.equal(code, 0, stderr)
  t.match(stdout, /people +699 {2}= 400 by webhook \+ 267 before \+ 32 new\n/)
  t.match(stdout, /Braze requests +\d+ +[1-9]\d* failed/)
  for (const label of [
    'people',
    'found',
    'cleared',
    'reachable',
    'log-ins',
    'customers on LINE',
    'messages',
  ]) {
    const [, total, parts = ''] = new RegExp(`^  ${label} +(\\d+)  = (.*)$`, 'm').exec(stdout) ?? []
    const terms =
      parts
        .replaceAll(/[a-z]/g, '')
        .replaceAll(/ /g, '')
        .match(/[-+]?\d+/g) ?? []
    t.equal(
      terms.reduce((sum, term) => sum + Number(term), 0),
      Number(total),
      `${label} ${parts}`,
    )
    t.ok(terms.length > 1, label)
  }
  t.match(stdout, /log-ins +42 {2}= 21 PUT \+ 14 ID token \+ 7 account link\n/)
  t.match(stdout, /newcomers +5 {2}who follow as they log in, 1 with a new phone\n/)
  t.match(stdout, /customers on LINE +39 .*\n +twice at Braze +0 /)
  const [, messages = '', once] = /messages +(\d+) .*\n +got it once +(\d+) {2}of \2 who/.exec(stdout) ?? []
  t.equal(messages, once)
  t.match(stdout, /got none, or more +0\n +sent wrongly +0 /)
  t.match(stdout, /agree +704 .*\n +differ +0\n/)
  const sentence = stdout.split('\n\n').at(-1)?.replaceAll('\n', ' ')
  t.match(
    sentence,
    /^Both ends agree: .+ reachable people only; it can reach 39 customers .+ twice at any moment; the backfill found \d+ .+ to change; one message .+ each of \d+ people once, and nobody else, .+\.$/,
  )
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
  const heard = /(\d+) block: it knows (\d+) as friends, and never heard of (\d+) from before/.exec(stderr)
  const [blocked = 0, friends, unheard = 0] = heard?.slice(1).map(Number) ?? []
  t.equal(blocked - unheard, friends)
  t.match(stdout, new RegExp(`cleared +${friends}  = ${blocked} who blocked - ${unheard} never heard of`))
  t.match(
    stderr,
    /First act.+Braze goes down.+Braze is back.+Second act.+server is down.+server is back.+Third act.+Fourth act.+token rotate/s,
  )
  t.match(stderr, /LINE's follower list has \d+ people: 267 of them followed before/)
  t.match(
    stderr,
    /reads the list.+\nlisted (\d+) of \1, delivered (\d+) of \2\n/,
    'its own line goes through',
  )
  t.match(stderr, /reads it again.+\nlisted (\d+) of \1, delivered 0 of 0$/m)
  t.match(
    stderr,
    /Braze has 79 customers, and can reach none of them.+\n +40 log in, and 4 of them follow only as they do so:$/m,
  )
  t.match(stderr, /link waits.+that customer appears.+logs in as another customer.+blocked returns/s)
  t.match(stderr, /log-ins 42 of 42, pending 0, waiting 0, customers on LINE 39 of 39, there twice 0$/m)
  t.match(stderr, new RegExp(`messages ${once} of ${once}, people who got one ${once} of ${once}, .+$`))
  t.match(stderr, /health +http:\/\/127\.0\.0\.1:\d+\/health\n +metrics +http:\/\/127\.0\.0\.1:\d+\/metrics/)
  t.equal(stderr, stripVTControlCharacters(stderr), 'plain lines without a terminal')
  t.strictSame(leftBehind, [])
  for (const { url } of servers) t.notOk(await isServing(url), 'the server is gone')
})

t.test('a wrong option is a usage error', BESIDE, async (t) => {
  for (const args of [
    ['--people', '0'],
    ['--people', '1e3'],
    ['--poeple', '3'],
  ])
    t.test(args.join(' '), BESIDE, async (t) => {
      const { code, stdout, stderr, leftBehind } = await startDemo(t, args).end()
      t.equal(code, 2)
      t.equal(stdout, '')
      t.match(stderr, /^error: /)
      t.strictSame(leftBehind, [])
    })
})

t.test('Ctrl-C ends it at any time', BESIDE, async (t) => {
  const demo = startDemo(t, ['--json'])
  const { url } = await demo.server()
  await demo.err.find(/Braze goes down/)
  demo.child.kill('SIGINT')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.strictSame(lastLine(stdout), { status: 'interrupted' })
  t.strictSame(leftBehind, [])
  t.notOk(await isServing(url), 'the server is gone')
})

t.test('Ctrl-C ends it while the server is down', BESIDE, async (t) => {
  const demo = startDemo(t, ['--people', '60', '--json'])
  const { pid } = await demo.server()
  await demo.err.find(/server is down/)
  demo.child.kill('SIGINT')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.strictSame(lastLine(stdout), { status: 'interrupted' })
  t.strictSame(leftBehind, [])
  t.notOk(isRunning(pid))
})

t.test('Ctrl-C ends it while a backfill runs', BESIDE, async (t) => {
  const demo = startDemo(t, ['--people', '60', '--json'])
  const backfill = await demo.backfill()
  const server = await demo.server('server is back')
  t.ok(isRunning(backfill) && isRunning(server.pid))
  demo.child.kill('SIGINT')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.strictSame(lastLine(stdout), { status: 'interrupted' })
  t.strictSame(leftBehind, [])
  t.notOk(isRunning(backfill) || isRunning(server.pid), 'neither is left behind')
})

t.test('Ctrl-C ends it while customers log in', BESIDE, async (t) => {
  const demo = startDemo(t, ['--people', '60', '--json'])
  const { pid } = await demo.server('server is back')
  await demo.err.find(/the link waits/)
  demo.child.kill('SIGINT')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.strictSame(lastLine(stdout), { status: 'interrupted' })
  t.strictSame(leftBehind, [])
  t.notOk(isRunning(pid))
})

t.test('Ctrl-C ends it while the message is sent', BESIDE, async (t) => {
  const demo = startDemo(t, ['--people', '60', '--json'])
  const { pid } = await demo.server('server is back')
  const rotation = Number((await demo.err.find(/token rotate .*\(process (\d+)\)/))[1])
  demo.child.kill('SIGINT')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.strictSame(lastLine(stdout), { status: 'interrupted' })
  t.strictSame(leftBehind, [])
  t.notOk(isRunning(pid) || isRunning(rotation))
})

t.test('a single person is enough', BESIDE, async (t) => {
  const { code, stdout, stderr } = await startDemo(t, ['--people', '1', '--json']).end()
  t.equal(code, 0, stderr)
  t.match(lastLine(stdout), {
    status: 'agree',
    differ: 0,
    logIns: 10,
    customersOnLine: 7,
    twice: 0,
    gotNone: 0,
  })
})

t.test('is interrupted before the server listens', BESIDE, async (t) => {
  const demo = startDemo(t, [])
  await demo.err.find(/Starting/)
  demo.child.kill('SIGTERM')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.equal(stdout, '')
  t.strictSame(leftBehind, [])
})

t.test('says as JSON how both ends compare; with --keep it goes on until it is ended', BESIDE, async (t) => {
  const demo = startDemo(t, ['--people', '60', '--keep', '--json'])
  const first = await demo.server()
  const { pid, url } = await demo.server('server is back')
  t.not(first.pid, pid)
  const [text] = await demo.out.find(/^\{.*\}$/)
  const result = JSON.parse(text)
  const newcomers = 5
  const [logIns, joined] = [8, 2]
  t.match(result, {
    status: 'agree',
    people: 60 + 40 + newcomers + joined,
    agree: 60 + 40 + newcomers + joined,
    peopleAfterGap: 60 + 40 + newcomers,
    logIns: logIns + 2,
    byApi: 5,
    byIdToken: 3,
    byAccountLink: 2,
    joined,
    customersOnLine: logIns - 1,
    twice: 0,
    before: 40,
    differ: 0,
    intruders: 0,
    violations: 0,
    retries: 0,
    gotNone: 0,
    gotMore: 0,
    sentWrongly: 0,
  })
  const { recipients, gotOnce, messages, byOldToken, byNewToken, lateByOldToken } = result
  // One of the reachable has two phones.
  t.strictSame([recipients, gotOnce, messages], Array(3).fill(result.reachable - 1))
  t.equal(byOldToken + byNewToken, messages)
  t.ok(byNewToken > 0 && lateByOldToken > 0, 'in the middle, and the old one lives on')
  t.ok(result.messageRetries > 0)
  t.ok(result.events > 180 && result.webhooks > 60 && result.duplicates > 0 && result.redeliveries > 0)
  t.ok(result.reachable > 0 && result.objects >= result.reachable)
  t.ok(result.found >= 36 + newcomers && result.cleared > 0 && result.found < result.reachable)
  t.notOk(await isServing(first.url), 'the first server is gone')

  const [, database = ''] = await demo.err.find(/database +(\S+)/)
  await demo.err.find(/Ctrl-C/)
  t.ok(readdirSync(database.replace(/[^/]+$/, '')).includes('line-braze.db'))
  const [, api = '', token] = (await demo.err.find(/api +(\S+) .*token is (\w+)/)) as string[]
  const linked = await fetch(`${api}/contacts/U1/link`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}` },
  })
  t.equal(linked.status, 200)
  const accepted = async () => {
    const metrics = await fetch(`${url}/metrics`).then((answer) => answer.text())
    return Number(/webhooks_total\{[^}]*accepted[^}]*\} (\d+)/.exec(metrics)?.[1] ?? 0)
  }
  for (const before = await accepted(); (await accepted()) < before + 2; );
  demo.child.kill('SIGTERM')
  const { code, stdout, leftBehind } = await demo.end()
  t.equal(code, 130)
  t.equal(stdout, text, 'the result stays the last line')
  t.strictSame(leftBehind, [])
  t.notOk(await isServing(url), 'the server is gone')
})

t.test('a server that dies ends it, with the last words of the server', BESIDE, async (t) => {
  const demo = startDemo(t, ['--json'])
  const { pid } = await demo.server()
  // Before so many there are other last words.
  await demo.err.find(/acknowledged (\d\d|\d,\d)/)
  process.kill(pid, 'SIGKILL')
  const { code, stdout, stderr, leftBehind } = await demo.end()
  t.equal(code, 1)
  t.match(stderr, /^The server ended by itself \(SIGKILL\)\.\n\{.*"msg":"webhook"\}$/m)
  t.strictSame(lastLine(stdout), { status: 'failed' })
  t.strictSame(leftBehind, [])
})

t.test('so does the one of the second act, and the backfill beside it is ended', BESIDE, async (t) => {
  const demo = startDemo(t, ['--people', '60', '--json'])
  const backfill = await demo.backfill()
  const { pid } = await demo.server('server is back')
  process.kill(pid, 'SIGKILL')
  const { code, stdout, stderr, leftBehind } = await demo.end()
  t.equal(code, 1)
  t.match(stderr, /^The server ended by itself \(SIGKILL\)\.\n\{.*\}$/m)
  t.strictSame(lastLine(stdout), { status: 'failed' })
  t.strictSame(leftBehind, [])
  t.notOk(isRunning(backfill))
})

t.test('so does one that dies while customers log in', BESIDE, async (t) => {
  const demo = startDemo(t, ['--people', '600', '--json'])
  const { pid } = await demo.server('server is back')
  await demo.err.find(/log-ins [1-9]/)
  process.kill(pid, 'SIGKILL')
  const { code, stdout, stderr, leftBehind } = await demo.end()
  t.equal(code, 1)
  t.match(stderr, /^The server ended by itself \(SIGKILL\)\.\n\{.*\}$/m)
  t.strictSame(lastLine(stdout), { status: 'failed' })
  t.strictSame(leftBehind, [])
})

t.test('a backfill that fails ends it, with the last words of the backfill', BESIDE, async (t) => {
  const demo = startDemo(t, ['--people', '60', '--json'])
  const { pid } = await demo.server()
  const directory = `${demo.tmp}/${readdirSync(demo.tmp)[0]}`
  const ledger = await openLedger({ url: `file:${directory}/line-braze.db`, onLost: t.fail })
  t.teardown(ledger.close)
  t.ok(await ledger.lock('runs'))
  const { code, stdout, stderr, leftBehind } = await demo.end()
  t.equal(code, 1)
  t.match(
    stderr,
    /^Another backfill.+ is at work.+\nThe backfill did not end as it should \(exit code 1\)\.$/m,
  )
  t.strictSame(lastLine(stdout), { status: 'failed' })
  t.strictSame(leftBehind, [])
  t.notOk(isRunning(pid))
})

t.test('a terminal of 80 columns breaks no word', BESIDE, async (t) => {
  // Debian's `script` makes a terminal; others have other options.
  if (process.platform !== 'linux' || !existsSync('/usr/bin/script')) return
  const command = `stty cols 80 rows 24; unset NODE_OPTIONS; exec '${process.execPath}' '${PROGRAM}' demo --people 60`
  const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], {
    env: { PATH: process.env.PATH, TMPDIR: t.testdir({}), TERM: 'xterm' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const out = collect(child.stdout)
  t.strictSame(await once(child, 'close'), [0, null])
  const shown = stripVTControlCharacters(out.text())
  t.match(shown, /Both ends agree/)
  for (const line of shown.split('\n')) t.ok(line.trimEnd().length <= 80, line)
})

t.test('an act that takes far too long is given up', async (t) => {
  const interruption = createInterruption()
  t.teardown(interruption.close)
  const act = () => interruption.race(new Promise(() => {}))
  await t.rejects(
    withPatience(1, interruption, () => 'somebody still waits', act),
    { message: 'The demo gave up waiting: somebody still waits.' },
  )
})

t.test('things happen in the gap to every kind of people', async (t) => {
  const traffic = createTraffic({ people: 300, random: seededRandom(7) })
  for (const _ of traffic.bodies());
  const [truth, followers, before] = [traffic.expected(), traffic.followers(), newPeople(200)]
  const line = await startLineApiSandbox({ followers: [...before, ...followers] })
  t.teardown(line.close)
  const gap = playGap(traffic, before, line)

  const listed = line.followers()
  const nowGone = [...gap.truth.keys()].filter((userId) => gap.truth.get(userId) === 'gone')
  t.notOk(nowGone.some(listed.has), 'who is gone is not listed')
  t.ok([...listed].every((userId) => gap.truth.get(userId) === 'reachable'))
  t.equal(gap.toClear, nowGone.filter((userId) => followers.has(userId)).length)
  t.ok(gap.toClear > 0 && gap.toClear <= followers.size * 0.2, 'no mass clear')
  t.equal(nowGone.filter((userId) => before.includes(userId)).length, 16, 'never heard of')
  t.equal(gap.toFind, 200 - 16 + 24 + gap.returned, 'from before, new, and returned')
  t.ok(gap.returned > 0)
  t.equal(gap.newcomers, 24)
  t.equal(gap.blocked, gap.blockedUnheard + gap.toClear)
  t.equal(gap.toFind, gap.before - gap.blockedUnheard + gap.newcomers + gap.returned)
  t.match(gap, {
    heard: 300,
    heardReachable: [...truth.values()].filter((truth) => truth === 'reachable').length,
  })
  t.ok(gap.followed > 24, 'who only wrote follows too, and needs no repair')
  const writes = (userId: string) => gap.truth.get(userId) === 'reachable' && !listed.has(userId)
  t.ok([...gap.truth.keys()].some(writes), 'and the others who only wrote are not listed')
})

t.test('what it says fits 80 columns also with as many people as there may be', async (t) => {
  const gap: Gap = {
    peopleAfterGap: 174_667,
    reachableAfterGap: 131_095,
    heard: 100_000,
    heardReachable: 68_400,
    before: 66_667,
    followed: 10_500,
    newcomers: 8_000,
    blocked: 14_500,
    blockedUnheard: 5_334,
    returned: 2_528,
    toFind: 71_861,
    toClear: 9_166,
  }
  const repair = { ...gap, found: gap.toFind, cleared: gap.toClear, changedAgain: 0, requestsAgain: 0 }
  const counts = {
    webhooks: 135_000,
    acknowledged: 135_000,
    retries: 10_000,
    events: 371_000,
    duplicates: 18_000,
    redeliveries: 18_900,
  }
  const verdict: Verdict = {
    people: 174_667,
    reachable: 131_095,
    atBraze: 131_095,
    agree: 174_667,
    customersOnLine: 299,
    intruders: 0,
    violations: 0,
    twice: 0,
    ...AS_IT_SHOULD_BE.numbers,
    wrongs: [],
  }
  const links = {
    logIns: 302,
    byApi: 150,
    byIdToken: 101,
    byAccountLink: 51,
    again: 2,
    newPhones: 1,
    unlinked: 1,
    joined: 31,
  }
  const stats = { requests: 12_345, accepted: 12_000, objects: 250_000 }
  const result = resultOf(counts, stats, repair, links, verdict)
  const table = tableOf(result)
  for (const line of table.split('\n')) t.ok(line.length <= 80, line)
  t.equal(table.match(/ = /g)?.length, 7, table)
  t.match(tableOf({ ...result, found: 1 }), /found +1 +≠ 61,333 from before \+ 8,000 new/)

  let written = ''
  function write(text: string) {
    written += text
    return true
  }
  const terminal = createDisplay({ isTTY: true, write } as never, { lineMs: 1_000, hasStamps: true })
  const sentence = 'backfill reads it again, and should have nothing to change (process 4194304):'
  terminal.say(sentence, ...describeGap(gap))
  const lines = stripVTControlCharacters(written).split('\n')
  for (const line of lines) t.ok(line.length <= 80, line)
  t.equal(lines[1]?.trimStart(), '4194304):', 'a word is never broken')
  t.match(lines[1], /^ {9}\S/, 'below the sentence, and not below its time')

  written = ''
  const log = createDisplay({ isTTY: false, write } as never, { lineMs: 1_000, hasStamps: false })
  log.say(sentence)
  t.equal(written, `${sentence}\n`, 'a line of a log stays whole')
})

/** With as many people as there may be. */
const AS_IT_SHOULD_BE: Receivers = {
  numbers: {
    messages: 131_095,
    byOldToken: 65_595,
    byNewToken: 65_500,
    lateByOldToken: 100,
    messageRetries: 25,
    recipients: 131_095,
    gotOnce: 131_095,
    gotNone: 0,
    gotMore: 0,
    sentWrongly: 0,
  },
  wrongs: [],
}

const NOTHING_TO_REPAIR: Repair = {
  peopleAfterGap: 6,
  reachableAfterGap: 3,
  heard: 6,
  heardReachable: 3,
  followed: 0,
  newcomers: 0,
  blocked: 0,
  blockedUnheard: 0,
  returned: 0,
  before: 0,
  toFind: 3,
  toClear: 2,
  found: 3,
  cleared: 2,
  changedAgain: 0,
  requestsAgain: 0,
}

t.test('says what differs', async (t) => {
  const braze = await startBrazeSandbox()
  t.teardown(braze.close)
  const truth = new Map<string, Truth>([
    ['U1', 'reachable'],
    ['U2', 'reachable'],
    ['U3', 'reachable'],
    ['U4', 'gone'],
    ['U5', 'gone'],
    ['U6', 'gone'],
  ])
  const expected = nobodyLinked(truth)
  const bystanders = new Set(['U7', 'U8'])
  const outcome = (repair: Repair) =>
    describe(judge(braze, expected, bystanders, repair, AS_IT_SHOULD_BE), repair)
  braze.createProfile('U1', { line_id: 'U1' })
  braze.createProfile('U5')
  t.match(judge(braze, expected, bystanders, NOTHING_TO_REPAIR, AS_IT_SHOULD_BE), {
    agree: 4,
    atBraze: 1,
    intruders: 0,
  })
  t.equal(
    outcome(NOTHING_TO_REPAIR),
    'Not as it should be: 2 people who can be reached and whose LINE id Braze lacks (first: U2).',
  )

  braze.createProfile('U2', { line_id: 'U1' })
  braze.createProfile('U3', { line_id: 'U3' })
  braze.createProfile('U6', { line_id: 'U6' })
  braze.createProfile('U8')
  t.match(judge(braze, expected, bystanders, NOTHING_TO_REPAIR, AS_IT_SHOULD_BE), {
    agree: 3,
    atBraze: 4,
    intruders: 1,
  })
  t.equal(
    outcome(NOTHING_TO_REPAIR),
    'Not as it should be: 1 people who can be reached and whose LINE id Braze lacks (first: U2); ' +
      '1 people who cannot be reached and whose value Braze still has (first: U6); ' +
      '1 people whose LINE id is on a profile where it does not belong (first: U1); ' +
      '1 people who did nothing and have a profile at Braze (first: U8).',
  )

  const repair = { ...NOTHING_TO_REPAIR, found: 4, cleared: 1, changedAgain: 1_234, requestsAgain: 5 }
  t.match(
    outcome(repair),
    /found 4 people instead of 3; the backfill cleared 1 people instead of 2; a second .+ 1,234 people; a second .+ 5 requests/,
  )

  const impolite = { ...braze, violations: ['76 objects in one request'] }
  const rude = judge(impolite, expected, bystanders, repair, AS_IT_SHOULD_BE)
  t.match(describe(rude, repair), /; 1 rules broken towards Braze \(first: 76 objects in one request\)\.$/)
})

t.test('says where customers are not as they should be', async (t) => {
  const braze = await startBrazeSandbox()
  t.teardown(braze.close)
  const people = new Map<string, Truth>([
    ['U1', 'reachable'],
    ['U2', 'reachable'],
    ['U3', 'reachable'],
    ['U4', 'gone'],
  ])
  const places = createPlaces(['C1', 'C2', 'C3', 'C4'])
  places.link('U1', 'C1')
  places.link('U2', 'C1')
  places.link('U4', 'C4')
  for (const customer of ['C1', 'C2', 'C3', 'C4']) braze.createCustomer(customer)
  const judged = (held = braze) =>
    judge(held, places.expected(people), new Set(), NOTHING_TO_REPAIR, AS_IT_SHOULD_BE)
  const verdict = () => judged()
  const outcome = () => describe(verdict(), NOTHING_TO_REPAIR)

  t.match(verdict(), { agree: 2, customersOnLine: 0 })
  braze.createCustomer('C1', { line_id: 'U2' })
  braze.createProfile('U3', { line_id: 'U3' })
  t.match(verdict(), { agree: 4, customersOnLine: 1, wrongs: [] })
  t.match(outcome(), /reachable people only; it can reach 1 customers by them/)

  places.link('U1', 'C1')
  t.match(verdict(), { agree: 2, customersOnLine: 0 })
  t.equal(
    outcome(),
    'Not as it should be: 1 people who can be reached and whose LINE id Braze lacks (first: U1); ' +
      '1 people whose LINE id is on a profile where it does not belong (first: U2).',
  )
  places.link('U1', 'C2')
  braze.createCustomer('C2', { line_id: 'U1' })
  t.match(verdict(), { agree: 4, customersOnLine: 2, wrongs: [] })

  braze.createProfile('U2', { line_id: 'U2' }, { tolerate: true })
  braze.createCustomer('C3', { line_id: 'nobody' })
  braze.createCustomer('C4', { line_id: 'U4' })
  t.match(verdict(), { agree: 2, customersOnLine: 2 })
  t.equal(
    outcome(),
    'Not as it should be: 1 people who cannot be reached and whose value Braze still has (first: U4); ' +
      '2 people whose LINE id is on a profile where it does not belong (first: U2).',
  )
  const twice = { ...braze, violations: ['two profiles held the same value of line_id', 'something else'] }
  t.match(judged(twice), { twice: 1, violations: 2 })
})

/** A stage without a server, on which Braze holds whom it should: 40 people of 60. */
async function setMessage(t: Test) {
  const closers: Closers = []
  const interruption = createInterruption()
  const display = createDisplay({ write: () => true }, { lineMs: 1_000, hasStamps: false })
  const means = { interruption, display, closers }
  t.teardown(() => closeAll(closers).finally(interruption.close))
  const stage = await setStage(means)
  const people = new Map(newPeople(60).map((userId, place) => [userId, place < 40 ? 'reachable' : 'gone']))
  const expected = nobodyLinked(people as Map<string, Truth>)
  for (const userId of recipientsOf(expected)) {
    stage.lineApi.follow(userId)
    stage.braze.createProfile(userId, { line_id: userId })
  }
  await rotateToken(stage, means)
  const [first, second, third] = [...people.keys()] as [string, string, string]
  return {
    ...{ stage, expected, first, second, third, gone: [...people.keys()].at(-1) as string },
    send: async () => judgeReceivers(expected, await playFourthAct(expected, stage, means)),
  }
}

/** Somebody else sends a message. */
const push = ({ lineApi }: Stage, to: string) =>
  fetch(`${lineApi.url}/v2/bot/message/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${lineApi.token}` },
    body: JSON.stringify({ to, messages: [{ type: 'text', text: 'Hello' }] }),
  })

t.test('says who got no message, or two, or one too many', BESIDE, async (t) => {
  const { stage, first, second, third, gone, send } = await setMessage(t)
  const { braze } = stage
  braze.removeAttribute(first)
  braze.createCustomer('twin', { line_id: third }, { tolerate: true })
  braze.createProfile(gone, { line_id: gone })
  let other: Promise<Response> | undefined
  braze.on('sent', () => {
    other ??= push(stage, second)
  })
  const { wrongs, numbers } = await send()
  t.equal((await other)?.status, 200)
  t.strictSame(wrongs, [
    `1 people who can be reached and got no message (first: ${first})`,
    `1 people who got the message more than once (first: ${second})`,
    `1 people to whom no message belongs and was sent (first: ${gone})`,
  ])
  t.match(numbers, { recipients: 40, messages: 41, gotOnce: 38, gotNone: 1, gotMore: 1, sentWrongly: 1 })
  const verdict = judge(braze, nobodyLinked(new Map()), new Set(), NOTHING_TO_REPAIR, { wrongs, numbers })
  t.match(describe(verdict, NOTHING_TO_REPAIR), /^Not as it should be: 1 people .+no message.+was sent.+\.$/)
})

t.test('says who got no message, as where LINE takes the old token no more', BESIDE, async (t) => {
  const { stage, send } = await setMessage(t)
  const { braze, lineApi } = stage
  const old = braze.contentBlock(TOKEN_BLOCK)?.content
  const stop = braze.on('call', () => {
    const { content } = braze.contentBlock(TOKEN_BLOCK) ?? {}
    if (content === old) return
    stop()
    lineApi.answerNextOf('/v2/bot/message/push', { status: 401 }, 3)
  })
  const { wrongs, numbers } = await send()
  t.match(numbers, { gotNone: 3, gotOnce: 37 })
  t.match(wrongs, [/^3 people who can be reached and got no message \(first: U\w{32}\)$/])
})

t.test('says that the token was not rotated in the middle', async (t) => {
  const numbers = { byOldToken: 1, byNewToken: 0, late: 0, retries: 0, sent: 1 }
  const sending = { ...numbers, asked: new Map([['U1', 1]]), got: new Map([['U1', 1]]) }
  const { wrongs } = judgeReceivers(nobodyLinked(new Map([['U1', 'reachable']])), sending)
  t.match(wrongs, [/^the token was not rotated in the middle: 1 messages .+ old one, 0 with the new one$/])
})

t.test('redraws its numbers in place on a terminal, within 80 columns', async (t) => {
  let written = ''
  const terminal = {
    isTTY: true,
    write(text: string) {
      written += text
      return true
    },
  }
  const display = createDisplay(terminal as never, { lineMs: 1_000, hasStamps: true })
  const counts = {
    webhooks: 99_999,
    acknowledged: 99_999,
    retries: 0,
    events: 99_999,
    duplicates: 0,
    redeliveries: 0,
  }
  const progress = {
    counts,
    webhooks: 100_000,
    delivery: { state: 'delivering', reason: null, pending: 99_999, waiting: 0 },
    brazeIsUp: false,
    requests: 99_999,
    failedRequests: 99_999,
    people: 99_999,
    reachable: 99_999,
    atBraze: 99_999,
    agree: 99_999,
    customersOnLine: 0,
    lacking: [],
    stale: [],
    misplaced: [],
  }
  display.show({ frame: () => frameOf(progress), line: () => lineOf(progress) })
  const frame = written
  const height = frame.split('\n').length - 1
  display.say('Something happens.')
  display.end()
  const rest = written.slice(frame.length)
  t.equal(rest.split(`\x1b[${height}A\r\x1b[J`).length, 3, 'each drawing first erases the one before')
  t.match(rest, /Something happens\./)
  for (const line of stripVTControlCharacters(written).split('\n')) t.ok(line.length <= 80, line)

  const logIns: LogInProgress = {
    logIns: 300,
    toCome: 302,
    delivery: progress.delivery,
    wanted: 299,
    customersOnLine: 299,
    twice: 100,
  }
  for (const line of logInFrameOf(logIns)) t.ok(line.length <= 80, line)
  const message = { people: 131_095, sent: 99_999, got: 99_999, byOldToken: 99_999, byNewToken: 0 }
  for (const line of messageFrameOf(message)) t.ok(line.length <= 80, line)
  t.match(messageLineOf(message), /^messages 99,999 of 131,095, people who got one 99,999 of 131,095, /)
})
