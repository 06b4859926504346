import { Readable } from 'node:stream'
import t from 'tap'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { seededRandom } from '../../src/sandbox/random.ts'
import { openInline } from '../harness/ledger.ts'
import { longUsers } from '../harness/people.ts'
import { lastLine, stage } from '../harness/stage.ts'

const KILLS = 4
const LINES = 30_000
const IMPORT = ['links', 'import', '--json', '--linked-at', '2026-01-01T00:00:00Z', '-']
const CHUNK_BYTES = 32_768

t.test(
  'kill -9 amid imports: the file once more ends as one that was left alone',
  {
    timeout: 600_000,
  },
  async (t) => {
    const random = seededRandom(7)
    const { start, command, ledger, env } = await stage(t)
    const people = longUsers(LINES / 2)
    const lines = Array.from({ length: LINES }, () => {
      const userId = people[Math.floor(random() * people.length)]
      const externalId = random() < 0.1 ? '' : `c${Math.floor(random() * LINES)}`
      return `${userId},${externalId},${random() < 0.5 ? '' : Date.UTC(2025, 11, 31) + Math.floor(random() * 1e9)}\n`
    })
    const file = Buffer.from(`line_user_id,external_id,linked_at\n${lines.join('')}`)
    const chunks = Math.ceil(file.length / CHUNK_BYTES)

    for (let round = 1; round <= KILLS; round++) {
      const { promise: read, resolve } = Promise.withResolvers<void>()
      const enough = Math.floor((chunks * (round - random())) / KILLS)
      const importing = start(
        IMPORT,
        {},
        Readable.from(inChunks(file, (chunk) => chunk === enough && resolve())),
      )
      await read
      t.match(await importing.kill('SIGKILL'), { signal: 'SIGKILL' })
    }
    const known = await linksIn(await ledger())
    t.ok(known.length > people.length / 2 && known.length < people.length, `${known.length} were stored`)

    const whole = (more = {}) => command(IMPORT, more, { stdin: Readable.from([file]) }).ended
    const last = await whole()
    t.match(lastLine(last.stdout), { status: 'complete', lines: LINES, invalid: 0 }, last.stderr)
    const DATABASE_URL = `${env.DATABASE_URL}-other`
    t.match(await whole({ DATABASE_URL }), { code: 0 })
    const other = await openInline({ url: DATABASE_URL })
    t.teardown(other.close)
    t.strictSame(await linksIn(await ledger()), await linksIn(other))
    t.match(lastLine((await whole()).stdout), { linked: 0, unlinked: 0, unchanged: LINES })
  },
)

/** Each part of the file as it is asked for. */
function* inChunks(file: Buffer, onChunk: (chunk: number) => void) {
  for (let chunk = 0; chunk * CHUNK_BYTES < file.length; chunk++) {
    onChunk(chunk)
    yield file.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES)
  }
}

async function linksIn(ledger: Ledger) {
  const links = (await Array.fromAsync(ledger.links('default'))).flat()
  return links.map(({ userId, externalId, linkedAt }) => `${userId} ${externalId} ${linkedAt}`).sort()
}
