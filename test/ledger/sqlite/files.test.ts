import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { friend } from '../../../src/contact/contact.ts'
import { migrateLedger, openLedger } from '../../../src/ledger/open.ts'
import { openSqliteLedger } from '../../../src/ledger/sqlite/ledger.ts'
import { openDatabase } from '../../../src/ledger/sqlite/open.ts'
import { openScratch } from '../../../src/ledger/sqlite/scratch.ts'
import { folder } from '../../harness/files.ts'
import { key } from '../../harness/people.ts'

const ROOT = resolve(import.meta.dirname, '../../..')

t.test('a log without its database is refused, and left alone', async (t) => {
  const at = folder(t)
  const ledger = await openSqliteLedger({ path: join(at, 'used.db') })
  await ledger.record([friend(key('a'), 5)])
  const path = join(at, 'ledger.db')
  copyFileSync(join(at, 'used.db-wal'), `${path}-wal`)
  const log = readFileSync(`${path}-wal`)
  await ledger.close()
  const refusal = {
    name: 'LedgerError',
    message: /was removed or is empty, but its log .*-wal is there.*put the database back/,
  }

  await t.rejects(openLedger({ url: `file:${path}` }), refusal, 'missing')
  await t.rejects(openLedger({ url: `file:${path}`, isScratch: true }), refusal)
  await t.rejects(openLedger({ url: `file:${path}`, mustExist: true }), refusal)
  await t.rejects(migrateLedger(`file:${path}`), refusal)
  t.notOk(existsSync(path))
  writeFileSync(path, '')
  await t.rejects(openLedger({ url: `file:${path}` }), refusal, 'empty')
  t.strictSame(readFileSync(`${path}-wal`), log)

  writeFileSync(`${path}-wal`, '')
  await (await openLedger({ url: `file:${path}` })).close()
})

t.test('a database that must exist is not made', async (t) => {
  const at = folder(t)
  const path = join(at, 'below', 'ledger.db')
  const refusal = { name: 'LedgerError', message: /^There is no database at .*\.db; set DATABASE_URL / }
  await t.rejects(openLedger({ url: `file:${path}`, mustExist: true }), refusal)
  t.strictSame(readdirSync(at), [])
  const empty = join(at, 'empty.db')
  writeFileSync(empty, '')
  await t.rejects(openLedger({ url: `file:${empty}`, mustExist: true }), refusal)
  t.equal(statSync(empty).size, 0)
  await migrateLedger(`file:${path}`)
  await (await openLedger({ url: `file:${path}`, mustExist: true })).close()
})

t.test('where no folder can be made, that is said', { skip: !existsSync('/proc/self') }, async (t) => {
  // In a process of its own: what is tested once never returned.
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      "const { migrateLedger } = await import('./src/ledger/open.ts'); await migrateLedger('file:/proc/x/y.db').catch(({ message }) => console.log(message))",
    ],
    { cwd: ROOT, encoding: 'utf8', timeout: 300_000, killSignal: 'SIGKILL' },
  )
  t.equal(status, 0)
  t.match(stdout, /^The database \/proc\/x\/y\.db cannot be made there; set DATABASE_URL to a place .*\n$/)
})

t.test('the copy of a dry run is for its owner only', async (t) => {
  const at = folder(t)
  const path = join(at, 'ledger.db')
  const ledger = await openSqliteLedger({ path })
  await ledger.record([friend(key('a'), 5)])
  const { TMPDIR } = process.env
  process.env.TMPDIR = folder(t)
  const opening = openScratch(path)
  // It has a name only while it is being made.
  const [name = ''] = readdirSync(tmpdir())
  t.equal(statSync(join(tmpdir(), name, 'scratch.db')).mode & 0o777, 0o600)
  const { db, close } = await opening
  t.strictSame(readdirSync(tmpdir()), [])
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  t.equal(db.prepare('SELECT count(*) FROM contacts').pluck().get(), 1)
  close()
  await ledger.close()
})

t.test(
  'a second opening in the same process does not drop the locks of the first',
  { skip: !existsSync('/proc/locks') },
  async (t) => {
    const path = join(folder(t), 'ledger.db')
    const first = openDatabase(path)
    const locks = () => readFileSync('/proc/locks', 'utf8').match(new RegExp(`:${statSync(path).ino} `, 'g'))
    t.ok(locks())
    openDatabase(path).close()
    t.ok(locks())
    first.close()
    t.notOk(locks())
  },
)
