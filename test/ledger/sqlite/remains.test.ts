import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { friend, gone } from '../../../src/contact/contact.ts'
import type { Ledger } from '../../../src/ledger/ledger.ts'
import { openLedger } from '../../../src/ledger/open.ts'
import { remainsOn } from '../../../src/ledger/sqlite/pages.ts'
import { folder } from '../../harness/files.ts'
import { friends, key, strangers } from '../../harness/people.ts'

const DAY_MS = 86_400_000
/** Random ids as LINE's, so that pages of indexes split everywhere. */
const people = (count: number) => strangers(count).map((hex) => `U${hex}`)

/** A ledger in which much has happened: people came in any order, some left, some are customers. */
async function setUp(t: Test, count: number) {
  const path = join(folder(t), 'ledger.db')
  const all = people(count)
  const clock = { now: 1_800_000_000_000 }
  const open = () => openLedger({ url: `file:${path}`, clock: () => clock.now })
  const ledger = await open()
  t.teardown(() => ledger.close().catch(() => {}))
  for (let from = 0; from < all.length; from += 40) {
    const some = all.slice(from, from + 40)
    await ledger.record(friends(some, 10))
    if (from % 400 === 0)
      await ledger.link(
        some.map((userId, i) => ({
          ...key(userId),
          externalId: `customer ${(from + i) % 500}`,
          linkedAt: null,
        })),
      )
  }
  await deliver(ledger, clock)
  for (let i = 0; i < all.length; i += 5) await ledger.record([gone(key(all[i] as string), 20)])
  await deliver(ledger, clock)
  return { path, all, clock, ledger, open }
}

async function deliver(ledger: Ledger, clock: { now: number }) {
  for (;;) {
    const customers = await ledger.toCheck(500)
    await ledger.keepChecks(customers.map(({ id }) => ({ id, againMs: null })))
    const due = await ledger.due(3_000)
    if (due.length + customers.length === 0) return
    await ledger.acknowledge(
      due.map(({ id, revision }) => ({ id, revision, failure: null })),
      1,
    )
    clock.now += 5
  }
}

/** What of these names is in the files: a half is enough to know somebody by. */
function remains(path: string, names: readonly string[]): number {
  const files = [path, `${path}-wal`].map((file) => readFileSync(file, 'latin1')).join('\n')
  return names.filter((name) => files.includes(name.slice(0, 16)) || files.includes(name.slice(-16))).length
}

t.test('nothing of an id is left in the file, its log and what pages have left behind', async (t) => {
  const { path, all, clock, ledger, open } = await setUp(t, 6_000)
  const chosen = all.filter((_, i) => i % 120 === 7)
  t.equal(remains(path, chosen), chosen.length)
  for (const userId of chosen) await ledger.forget(key(userId), { deletesProfile: false, lifeMs: DAY_MS })
  await deliver(ledger, clock)
  // Somebody else is at work on it meanwhile.
  const other = await open()
  t.teardown(() => other.close())
  let isOver = false
  const working = (async () => {
    const [more, others] = [people(3_000), all.filter((userId) => !chosen.includes(userId))]
    for (let i = 0; !isOver; i++) {
      const [userId = '', known = ''] = [more[i % more.length], others[i % others.length]]
      await other.record([friend(key(userId), i), (i % 2 ? gone : friend)(key(known), 100 + i)])
    }
  })()
  for (let due = await ledger.toForget(10); due.length > 0; due = await ledger.toForget(10))
    for (const { receipt } of due) await ledger.erase(receipt, 'kept')
  isOver = true
  await working
  t.equal(remains(path, chosen), 0)
  t.match(
    await Promise.all(chosen.map((userId) => ledger.forgettings('default', { userId }))),
    chosen.map(() => [{ state: 'done' }]),
  )
  const db = new Database(path, { readonly: true })
  t.teardown(() => db.close())
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  t.equal(
    db
      .prepare('SELECT count(*) FROM contacts WHERE user_id IN (SELECT value FROM json_each(?))')
      .pluck()
      .get(JSON.stringify(chosen)),
    0,
  )
  const counted = db.prepare('SELECT status, count(*) AS n FROM contacts GROUP BY status').all() as {
    status: string
    n: number
  }[]
  const [counts] = await ledger.counts()
  for (const { status, n } of counted) t.equal(counts?.[status as 'friend'], n, status)
})

t.test('a process that ended halfway left it to the next one', async (t) => {
  const { path, all, clock, ledger, open } = await setUp(t, 2_000)
  const [userId = ''] = all
  await ledger.forget(key(userId), { deletesProfile: false, lifeMs: DAY_MS })
  await deliver(ledger, clock)
  const [due] = await ledger.toForget(1)
  const db = new Database(path)
  // As after the rows are gone, and before their remains are.
  db.prepare('DELETE FROM contacts WHERE user_id = ?').run(userId)
  db.prepare("UPDATE forgotten SET state = 'erasing'").run()
  db.close()
  t.match(await ledger.forgettings('default', { userId }), [{ state: 'erasing' }])
  t.ok(remains(path, [userId]))
  const next = await open()
  t.teardown(() => next.close())
  t.match(await next.toForget(1), [{ receipt: due?.receipt, state: 'erasing' }])
  t.equal(await next.erase(due?.receipt as string, 'kept'), true)
  t.equal(remains(path, [userId]), 0)
})

t.test('a reader of the log keeps it from being wiped, until it has ended', async (t) => {
  const { path, all, clock, ledger } = await setUp(t, 2_000)
  const [userId = ''] = all
  await ledger.forget(key(userId), { deletesProfile: false, lifeMs: DAY_MS })
  await deliver(ledger, clock)
  const reader = new Database(path, { readonly: true })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM contacts').get()
  const [due] = await ledger.toForget(1)
  t.equal(await ledger.erase(due?.receipt as string, 'kept'), false)
  await ledger.record(friends(people(10)))
  t.equal(await ledger.erase(due?.receipt as string, 'kept'), false)
  t.match(await ledger.beingForgotten(), [{ count: 1 }])
  reader.exec('COMMIT')
  reader.close()
  t.equal(await ledger.erase(due?.receipt as string, 'kept'), true)
  t.equal(remains(path, [userId]), 0)
})

t.test('of a page, what rows have stays as it is, and all else is wiped', async (t) => {
  const { path, ledger } = await setUp(t, 3_000)
  await ledger.close()
  for (const [pageBytes, autoVacuum] of [
    [4_096, 'NONE'],
    [512, 'NONE'],
    [65_536, 'NONE'],
    [4_096, 'INCREMENTAL'],
    [512, 'FULL'],
  ] as const)
    t.test(`pages of ${pageBytes} bytes, auto_vacuum ${autoVacuum}`, async (t) => {
      const before = remade(path, pageBytes, autoVacuum)
      const bytesOf = (page: number) => Buffer.from(before.subarray((page - 1) * pageBytes, page * pageBytes))
      let wipedBytes = 0
      const wiped = Array.from({ length: before.length / pageBytes }, (_, i) => {
        const bytes = bytesOf(i + 1)
        for (const [from, to] of remainsOn(i + 1, bytes, bytesOf)) {
          bytes.fill(0, from, to)
          wipedBytes += to - from
        }
        t.strictSame(remainsOn(i + 1, bytes, bytesOf), [], 'once is enough')
        return bytes
      })
      t.ok(wipedBytes > pageBytes)
      t.strictSame(rowsOf(Buffer.concat(wiped)), rowsOf(before))
    })
})

/** The file with other pages, and with more in their gaps. As a database in memory, which is in no log. */
function remade(path: string, pageBytes: number, autoVacuum: string): Buffer {
  const copy = `${path}-${pageBytes}-${autoVacuum}`
  copyFileSync(path, copy)
  const db = new Database(copy)
  db.pragma('journal_mode = DELETE')
  db.pragma(`page_size = ${pageBytes}`)
  db.pragma(`auto_vacuum = ${autoVacuum}`)
  db.exec('VACUUM')
  db.exec('DELETE FROM contacts WHERE id % 3 = 0 OR id BETWEEN 500 AND 900')
  db.close()
  return readFileSync(copy)
}

function rowsOf(file: Buffer) {
  const db = new Database(file)
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all() as string[]
  const rows = tables.map((name) => db.prepare(`SELECT * FROM ${name}`).all())
  const integrity = db.pragma('integrity_check', { simple: true })
  db.close()
  return { rows, integrity }
}
