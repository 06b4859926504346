import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { friend } from '../../../src/contact/contact.ts'
import type { Ledger } from '../../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../../src/ledger/sqlite/ledger.ts'
import { openDatabase } from '../../../src/ledger/sqlite/open.ts'
import { folder, leftBy } from '../../harness/files.ts'
import { key } from '../../harness/people.ts'

const contact = (userId: string) => friend(key(userId), 1_700_000_000_000)

/** Something to write to without the ledger's own statements. */
const TABLE = 'CREATE TABLE people (user_id TEXT)'

async function open(t: Test, path: string): Promise<Ledger> {
  const ledger = await openSqliteLedger({ path })
  t.teardown(() => ledger.close().catch(() => {}))
  return ledger
}

async function refusesAll(t: Test, ledger: Ledger, message: RegExp) {
  await t.rejects(ledger.record([contact('too-late')]), { name: 'LedgerError', message })
  await t.rejects(ledger.probe(), { message })
  await t.rejects(ledger.counts(), { message })
  await t.rejects(ledger.holdLease('delivery', 'me', 1_000, { endedMs: 0, lostMs: 0 }), { message })
  await t.rejects(ledger.due(10), { message })
}

t.test('a log that is removed: what it held is saved, and nothing more is taken', async (t) => {
  for (const files of [['-wal'], ['-shm'], ['-wal', '-shm']]) {
    await t.test(files.join(' and '), async (t) => {
      const path = join(folder(t), 'ledger.db')
      const ledger = await open(t, path)
      for (const userId of ['a', 'b', 'c']) await ledger.record([contact(userId)])
      for (const file of files) rmSync(path + file)
      await refusesAll(t, ledger, /were removed or replaced while they were in use.*restart/)
      t.strictSame(leftBy(t, path), new Set(['a', 'b', 'c']))

      const next = await open(t, path)
      await next.record([contact('d')])
      t.strictSame(leftBy(t, path), new Set(['a', 'b', 'c', 'd']), 'a restart goes on')
    })
  }
})

t.test('a log that another one takes the place of', async (t) => {
  const path = join(folder(t), 'ledger.db')
  const ledger = await open(t, path)
  await ledger.record([contact('a')])
  renameSync(`${path}-wal`, `${path}-old`)
  writeFileSync(`${path}-wal`, '')
  await refusesAll(t, ledger, /were removed or replaced/)
  t.strictSame(leftBy(t, path), new Set(['a']))
})

t.test('what others stored in a log of their own is not written over', async (t) => {
  const path = join(folder(t), 'ledger.db')
  const ledger = await open(t, path)
  await ledger.record([contact('a')])
  const other = new Database(path)
  t.teardown(() => other.close())
  for (let i = 0; i < 50; i++) await ledger.record([contact(`more-${i}`)])
  other.pragma('wal_checkpoint(PASSIVE)')
  other.close()
  rmSync(`${path}-wal`)
  // Everything is in the database, so that another process may come in before the removal is noticed.
  const later = openDatabase(path)
  later.db.exec("UPDATE contacts SET user_id = 'theirs' WHERE user_id = 'a'")
  later.close()
  await refusesAll(t, ledger, /were removed or replaced/)
  await ledger.close()
  const left = leftBy(t, path)
  t.equal(left.size, 51)
  t.ok(left.has('theirs'))
})

t.test('nobody comes in while what a removed log held is not saved yet', async (t) => {
  const path = join(folder(t), 'ledger.db')
  const first = openDatabase(path)
  first.db.exec(`${TABLE}; INSERT INTO people VALUES ('a')`)
  rmSync(`${path}-wal`)
  t.throws(() => openDatabase(path), { name: 'LedgerError', message: /its log .* was (removed or )?cut off/ })
  t.throws(() => first.assertInPlace(), { message: /were removed/ })
  t.strictSame(leftBy(t, path, 'people'), new Set(['a']))
  openDatabase(path).close()
})

t.test('a log that is cut off: nothing more is taken, and the database stays sound', async (t) => {
  for (const [name, bytes] of Object.entries({ 'to nothing': 0, 'within its header': 20, halfway: 40_000 })) {
    await t.test(name, async (t) => {
      const path = join(folder(t), 'ledger.db')
      const ledger = await open(t, path)
      for (let i = 0; i < 20; i++) await ledger.record([contact(`u${i}`)])
      truncateSync(`${path}-wal`, bytes)
      await refusesAll(t, ledger, /was cut off or overwritten while it was in use.*restart/)
      await ledger.close()
      new Database(path).close()
    })
  }
})

t.test('overwritten by an earlier log', async (t) => {
  const path = join(folder(t), 'ledger.db')
  const ledger = await open(t, path)
  await ledger.record([contact('a')])
  copyFileSync(`${path}-wal`, `${path}-copy`)
  await ledger.record([contact('b')])
  copyFileSync(`${path}-copy`, `${path}-wal`)
  await refusesAll(t, ledger, /was cut off or overwritten/)
})

t.test('what happens to the files within a transaction shows behind its commit', async (t) => {
  const harm: Record<string, (log: string) => void> = {
    removed: (log) => rmSync(log),
    'cut off': (log) => truncateSync(log),
    'cut off halfway': (log) => truncateSync(log, statSync(log).size / 2),
  }
  for (const [name, act] of Object.entries(harm)) {
    await t.test(name, async (t) => {
      const path = join(folder(t), 'ledger.db')
      const { db, assertInPlace, close } = openDatabase(path)
      db.exec(TABLE)
      const insert = db.prepare('INSERT INTO people VALUES (?)')
      for (let i = 0; i < 20; i++) insert.run(`in-the-database-${i}`)
      db.pragma('wal_checkpoint(TRUNCATE)')
      for (let i = 0; i < 40; i++) insert.run(`in-the-log-${i}`)
      assertInPlace()
      db.transaction(() => {
        assertInPlace()
        insert.run('the last')
        act(`${path}-wal`)
      }).immediate()
      t.throws(assertInPlace, { name: 'LedgerError', message: /while (it was|they were) in use/ })
      t.throws(assertInPlace, { message: /while (it was|they were) in use/ }, 'and stays so')
      close()
      const left = leftBy(t, path, 'people')
      if (name === 'removed') t.equal(left.size, 61, 'all of it was saved')
      else if (name === 'cut off') t.equal(left.size, 20, 'the holes were not copied over the database')
    })
  }
})

t.test('removed at any moment under load, nothing acknowledged is lost', async (t) => {
  for (let round = 0; round < 12; round++) {
    const path = join(folder(t), 'ledger.db')
    const ledger = await openSqliteLedger({ path })
    const acknowledged: string[] = []
    let refused = 0
    const removeAt = 5 + round * 7
    const writer = async (name: string) => {
      for (let i = 0; refused < 40; i++) {
        const userId = `${name}-${i}`
        await ledger.record([contact(userId)]).then(
          () => {
            acknowledged.push(userId)
            if (acknowledged.length === removeAt) rmSync(`${path}-wal`)
          },
          () => refused++,
        )
      }
    }
    await Promise.all(['a', 'b', 'c', 'd'].map(writer))
    const left = leftBy(t, path)
    t.strictSame(
      acknowledged.filter((userId) => !left.has(userId)),
      [],
      `${acknowledged.length} acknowledged`,
    )
    await ledger.close()
  }
})

/** Another program that opens, reads, checkpoints in every way and closes, again and again. */
const NEIGHBOUR = `
  const Database = require('better-sqlite3')
  const path = process.argv[1]
  let rounds = 0
  process.stdin.on('end', () => process.exit()).resume()
  setImmediate(function turn () {
    const db = new Database(path, { timeout: 5000 })
    db.prepare('SELECT count(*) FROM contacts').get()
    for (const mode of ['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'].slice(rounds % 4)) {
      db.pragma('journal_size_limit = 0')
      db.pragma('wal_checkpoint(' + mode + ')')
      if (rounds % 3 === 0) db.exec('UPDATE probes SET probed = probed + 1')
    }
    db.close()
    rounds++
    process.stdout.write('.')
    setImmediate(turn)
  })
`

t.test('other processes that write, checkpoint, open and close are no alarm', async (t) => {
  const path = join(folder(t), 'ledger.db')
  const ledgers = [await open(t, path), await open(t, path)]
  const neighbour = spawn(process.execPath, ['-e', NEIGHBOUR, path], {
    cwd: resolve(import.meta.dirname, '../../..'),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const closed = once(neighbour, 'close')
  let rounds = 0
  neighbour.stdout.on('data', (dots) => (rounds += dots.length))
  let written = 0
  // A disk may be done with those before the other program has begun.
  for (; written < 600 || (rounds < 20 && neighbour.exitCode === null); written++) {
    await Promise.all(ledgers.map((ledger, n) => ledger.record([contact(`${n}-${written}`)])))
  }
  neighbour.stdin.end()
  t.strictSame(await closed, [0, null])
  t.ok(rounds >= 20, `${rounds} rounds of the other program`)
  t.equal(leftBy(t, path).size, 2 * written)
})
