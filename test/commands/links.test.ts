import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { LONGEST_LINE_BYTES } from '../../src/links/lines.ts'
import { stageChannels } from '../harness/channels.ts'
import type { CommandOptions } from '../harness/command.ts'
import { friends, key, longUsers } from '../harness/people.ts'
import { lastLine, stage } from '../harness/stage.ts'

const [A = '', B = '', C = ''] = longUsers(3)
const HEADER = 'line_user_id,external_id'
const HOUR_MS = 3_600_000
const CHANGED_AT = Math.floor(Date.now() / 1000) * 1000 - 24 * HOUR_MS

async function setUp(t: Test) {
  const parts = await stage(t)
  const { folder, command, ledger } = parts
  let files = 0
  const start = (args: readonly string[], env = {}, options: CommandOptions = {}) =>
    command(['links', ...args], env, options)
  return {
    ...parts,
    links: start,
    /** A file with this text, last changed a day ago. */
    file(text: string | Buffer) {
      files += 1
      const path = join(folder, `links-${files}.csv`)
      writeFileSync(path, text)
      utimesSync(path, CHANGED_AT / 1000, CHANGED_AT / 1000)
      return path
    },
    async run(args: readonly string[], options: CommandOptions = {}) {
      const ended = await start(['import', '--json', ...args], {}, options).ended
      return { ...ended, result: lastLine(ended.stdout) }
    },
    /** What is stored: the customer of each user, and since when. */
    async stored() {
      const all = (await Array.fromAsync((await ledger()).links('default'))).flat()
      return Object.fromEntries(
        all.map(({ userId, externalId, linkedAt }) => [userId, [externalId, linkedAt]]),
      )
    },
  }
}

t.test('imports, and again changes nothing', async (t) => {
  const { file, links, run, stored } = await setUp(t)
  const path = file(`${HEADER}\n${A},c1\n${B},c2\n${C},\n`)
  const { code, stdout, stderr } = await links(['import', path]).ended
  t.equal(code, 0, stderr)
  t.equal(
    stdout,
    '3 lines: 2 linked, 0 unlinked, 1 unchanged. The running server tells Braze of it; where none runs, the next one does.\n',
  )
  const at = new Date(CHANGED_AT).toISOString()
  t.match(stderr, `no column linked_at: what it says counts as of ${at}, when the file was last changed, and`)
  t.match(stderr, /^lines 3 of 3/m)
  t.strictSame(await stored(), { [A]: ['c1', CHANGED_AT], [B]: ['c2', CHANGED_AT] })
  const again = await run([path])
  t.match(again, {
    code: 0,
    result: { status: 'complete', lines: 3, linked: 0, unlinked: 0, unchanged: 3, invalid: 0 },
  })
  t.type(again.result.seconds, 'number')
})

t.test('ends links, and leaves what was learnt after the file', async (t) => {
  const { file, run, stored, ledger } = await setUp(t)
  const known = (userId: string, externalId: string, linkedAt: number) => ({
    ...key(userId),
    externalId,
    linkedAt,
  })
  await (await ledger()).link([
    known(A, 'c1', CHANGED_AT - 1),
    known(B, 'c2', CHANGED_AT + 1),
    known(C, 'c3', 5),
  ])
  const path = file(`${HEADER}\n${A},\n${B},\n${C},c4\n`)
  t.match(await run([path]), { code: 0, result: { linked: 1, unlinked: 1, unchanged: 1 } })
  t.strictSame(await stored(), { [B]: ['c2', CHANGED_AT + 1], [C]: ['c4', CHANGED_AT] })
})

t.test('--linked-at names the moment of what has none', async (t) => {
  const { file, run, stored, links } = await setUp(t)
  const path = file(`linked_at,${HEADER}\n2026-01-01T00:00:00+09:00,${A},c1\n,${B},c2\n`)
  t.match(await run(['--linked-at', '2026-02-01T00:00:00Z', path]), { code: 0, result: { linked: 2 } })
  t.strictSame(await stored(), {
    [A]: ['c1', Date.parse('2025-12-31T15:00:00Z')],
    [B]: ['c2', Date.parse('2026-02-01T00:00:00Z')],
  })
  for (const [moment, why] of [
    ['yesterday', /linked-at.*It must be ISO 8601 with a time zone/],
    ['9999-01-01T00:00:00Z', /It is in the future/],
  ] as const)
    t.match(await links(['import', '--linked-at', moment, path]).ended, { code: 2, stderr: why })
})

t.test('from standard input, as of now', async (t) => {
  const { run, stored } = await setUp(t)
  const before = Date.now()
  const stdin = Readable.from([Buffer.from(`${HEADER}\n${A},c`), Buffer.from(`1\n`)])
  const { code, result, stderr } = await run(['-'], { stdin })
  t.match({ code, result }, { code: 0, result: { status: 'complete', lines: 1, linked: 1 } }, stderr)
  t.match(stderr, /counts as of .*Z, now, and/)
  const [, at] = (await stored())[A] ?? []
  t.ok(Number(at) >= before && Number(at) <= Date.now())
})

t.test('--dry-run says what would change, and writes nothing', async (t) => {
  const { file, links, run, stored, env, ledger } = await setUp(t)
  const path = file(`${HEADER}\n${A},c1\n${B},c2\n`)
  const first = await links(['import', '--dry-run', path]).ended
  t.match(first, { code: 0, stdout: '2 lines: 2 linked, 0 unlinked, 0 unchanged. Nothing was written.\n' })
  t.notOk(existsSync(String(env.DATABASE_URL).slice('file:'.length)))
  await (await ledger()).link([{ ...key(A), externalId: 'c1', linkedAt: 5 }])
  t.match(await run(['--dry-run', path]), { code: 0, result: { status: 'dry-run', linked: 1, unchanged: 1 } })
  t.strictSame(await stored(), { [A]: ['c1', 5] })
})

t.test('wrong lines are named, twenty of them, and counted; the others are imported', async (t) => {
  const { file, links, run, stored } = await setUp(t)
  const wrong = Array.from({ length: 25 }, () => `no user,secret-1\n`).join('')
  const path = file(`${HEADER}\n${A},c1\n${wrong}${B},c2\n`)
  const { code, stderr, result } = await run([path])
  t.equal(code, 1)
  t.match(result, { status: 'invalid', lines: 27, linked: 2, unlinked: 0, unchanged: 0, invalid: 25 })
  const named = stderr.split('\n').filter((line) => /^Line \d+ has a line_user_id that is no LINE/.test(line))
  t.equal(named.length, 20)
  t.match(named[0], /^Line 3 /)
  t.match(stderr, 'More lines are wrong; they are skipped, too, and only counted.\n')
  t.match(stderr, '25 lines were skipped; correct them and import the file again: what is stored already')
  t.notMatch(stderr, /no user|secret/)
  t.strictSame(Object.keys(await stored()), [A, B])
  const one = await links(['import', file(`${HEADER}\nno user,c1\n`)]).ended
  t.match(one, { code: 1, stdout: '1 line: 0 linked, 0 unlinked, 0 unchanged, 1 skipped.\n' })
  t.match(one.stderr, '1 line was skipped; correct it and')
  t.match(await run(['--dry-run', path]), { code: 1, result: { status: 'invalid', invalid: 25 } })
})

t.test('files that are none, or no lists of links', async (t) => {
  const { file, run, folder, links } = await setUp(t)
  const missing = join(folder, 'missing.csv')
  for (const [path, why] of [
    [missing, `${missing} is not there; name another file.\n`],
    [folder, `${folder} is a folder; name another file.\n`],
    [file(''), /^The file is empty: the first line must name/m],
    [file(`user,customer\n${A},c1\n`), /^The file lacks line_user_id and external_id: /m],
    [file(`line_user_id\n${A}\n`), /^The file lacks external_id: /m],
    [file(Buffer.from(`\ufeff${HEADER}\n${A},c1\n`, 'utf16le')), /^Line 1 is not UTF-8/m],
  ] as const) {
    const { code, result, stderr } = await run([path])
    t.equal(code, 1)
    t.match(stderr, why)
    t.match(result, { status: 'failed', lines: 0, linked: 0 })
  }
  t.match(await links(['import']).ended, { code: 2, stderr: /missing required argument 'FILE'/ })
  t.match(await links(['import', '--dryrun', missing]).ended, { code: 2, stderr: /unknown option/ })
  t.match(await links([]).ended, { code: 2, stderr: /import .*\n.*export /s })
  const help = await links(['import', '--help']).ended
  t.match(help, { code: 0, stdout: /line_user_id and external_id.*exit code is then 1.*DATABASE_URL/s })
})

t.test('a BOM, CRLF, quotes, Latin-1 and a line of 100 MB', async (t) => {
  const { folder, run, stored } = await setUp(t)
  const path = join(folder, 'long.csv')
  const latin = Buffer.from(`${C},Jörg\r\n`, 'latin1')
  writeFileSync(
    path,
    Buffer.concat([Buffer.from(`\ufeff"line_user_id","external_id"\r\n"${A}","c,""1"""\r\n`), latin]),
  )
  for (let n = 0; n < 100; n++) writeFileSync(path, 'x'.repeat(1_000_000), { flag: 'a' })
  writeFileSync(path, `\r\n${B},é\r\n`, { flag: 'a' })
  const { code, stderr, result } = await run([path])
  t.equal(code, 1)
  t.match(stderr, /^Line 3 is not UTF-8; save the file as UTF-8\.$/m)
  t.match(stderr, `Line 4 is longer than ${LONGEST_LINE_BYTES.toLocaleString('en')} bytes.\n`)
  t.match(result, { status: 'invalid', lines: 4, linked: 2, invalid: 2 })
  t.match(await stored(), { [A]: ['c,"1"'], [B]: ['é'] })
})

t.test('interrupted while it waits for more', async (t) => {
  const { links, stored } = await setUp(t)
  const stdin = new PassThrough()
  stdin.write(
    `${HEADER}\n${longUsers(1_500)
      .map((userId) => `${userId},c\n`)
      .join('')}`,
  )
  const command = links(['import', '--json', '-'], {}, { stdin })
  await command.said(/no column linked_at/)
  const { code, stdout, stderr } = await command.kill('SIGINT')
  t.equal(code, 130)
  t.match(lastLine(stdout), { status: 'interrupted' })
  t.match(stderr, /^Interrupted/m)
  t.ok(stdin.destroyed)
  t.ok(Object.keys(await stored()).length <= 1_000)
})

t.test('beside a running server, which tells Braze', async (t) => {
  const { braze, file, known, links, serve } = await setUp(t)
  await known(friends([A, B]))
  for (const userId of [A, B]) braze.createProfile(userId, { line_id: userId })
  braze.createCustomer('c1')
  const server = await serve()
  await server.delivers()
  t.match(await links(['import', file(`${HEADER}\n${A},c1\n`)]).ended, { code: 0 })
  await braze.until(() => braze.customer('c1')?.attributes.line_id === A)
  t.equal(braze.attribute(A), undefined)
  t.equal(braze.attribute(B), B)
})

t.test('exports what can be imported again', async (t) => {
  const { file, links, run, folder, stored } = await setUp(t)
  await run([
    file(`${HEADER},linked_at\n${A},"c,1",2026-01-01T00:00:00Z\n${B},=c2,2026-01-02T00:00:00.5Z\n${C},,\n`),
  ])
  const text = `line_user_id,external_id,linked_at\n${A},"c,1",2026-01-01T00:00:00.000Z\n${B},=c2,2026-01-02T00:00:00.500Z\n`
  const { code, stdout, stderr } = await links(['export']).ended
  t.strictSame([code, stdout, stderr], [0, text, '2 links.\n'])
  const path = join(folder, 'exported.csv')
  const written = await links(['export', '--json', path]).ended
  t.match(lastLine(written.stdout), { status: 'complete', links: 2 })
  t.equal(readFileSync(path, 'utf8'), text)
  t.equal(statSync(path).mode & 0o777, 0o600)

  t.match(await links(['export', path]).ended, {
    code: 1,
    stderr: `${path} is there already, and is left as it is; name another file.\n`,
  })
  t.match(await links(['export', join(path, 'x')]).ended, { code: 1, stderr: /is not there; name another/ })
  t.match(await links(['export', '--json']).ended, { code: 2, stderr: /^With --json name a FILE/ })
  const DATABASE_URL = `file:${join(folder, 'other.db')}`
  t.match(await links(['export'], { DATABASE_URL }).ended, { code: 1, stdout: '', stderr: /DATABASE_URL/ })
  t.match(await links(['import', path], { DATABASE_URL }).ended, { code: 0 })
  t.equal((await links(['export'], { DATABASE_URL }).ended).stdout, text)
  t.match(await stored(), { [A]: ['c,1'] })
})

t.test('of several channels', async (t) => {
  const { folder, command } = await stageChannels(t)
  const write = (text: string) => {
    const path = join(folder, 'links.csv')
    writeFileSync(path, text)
    return path
  }
  const plain = write(`${HEADER},linked_at\n${A},c1,2026-01-01T00:00:00Z\n`)
  t.match(await command(['links', 'import', plain]).ended, {
    code: 1,
    stderr: /name it with --channel \(shop, cafe\), or give the file a column channel/,
  })
  t.match(await command(['links', 'import', '--channel', 'bar', plain]).ended, {
    code: 2,
    stderr: /shop, cafe/,
  })
  t.match(await command(['links', 'import', '--channel', 'cafe', plain]).ended, { code: 0 })
  t.equal(
    (await command(['links', 'export', '--channel', 'cafe']).ended).stdout,
    `${HEADER},linked_at\n${A},c1,2026-01-01T00:00:00.000Z\n`,
  )
  const both = `${HEADER},linked_at,channel\n${B},c2,2026-01-01T00:00:00.000Z,shop\n${A},c1,2026-01-01T00:00:00.000Z,cafe\n`
  t.match(await command(['links', 'import', '--json', write(both)]).ended, {
    stdout: /"linked":1,.*"unchanged":1/,
  })
  t.equal((await command(['links', 'export']).ended).stdout, both)
  t.match(await command(['links', 'import', '--channel', 'cafe', write(both)]).ended, {
    code: 1,
    stderr: /has a column channel: leave out --channel, or that column/,
  })
})
