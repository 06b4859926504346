import { chmodSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { getTableConfig, type SQLiteTable } from 'drizzle-orm/sqlite-core'
import t from 'tap'
import { friend } from '../../src/contact/contact.ts'
import { openLedger, sqlitePath } from '../../src/ledger/open.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/ledger.ts'
import { openDatabase } from '../../src/ledger/sqlite/open.ts'
import * as schema from '../../src/ledger/sqlite/schema.ts'
import { createStore } from '../../src/ledger/sqlite/store.ts'
import { key } from '../harness/people.ts'
import { ledgerContract, type Subject } from './contract.ts'
import { deskContract } from './desk-contract.ts'
import { forgettingContract } from './forgetting-contract.ts'
import { linksContract } from './links-contract.ts'
import { peopleContract } from './people-contract.ts'
import { runsContract } from './runs-contract.ts'
import { tokensContract } from './tokens-contract.ts'

const temporary = () => mkdtempSync(join(tmpdir(), 'line-braze-'))

const create = async (): Promise<Subject> => {
  const folder = temporary()
  return {
    open: (clock, options) => openSqliteLedger({ path: join(folder, 'ledger.db'), clock, ...options }),
    remove: async () => rmSync(folder, { recursive: true }),
  }
}
ledgerContract('sqlite', create)
runsContract('sqlite', create)
linksContract('sqlite', create)
tokensContract('sqlite', create)
deskContract('sqlite', create)
peopleContract('sqlite', create)
forgettingContract('sqlite', create)

t.test('files', async (t) => {
  const folder = temporary()
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'made', 'when', 'missing', 'ledger.db')
  const ledger = await openLedger({ url: `file:${path}` })
  await ledger.record([friend(key('a'), 5)])

  t.test('the folder is made, and only the owner may read the files', async (t) => {
    for (const file of [path, `${path}-wal`, `${path}-shm`]) t.equal(statSync(file).mode & 0o777, 0o600, file)
  })

  t.test('the log is in WAL mode and every commit is synced', async (t) => {
    const { db } = openDatabase(path)
    t.equal(db.pragma('journal_mode', { simple: true }), 'wal')
    t.equal(db.pragma('synchronous', { simple: true }), 2, 'FULL')
    t.equal(db.pragma('busy_timeout', { simple: true }), 2, 'the thread waits, and looks more often')
    db.close()
  })

  t.test('the Drizzle schema names the columns that the migrations make', async (t) => {
    const { db } = openDatabase(path)
    for (const table of Object.values(schema) as SQLiteTable[]) {
      const { name, columns } = getTableConfig(table)
      const made = db
        .prepare('SELECT name, type, "notnull" OR pk AS needed FROM pragma_table_xinfo(?)')
        .all(name)
      t.strictSame(
        made,
        columns.map((column) => ({
          name: column.name,
          type: column.getSQLType().toUpperCase(),
          needed: Number(column.notNull),
        })),
        name,
      )
    }
    db.close()
  })

  await ledger.close()
})

t.test('what runs all the time is answered from an index', async (t) => {
  const folder = temporary()
  t.teardown(() => rmSync(folder, { recursive: true }))
  const open = openDatabase(join(folder, 'ledger.db'))
  const { db } = open
  const plans: { source: string; plan: string }[] = []
  const prepare = db.prepare.bind(db)
  db.prepare = ((source: string) => {
    if (/\b(contacts|customers|merges|nonces)\b/.test(source)) {
      const parameters = Object.fromEntries(Array.from(source.matchAll(/@(\w+)/g), ([, name]) => [name, 1]))
      const steps = prepare(`EXPLAIN QUERY PLAN ${source}`).all(parameters) as { detail: string }[]
      plans.push({ source, plan: steps.map(({ detail }) => detail).join('; ') })
    }
    return prepare(source)
  }) as typeof db.prepare
  createStore(open, 1_000)

  // Only what a call hands over, and what is worked out of that, is gone through from end to end.
  const few = /SCAN (?!json_each|CONSTANT ROW|forgotten|answer|touched|placed|wanted|\(subquery)/
  const scans = plans.filter(({ plan }) => few.test(plan))
  t.match(
    scans.map(({ plan }) => plan),
    [/^SCAN contacts$/, /^SCAN contacts USING INDEX contacts_messagers$/],
    'who is absent is counted once a run, and of the oldest messages one is looked at',
  )
  t.equal(scans.length, 2, scans.map(({ source, plan }) => `${plan}: ${source}`).join('\n'))
  const sorts = plans.filter(({ plan }) => plan.includes('TEMP B-TREE FOR ORDER BY'))
  t.match(
    sorts.map(({ plan }) => plan),
    [/^SCAN json_each VIRTUAL TABLE INDEX \d+:?; USE TEMP B-TREE FOR ORDER BY$/],
    'the list of a page is sorted',
  )
  t.equal(sorts.length, 1)

  /** How many statements find their rows so. */
  const count = (how: RegExp) => plans.filter(({ plan }) => how.test(plan)).length
  for (const table of ['contacts', 'customers']) {
    t.equal(count(new RegExp(`SEARCH ${table} USING INDEX ${table}_due \\(bulk=\\? AND due_at<`)), 4, 'due')
    t.equal(
      count(new RegExp(`SEARCH ${table} USING INDEX ${table}_due \\(bulk=\\? AND due_at>`)),
      1,
      'clampDue',
    )
    t.equal(
      count(new RegExp(`SEARCH ${table} USING INDEX ${table}_due \\(bulk=\\?\\)`)),
      2,
      'next, outstanding',
    )
    const failed = `SEARCH ${table} USING (COVERING )?INDEX ${table}_failed`
    t.equal(count(new RegExp(`${failed} \\(run=\\?\\)`)), 1, 'outstanding')
    t.equal(count(new RegExp(`${failed} \\(run=\\? AND rowid>\\?\\)`)), 1, 'a page of failures')
    t.equal(count(new RegExp(`${failed} \\(run>\\? AND run<\\?\\)`)), 1, 'the run of the next page')
  }
  t.equal(count(/customers_unchecked \(is_urgent=\? AND check_at>\?\)/), 2, 'next look-up, clampDue')
  t.equal(count(/merges_due \(action=\? AND due_at>\?\)/), 1, 'clampDue')
  db.close()
})

t.test('nothing is stored in a file that was removed or replaced', async (t) => {
  const folder = temporary()
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'ledger.db')
  const ledger = await openSqliteLedger({ path })
  t.teardown(() => ledger.close())
  await ledger.probe()
  renameSync(path, join(folder, 'moved.db'))
  await t.rejects(ledger.probe(), { name: 'LedgerError', message: /was removed or replaced/ })
  writeFileSync(path, '')
  await t.rejects(ledger.record([friend(key('a'), 5)]), {
    message: /removed or replaced/,
  })
  rmSync(path)
  renameSync(join(folder, 'moved.db'), path)
  await ledger.probe()
})

t.test("SQLite's names that are no files are files here", async (t) => {
  const folder = temporary()
  const before = process.cwd()
  t.teardown(() => {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  })
  process.chdir(folder)
  openDatabase(':memory:').db.close()
  t.ok(statSync(join(folder, ':memory:')).size > 0)
})

t.test('URLs', async (t) => {
  t.equal(sqlitePath('file:./data/x.db'), './data/x.db')
  t.equal(sqlitePath('file:/srv/x.db'), '/srv/x.db')
  t.equal(sqlitePath('file:///srv/x.db'), '/srv/x.db')
})

t.test('a database that cannot be used is refused in one sentence', async (t) => {
  const folder = temporary()
  t.teardown(() => rmSync(folder, { recursive: true }))
  const refusal = async (name: string, contents: Buffer | string) => {
    const path = join(folder, name)
    writeFileSync(path, contents)
    const error = await openLedger({ url: `file:${path}` }).then(
      () => new Error('it was opened'),
      (error: Error) => error,
    )
    t.equal(error.name, 'LedgerError')
    t.notMatch(error.message, '\n')
    t.match(error.message, path)
    return error.message
  }

  t.match(
    await refusal('text.db', 'this is no database, but it is long enough to look at\n'.repeat(20)),
    'is no SQLite database',
  )

  const foreign = new Database(join(folder, 'other.db'))
  foreign.exec('CREATE TABLE theirs (id INTEGER)')
  t.match(await refusal('foreign.db', foreign.serialize()), 'belongs to another program')
  foreign.close()

  const { db } = openDatabase(join(folder, 'new.db'))
  db.pragma('user_version = 99')
  t.match(await refusal('newer.db', db.serialize()), 'newer line-braze (schema 99')
  db.pragma('user_version = 0')
  const bytes = db.serialize()
  db.close()
  // The schema's page, past its header, is garbage.
  t.match(await refusal('corrupt.db', bytes.fill(0xff, 100, 3_000)), /is damaged|is no SQLite database/)

  t.match(await openLedger({ url: `file:${folder}` }).catch((error) => error.message), 'is a folder')
  t.match(
    await openLedger({ url: `file:${join(folder, 'text.db', 'below.db')}` }).catch((error) => error.message),
    'part of its path is a file',
  )
})

t.test(
  "who only looks writes nothing: another program's lock, like a full disk, is not in the way",
  async (t) => {
    const folder = temporary()
    t.teardown(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'ledger.db')
    const url = `file:${path}`
    const first = await openLedger({ url })
    await first.record([friend(key('a'), 5)])
    await first.close()
    const other = new Database(path)
    other.exec('BEGIN IMMEDIATE')
    const look = await openLedger({ url, isLook: true })
    t.match(await look.counts(), [{ channel: 'default', friend: 1 }])
    await look.close()
    other.close()
  },
)

t.test(
  'a read-only database is refused',
  { skip: process.getuid?.() === 0 && 'root may write everything' },
  async (t) => {
    const folder = temporary()
    t.teardown(() => {
      chmodSync(folder, 0o700)
      rmSync(folder, { recursive: true })
    })
    chmodSync(folder, 0o500)
    await t.rejects(openLedger({ url: `file:${join(folder, 'ledger.db')}` }), {
      message: /cannot be written by this user/,
    })
  },
)

t.test('processes that start at once bring a new database up to date together', async (t) => {
  const folder = temporary()
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'ledger.db')
  const ledgers = await Promise.all([1, 2, 3, 4].map(() => openSqliteLedger({ path })))
  await Promise.all(
    ledgers.map((ledger, i) => ledger.record([friend({ channel: 'default', userId: `u${i}` }, 5)])),
  )
  t.match(await ledgers[0]?.counts(), [{ friend: 4 }])
  await Promise.all(ledgers.map((ledger) => ledger.close()))
})
