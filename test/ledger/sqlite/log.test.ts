import { statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { openSqliteLedger } from '../../../src/ledger/sqlite/ledger.ts'
import { createLogKeeper } from '../../../src/ledger/sqlite/log.ts'
import { openDatabase } from '../../../src/ledger/sqlite/open.ts'
import { folder } from '../../harness/files.ts'
import { friends, strangers } from '../../harness/people.ts'

const PAGES = 64
const FRAME_BYTES = 4_120

function setup(t: Test) {
  const path = join(folder(t), 'ledger.db')
  const { db, close } = openDatabase(path)
  t.teardown(close)
  db.exec('CREATE TABLE pages (bytes)')
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.pragma(`journal_size_limit = ${PAGES * FRAME_BYTES}`)
  const warnings: string[] = []
  const shortenLog = createLogKeeper(db, {
    path,
    warn: (sentence) => warnings.push(sentence),
    checkpointPages: PAGES,
    warningBytes: 4 * PAGES * FRAME_BYTES,
  })
  const insert = db.prepare("INSERT INTO pages VALUES (zeroblob(4000) || 'x')")
  return {
    path,
    db,
    warnings,
    shortenLog,
    logPages: () => Math.floor(statSync(`${path}-wal`).size / FRAME_BYTES),
    write(times: number) {
      for (let i = 0; i < times; i++) {
        insert.run()
        shortenLog()
      }
    },
  }
}

t.test('the log of a database that is written without an end stays short', async (t) => {
  const { write, logPages, warnings } = setup(t)
  write(40 * PAGES)
  t.ok(logPages() <= PAGES + 8, `${logPages()} pages`)
  t.strictSame(warnings, [])
})

t.test('also when another process writes between each of our transactions', async (t) => {
  const { path, write, logPages, warnings } = setup(t)
  const other = new Database(path)
  t.teardown(() => other.close())
  const insert = other.prepare("INSERT INTO pages VALUES (zeroblob(4000) || 'x')")
  other.pragma('wal_autocheckpoint = 0')
  for (let i = 0; i < 10 * PAGES; i++) {
    insert.run()
    write(1)
  }
  t.ok(logPages() <= 2 * PAGES + 16, `${logPages()} pages`)
  t.strictSame(warnings, [])
})

t.test('a reader lets it grow, which is said once; behind it the log shrinks', async (t) => {
  const { path, write, logPages, warnings } = setup(t)
  const reader = new Database(path)
  t.teardown(() => reader.close())
  write(1)
  for (const round of [1, 2]) {
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM pages').get()
    write(10 * PAGES)
    t.ok(logPages() > 9 * PAGES)
    t.equal(warnings.length, round)
    t.match(warnings[0], /^The log .*ledger\.db-wal has \d+ MiB and keeps growing, since something reads/)
    reader.exec('COMMIT')
    write(2 * PAGES)
    t.ok(logPages() <= PAGES + 8, `${logPages()} pages`)
  }
})

t.test('SQLite makes no checkpoints of its own, and cuts the file', async (t) => {
  const path = join(folder(t), 'ledger.db')
  const { db, close } = openDatabase(path)
  t.equal(db.pragma('wal_autocheckpoint', { simple: true }), 0)
  t.equal(db.pragma('journal_size_limit', { simple: true }), 16_000 * FRAME_BYTES)
  close()
})

t.test('the thread keeps the log of a ledger short', async (t) => {
  const path = join(folder(t), 'ledger.db')
  const ledger = await openSqliteLedger({ path })
  let longest = 0
  // Each of these writes 2 MB, and more with every one.
  for (let i = 0; i < 80; i++) {
    await ledger.record(friends(strangers(2_000), 5))
    longest = Math.max(longest, statSync(`${path}-wal`).size)
  }
  t.ok(longest >= 16_000 * FRAME_BYTES, 'it was long enough')
  t.ok(longest < 24_000 * FRAME_BYTES, `${longest} bytes`)
  await ledger.close()
})
