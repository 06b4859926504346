import fc from 'fast-check'
import t from 'tap'
import { isNewerLink, type Link } from '../../src/contact/link.ts'
import type { Ledger, Run, StoredLink } from '../../src/ledger/ledger.ts'
import { type ImportOptions, importLinks, newCounts } from '../../src/links/import.ts'
import { longUsers } from '../harness/people.ts'

const NOW = Date.UTC(2026, 8, 2)
const FILE_AT = Date.UTC(2026, 8, 1)
const [A = '', B = '', C = ''] = longUsers(3)

/** No more than what an import needs of a ledger. */
function createLedger() {
  const links = new Map<string, Link>()
  const calls: [run: number | undefined, links: number][] = []
  const runs: string[] = []
  const ended: number[] = []
  const ledger: Pick<Ledger, 'beginRun' | 'link' | 'endRun'> = {
    beginRun: async (kind, channel) => ({ id: runs.push(`${kind} ${channel}`) }) as Run,
    endRun: async (id) => ({ id: ended.push(id) }) as Run,
    async link(all, run) {
      calls.push([run, all.length])
      return all.map(({ channel, userId, externalId, linkedAt }): StoredLink => {
        const key = `${channel} ${userId}`
        const before = links.get(key) ?? { externalId: null, linkedAt: 0 }
        const news = { externalId, linkedAt: linkedAt ?? NOW }
        const after = isNewerLink(news, before) ? news : before
        links.set(key, after)
        const isSame = after.externalId === before.externalId
        const outcome = isSame ? 'unchanged' : after.externalId === null ? 'unlinked' : 'linked'
        return { channel, userId, ...after, outcome }
      })
    },
  }
  return { ledger, links, calls, runs, ended }
}

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Imports the text, and says what came of it. */
async function imported(
  text: string | Buffer,
  options: Partial<ImportOptions> = {},
  parts = createLedger(),
  size = 50,
) {
  const counts = newCounts()
  const faults: [line: number, fault: string][] = []
  const columns: string[] = []
  await importLinks({
    ledger: parts.ledger,
    source: inPieces(Buffer.from(text), size),
    channels: ['default'],
    linkedAt: FILE_AT,
    counts,
    observer: {
      begun: ({ place }) => columns.push(...place.keys()),
      invalid: (...fault) => faults.push(fault),
    },
    clock: () => NOW,
    signal: new AbortController().signal,
    ...options,
  })
  return { ...parts, counts, faults, columns, stored: Object.fromEntries(parts.links) }
}

t.test('links, ends of links and moments', async (t) => {
  const { stored, counts, runs, calls, ended } = await imported(
    `line_user_id,external_id,linked_at\n${A},customer 1,2026-08-01T00:00:00Z\n${B},,${FILE_AT - 5}\n${C},"c,""3""",\n`,
  )
  t.strictSame(stored, {
    [`default ${A}`]: { externalId: 'customer 1', linkedAt: Date.UTC(2026, 7, 1) },
    [`default ${B}`]: { externalId: null, linkedAt: FILE_AT - 5 },
    [`default ${C}`]: { externalId: 'c,"3"', linkedAt: FILE_AT },
  })
  t.match(counts, { lines: 3, linked: 2, unlinked: 0, unchanged: 1, invalid: 0 })
  t.strictSame([runs, calls, ended], [['links default'], [[1, 3]], [1]])
})

t.test('columns by name, in any order, among others; a BOM, CRLF, quotes and empty lines', async (t) => {
  const expected = { [`default ${A}`]: { externalId: 'é1', linkedAt: FILE_AT } }
  for (const text of [
    `line_user_id,external_id\n${A},é1`,
    `\ufeffline_user_id,external_id\r\n${A},é1\r\n`,
    `\ufeff"line_user_id","external_id"\r\n"${A}","é1"\r\n`,
    `External_ID , LINE_USER_ID\n\né1,${A}\n\n\r\n`,
    `\n\nname,external_id,,line_user_id,\n"Doe, J.",é1,,${A},\n`,
  ])
    t.strictSame((await imported(text)).stored, expected, text)
})

t.test('a file that is no list of links ends with what it should be', async (t) => {
  const [columns, user] = ['line_user_id,external_id', `${A},c1`]
  for (const [text, message] of [
    ['', /^The file is empty: the first line must name the columns line_user_id and external_id, /],
    ['\n\r\n\n', /^The file is empty/],
    [`${user}\n${user}\n`, /^The file lacks line_user_id and external_id: the first line must/],
    [`line_user_id,linked_at\n${user}\n`, /^The file lacks external_id: /],
    [`line_user_id;external_id\n${A};c1\n`, /^The file lacks .*separated by commas/],
    [`${columns}\r${user}\r`, /^The file lacks external_id: .*LF or CRLF/],
    [`${columns},external_id\n`, /^The file has two columns external_id: remove one/],
    [Buffer.from(`\ufeff${columns}\n${user}\n`, 'utf16le'), /^Line 1 is not UTF-8/],
    ['x'.repeat(100_000), /^Line 1 is longer than 65,536 bytes: the first line must/],
    [`"${columns}\n`, /^Line 1 has a quotation mark where none can be: the first/],
  ] as const) {
    const parts = createLedger()
    await t.rejects(imported(text, {}, parts), { name: 'ImportError', message })
    t.strictSame(parts.runs, [])
  }
  t.match(await imported(`${columns}\n`), { counts: { lines: 0 }, runs: [] }, 'no links are none')
})

t.test('wrong lines are named by number, without what stands there, and skipped', async (t) => {
  const lines: [line: string, fault: RegExp][] = [
    [',c1', /^has a line_user_id that is empty$/],
    ['no user,c1', /^has a line_user_id that is no LINE user id$/],
    [`${'u'.repeat(256)},c1`, /no LINE user id$/],
    [`c1,${A}`, /^has a LINE user id as external_id and not as line_user_id$/],
    ['line_user_id,external_id', /^has the names of columns/],
    [`${A},${'é'.repeat(257)}`, /external id is longer than 512 bytes$/],
    [`${A}, c1`, /external id begins or ends with a space$/],
    [`${A},c\t1`, /external id has a control character$/],
    [`${A}`, /^has 1 field where the header has 2/],
    [`${A},c,1`, /^has 3 fields where the header has 2; a field with a comma needs quotation marks$/],
    [`${A},"c1`, /^has a quotation mark where none can be$/],
    [`${A},c"1"`, /^has a quotation mark/],
    [`${A},"c"1`, /^has a quotation mark/],
    [`${A},${'x'.repeat(70_000)}`, /^is longer than 65,536 bytes$/],
  ]
  const text = ['line_user_id,external_id', ...lines.map(([line]) => line), `${B},c2`].join('\n')
  const { counts, faults, stored } = await imported(text)
  t.match(counts, { lines: lines.length + 1, linked: 1, invalid: lines.length })
  for (const [place, [line, fault]] of lines.entries())
    t.match(faults[place], [place + 2, fault], line.slice(0, 80))
  t.notMatch(JSON.stringify(faults), /U0|no user,|c1/)
  t.strictSame(Object.keys(stored), [`default ${B}`], 'a forgotten quotation mark spoils its own line only')
})

t.test('Latin-1 spoils its own line; moments that cannot be spoil theirs', async (t) => {
  const latin = Buffer.concat([
    Buffer.from(`line_user_id,external_id,linked_at\n${A},J`),
    Buffer.from([0xf6]),
    Buffer.from(`rg,\n${B},c2,2027-01-01T00:00:00Z\n${B},c2,soon\n${C},c3,\n`),
  ])
  const { faults, counts } = await imported(latin)
  t.match(faults, [
    [2, 'is not UTF-8; save the file as UTF-8'],
    [3, 'is wrong: linked_at is in the future'],
    [4, /^is wrong: linked_at must be ISO 8601/],
  ])
  t.match(counts, { lines: 4, linked: 1, invalid: 3 })
})

t.test('what was learnt later stays, and the same file again changes nothing', async (t) => {
  const parts = createLedger()
  await parts.ledger.link([{ channel: 'default', userId: A, externalId: 'newer', linkedAt: FILE_AT + 1 }])
  const text = `line_user_id,external_id\n${A},older\n${B},c2\n${B},c3\n`
  t.match((await imported(text, {}, parts)).counts, { linked: 2, unchanged: 1 })
  const { counts, stored } = await imported(text, {}, parts)
  t.match(counts, { linked: 0, unlinked: 0, unchanged: 3 })
  t.match(stored, { [`default ${A}`]: { externalId: 'newer' }, [`default ${B}`]: { externalId: 'c3' } })
})

t.test('batches of a thousand, however the bytes come', async (t) => {
  const people = longUsers(2_500)
  const text = `line_user_id,external_id\n${people.map((userId) => `${userId},of ${userId}\n`).join('')}`
  for (const size of [13, 65_536, 1_000_000]) {
    const { calls, counts, links } = await imported(text, {}, createLedger(), size)
    t.strictSame(
      calls.map(([, count]) => count),
      [1_000, 1_000, 500],
    )
    t.match(counts, { lines: 2_500, linked: 2_500, bytes: Buffer.byteLength(text) })
    t.equal(links.size, 2_500)
  }
})

t.test('a column channel, and --channel', async (t) => {
  const channels = ['jp', 'th']
  const text = `channel,line_user_id,external_id\njp,${A},c1\nth,${A},c2\nus,${A},c3\n`
  const { stored, faults, runs, ended } = await imported(text, { channels })
  t.match(stored, { [`jp ${A}`]: { externalId: 'c1' }, [`th ${A}`]: { externalId: 'c2' } })
  t.match(faults, [[4, 'names a channel that is not configured']])
  t.strictSame(
    [runs, ended],
    [
      ['links jp', 'links th'],
      [1, 2],
    ],
  )
  await t.rejects(imported(text, { channels, channel: 'jp' }), { message: /leave out --channel, or that/ })
  const plain = `line_user_id,external_id\n${A},c1\n`
  await t.rejects(imported(plain, { channels }), { message: /name it with --channel \(jp, th\), or/ })
  t.match((await imported(plain, { channels, channel: 'th' })).stored, { [`th ${A}`]: { externalId: 'c1' } })
})

t.test('ends when it is asked to, and what is stored stays', async (t) => {
  const parts = createLedger()
  const ending = new AbortController()
  const people = longUsers(5_000)
  const text = `line_user_id,external_id\n${people.map((userId) => `${userId},c\n`).join('')}`
  const { link } = parts.ledger
  parts.ledger.link = (...args) => {
    if (parts.calls.length === 1) ending.abort(new Error('enough'))
    return link(...args)
  }
  await t.rejects(imported(text, { signal: ending.signal }, parts), { message: 'enough' })
  t.equal(parts.links.size, 2_000)
  t.match((await imported(text, {}, parts)).counts, { linked: 3_000, unchanged: 2_000 })
})

t.test('any text is read to its end', async () => {
  const cell = fc.constantFrom('"', ',', '\n', '\r\n', A, 'c1', '""', 'line_user_id', ' ', '\u0000', '\ufeff')
  await fc.assert(
    fc.asyncProperty(fc.array(cell), fc.integer({ min: 1, max: 80 }), async (cells, size) => {
      const text = `line_user_id,external_id\n${cells.join('')}\n${B},end\n`
      const { counts, stored } = await imported(text, {}, createLedger(), size)
      const { lines, linked, unlinked, unchanged, invalid } = counts
      return stored[`default ${B}`]?.externalId === 'end' && lines === linked + unlinked + unchanged + invalid
    }),
  )
})
