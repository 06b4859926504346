import { join } from 'node:path'
import t from 'tap'
import { gone } from '../../src/contact/contact.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openLedger } from '../../src/ledger/open.ts'
import { openPostgresLedger } from '../../src/ledger/postgres/ledger.ts'
import { seededRandom } from '../../src/sandbox/random.ts'
import { folder as makeFolder } from '../harness/files.ts'
import { friends, key, longUsers } from '../harness/people.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startCli } from '../harness/process.ts'
import { lastLine } from '../harness/stage.ts'

const PEOPLE = 40_000
const KILLS = 3

t.test(
  'kill -9 amid copies there and back: each goes on, and ends as its source',
  { timeout: 600_000 },
  async (t) => {
    const server = await startPostgres()
    t.teardown(() => server.stop())
    const folder = makeFolder(t)
    const random = seededRandom(11)
    const [from, back] = ['from', 'back'].map((name) => `file:${join(folder, name)}`) as [string, string]
    const there = await server.createSchema()
    await live(await openLedger({ url: from }))

    for (const [source, target] of [
      [from, there],
      [there, back],
    ] as const) {
      const start = () => startCli(['copy', '--to', target, '--json'], { DATABASE_URL: source })
      for (let kill = 1; kill <= KILLS; kill++) {
        const copying = start()
        const looking = await stored(target, (PEOPLE * (kill - random())) / KILLS)
        t.match(await copying.kill('SIGKILL'), { signal: 'SIGKILL' })
        await looking.close()
        await t.rejects(openLedger({ url: target }), /holds a copy that is not finished/)
        await t.rejects(openLedger({ url: source }), /is being copied/)
      }
      const { code, stdout, stderr } = await start().ended
      t.equal(code, 0, stderr)
      t.match(lastLine(stdout), { status: 'complete', contacts: PEOPLE })
      t.strictSame(await rowsOf(target), await rowsOf(source))
    }
  },
)

async function live(ledger: Ledger) {
  const people = longUsers(PEOPLE)
  await ledger.record(friends(people, 10))
  await ledger.link(
    people.slice(0, 4_000).map((userId, i) => ({ ...key(userId), externalId: `c${i}`, linkedAt: 20 })),
  )
  await ledger.record(people.slice(0, 100).map((userId) => gone(key(userId), 30)))
  const due = (await ledger.due(20_000)).map(({ id, revision }) => ({ id, revision, failure: null }))
  await ledger.acknowledge(due, 0)
  await ledger.close()
}

/**
 * Resolves once so many contacts are in the copy; asked again as soon as the answer is there. The ledger by which it is asked is to
 * be closed when the copying has been killed: meanwhile that could come to its end.
 */
async function stored(url: string, count: number) {
  const ledger = await openHalf(url)
  for (let friends = -1; friends < count; ) friends = (await ledger.counts())[0]?.friend ?? 0
  return ledger
}

const openHalf = (url: string) =>
  url.startsWith('file:') ? openLedger({ url, isCopyTarget: true }) : openPostgresLedger({ url })

async function rowsOf(url: string) {
  const ledger = await openLedger({ url, isCopyTarget: true })
  const parts = await Array.fromAsync(ledger.dump())
  await ledger.close()
  const sorted = (row: object) => Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))
  return parts
    .flatMap((part) =>
      'rows' in part ? part.rows.map((row) => JSON.stringify([part.kind, sorted(row)])) : [],
    )
    .sort()
}
