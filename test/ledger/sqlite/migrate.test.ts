import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { friend, gone } from '../../../src/contact/contact.ts'
import { DELIVERY_LEASE } from '../../../src/ledger/ledger.ts'
import { folder } from '../../harness/files.ts'
import { openInline } from '../../harness/ledger.ts'
import { key, nameOf } from '../../harness/people.ts'

const NOW = 1_800_000_000_000
const MIGRATIONS = new URL('../../../migrations/sqlite/', import.meta.url)

/** A database as the version before links left it, amid its work. */
function beforeLinks(path: string) {
  const db = new Database(path)
  const [first, second, third] = readdirSync(MIGRATIONS).sort()
  for (const name of [first, second, third]) db.exec(readFileSync(new URL(String(name), MIGRATIONS), 'utf8'))
  db.pragma('user_version = 3')
  const add = db.prepare(`
    INSERT INTO contacts (channel, user_id, friend_at, messaged_at, gone_at, revision, accepted, changed_at, due_at, failure, run)
    VALUES ('default', ?, ?, ?, ?, ?, ?, 5, ?, ?, ?)`)
  add.run('told', 9, 0, 0, 1, 1, 5, null, null)
  add.run('news', 9, 0, 0, 2, 1, 6, null, null)
  add.run('blocked', 9, 0, 10, 2, 1, 7, null, null)
  add.run('listed', 9, 0, 0, 1, 0, 5, null, 3)
  add.run('rejected', 9, 0, 0, 1, 0, 5, 'no', 3)
  add.run('wrote', 0, 9, 0, 1, 1, 5, null, null)
  db.prepare("INSERT INTO leases (name, holder, expires_at) VALUES (?, 'old', ?)").run(
    DELIVERY_LEASE,
    NOW - 1,
  )
  db.close()
}

t.test('a database from before links goes on where it was', async (t) => {
  const path = join(folder(t), 'ledger.db')
  beforeLinks(path)
  const ledger = await openInline({ url: `file:${path}`, clock: () => NOW, messagerWindowMs: NOW })
  t.teardown(() => ledger.close())
  const due = async () =>
    (await ledger.due(10)).map(({ address, value, mayHold }) => [nameOf(address), value, mayHold])

  t.match(await ledger.counts(), [
    { friend: 4, messager: 1, gone: 1, pending: 3, failed: 1, linked: 0, waiting: 0 },
  ])
  t.strictSame(await due(), [
    ['news', 'news', true],
    ['blocked', null, true],
    ['listed', 'listed', true],
  ])
  t.strictSame(await ledger.outstanding(3), { pending: 1, failed: 1, earlier: 0 })
  t.equal(await ledger.lapse(), 9, 'who only wrote is known')

  await ledger.holdLease(DELIVERY_LEASE, 'new', 60_000, { endedMs: 0, lostMs: 0 })
  const users = ['told', 'news', 'listed', 'rejected', 'unheard']
  await ledger.link(users.map((userId) => ({ ...key(userId), externalId: `c-${userId}`, linkedAt: 20 })))
  await ledger.record([friend(key('unheard'), 30), gone(key('told'), 5)])
  await ledger.keepChecks((await ledger.toCheck(10)).map(({ id }) => ({ id, againMs: null })))
  t.strictSame((await due()).sort(), [
    ['blocked', null, true],
    ['listed', null, true],
    ['news', null, true],
    ['rejected', null, true],
    ['told', null, true],
    ['unheard', null, false],
  ])
})
