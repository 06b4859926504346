import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { friend } from '../../../src/contact/contact.ts'
import { openSqliteLedger } from '../../../src/ledger/sqlite/ledger.ts'
import { folder } from '../../harness/files.ts'
import { key } from '../../harness/people.ts'

/** So long that a machine that stands still for a moment does not take what is left of it. */
const PATIENCE_MS = 1_500
const AFTERMATH = { endedMs: 0, lostMs: 0 }

t.test('behind the lock of another process', async (t) => {
  const path = join(folder(t), 'ledger.db')
  const ledger = await openSqliteLedger({ path, busyTimeoutMs: PATIENCE_MS })
  const other = new Database(path)
  t.teardown(async () => {
    other.close()
    await ledger.close()
  })
  const lease = (i: number) => ledger.holdLease(`lease-${i}`, 'me', 1_000, AFTERMATH)

  t.test('calls wait beside each other, and not one after the other', async (t) => {
    other.exec('BEGIN IMMEDIATE')
    let isLate = false
    const late = setTimeout(() => (isLate = true), 4 * PATIENCE_MS)
    const answers = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => lease(i)))
    clearTimeout(late)
    t.ok(answers.every(({ status }) => status === 'rejected'))
    t.match(answers[19], { reason: { name: 'LedgerError', message: /is locked by another program/ } })
    t.notOk(isLate, 'twenty have not taken twenty times as long as one')
    other.exec('COMMIT')
  })

  t.test('what is called while a commit waits has waited as long as that', async (t) => {
    other.exec('BEGIN IMMEDIATE')
    let isLate = false
    const late = setTimeout(() => (isLate = true), 1.75 * PATIENCE_MS)
    const first = ledger.probe()
    // The first commit is under way, and the next one gathers.
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    await Promise.all([t.rejects(first), t.rejects(ledger.probe())])
    clearTimeout(late)
    t.notOk(isLate, 'the second has not begun to wait when the first one ended')
    other.exec('COMMIT')
  })

  t.test('who reads does not wait for who writes', async (t) => {
    other.exec('BEGIN IMMEDIATE')
    const order: string[] = []
    const write = ledger.record([friend(key('a'), 5)]).then(() => order.push('written'))
    const lock = lease(0).then(() => order.push('held'))
    await ledger.counts().then(() => order.push('counted'))
    await ledger.due(10).then(() => order.push('read'))
    t.strictSame(order, ['counted', 'read'], 'while the lock is held')
    other.exec('COMMIT')
    await Promise.all([write, lock])
    t.equal(order.length, 4, 'and who waits gets through when it is free')
  })

  t.test('a holder that could not renew its lease has not ended', async (t) => {
    const next = await openSqliteLedger({ path })
    t.teardown(() => next.close())
    t.match(await ledger.holdLease('kept', 'me', 60_000, AFTERMATH), { held: true })
    other.exec('BEGIN IMMEDIATE')
    await t.rejects(ledger.holdLease('kept', 'me', 60_000, AFTERMATH), { message: /is locked/ })
    other.exec('COMMIT')
    t.match(await next.holdLease('kept', 'you', 60_000, AFTERMATH), { held: false })
  })

  t.test('close waits for what was asked before', async (t) => {
    const closing = await openSqliteLedger({ path, busyTimeoutMs: 30_000 })
    other.exec('BEGIN IMMEDIATE')
    const held = closing.holdLease('mine', 'me', 1_000, AFTERMATH)
    const closed = closing.close()
    other.exec('COMMIT')
    t.match(await held, { held: true })
    await closed
    await t.rejects(closing.counts(), { name: 'LedgerError', message: 'The database is closed.' })
  })
})
