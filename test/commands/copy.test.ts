import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { gone } from '../../src/contact/contact.ts'
import { DELIVERY_LEASE, type Ledger } from '../../src/ledger/ledger.ts'
import { openLedger } from '../../src/ledger/open.ts'
import { startCommand } from '../harness/command.ts'
import { folder as makeFolder } from '../harness/files.ts'
import { friends, key, users } from '../harness/people.ts'
import { lastLine } from '../harness/stage.ts'

/** A ledger with people, and where a copy of it is to go. */
async function stage(t: Test) {
  const folder = makeFolder(t)
  const [DATABASE_URL, target] = ['from', 'to'].map((name) => `file:${join(folder, name)}`) as [
    string,
    string,
  ]
  async function using<T>(url: string, work: (ledger: Ledger) => Promise<T>) {
    const ledger = await openLedger({ url, isCopySource: true })
    try {
      return await work(ledger)
    } finally {
      await ledger.close()
    }
  }
  await using(DATABASE_URL, async (ledger) => {
    await ledger.record([...friends(users(5_000), 10), gone(key('u0'), 20)])
    await ledger.link([{ ...key('u1'), externalId: 'c1', linkedAt: 30 }])
  })
  const run = (args: string[], open = openLedger) =>
    startCommand(['copy', ...args], { env: { DATABASE_URL }, cwd: folder, openLedger: open }).ended
  const copy = (...more: string[]) => run(['--to', target, ...more])
  copy.with = (open: typeof openLedger) => run(['--to', target], open)
  const undo = (...more: string[]) => run(['--undo', ...more])
  return { folder, url: DATABASE_URL, target, using, copy, undo }
}

const NO_AFTERMATH = { endedMs: 0, lostMs: 0 }

t.test('copies all, and says what both databases have', async (t) => {
  const { copy, using, target, url } = await stage(t)
  const { code, stdout, stderr } = await copy('--json')
  t.equal(code, 0, stderr)
  t.match(lastLine(stdout), {
    status: 'complete',
    contacts: 5_000,
    customers: 1,
    channels: [{ channel: 'default', friend: 4_999, gone: 1, linked: 1, pending: 5_000 }],
  })
  t.match(stderr, 'contacts 5,000 of 5,000')
  const again = await copy()
  t.match(
    again.stdout,
    /^Copied 5,000 contacts and 1 customer; both .* counts:\n {2}default: 4,999 friends, /,
  )
  t.strictSame(await using(target, (to) => to.counts()), await using(url, (from) => from.counts()))
  await (await openLedger({ url: target })).close()
  t.match(await copy(), { code: 1, stderr: /has been worked with since it was copied/ })
})

t.test('what was copied is closed, also to who has it open, until the copy is undone', async (t) => {
  const { copy, undo, url } = await stage(t)
  // A server on standby holds no lease.
  const standby = await openLedger({ url })
  t.teardown(() => standby.close())
  await standby.record(friends(['before'], 10))
  t.match(lastLine((await copy('--json')).stdout), { contacts: 5_001 })
  await t.rejects(standby.record(friends(['after'], 10)), /was copied into another one/)
  await t.rejects(standby.probe(), /was copied into another one/)
  await t.rejects(openLedger({ url }), /Set DATABASE_URL to the copy/)
  t.match(await undo('--json'), { code: 0, stdout: '"status":"complete"' })
  t.match(await undo(), { code: 0, stdout: /^Nothing to undo: this database is open/ })
  await standby.record(friends(['after'], 10))
  await (await openLedger({ url })).close()
})

t.test('a copy that fails leaves its source open, but for one that was closed before', async (t) => {
  const { copy, url } = await stage(t)
  const standby = await openLedger({ url })
  t.teardown(() => standby.close())
  const failing: typeof openLedger = async (options) => {
    const ledger = await openLedger(options)
    if (!options.isCopyTarget) return ledger
    return {
      ...ledger,
      async load(part) {
        if (part.kind !== 'contacts') return ledger.load(part)
        await t.rejects(standby.record(friends(['meanwhile'], 10)), /is being copied/)
        throw new Error('the target is gone')
      },
    }
  }
  t.match(await copy.with(failing), { code: 1, stderr: 'the target is gone' })
  await standby.record(friends(['later'], 10))
  t.match(await copy(), { code: 0 })
  t.match(await copy.with(failing), { code: 1, stderr: 'the target is gone' })
  await t.rejects(standby.record(friends(['too late'], 10)), /was copied into another one/)
})

t.test('nothing is copied while a server is at work on the source', async (t) => {
  const { copy, using, url, target } = await stage(t)
  await using(url, async (ledger) => {
    await ledger.holdLease(DELIVERY_LEASE, 'server', 60_000, NO_AFTERMATH)
    const { code, stdout, stderr } = await copy('--json')
    t.equal(code, 1)
    t.match(stderr, /A server or a run is at work on the database of DATABASE_URL.*stop it first/)
    t.match(lastLine(stdout), { status: 'failed' })
  })
  t.strictSame(await using(target, (to) => to.counts()), [], 'and the target is as it was')
  await using(url, (ledger) => ledger.releaseLease(DELIVERY_LEASE, 'server', 0))
})

t.test('a copy that misses somebody is not to be worked with', async (t) => {
  const { copy, using, url, target } = await stage(t)
  const openMissing: typeof openLedger = async (options) => {
    const ledger = await openLedger(options)
    if (options.url !== url) return ledger
    const counts = async () => [{ ...((await ledger.counts())[0] as object), friend: 7 }] as never
    return { ...ledger, counts }
  }
  const { code, stderr } = await copy.with(openMissing)
  t.equal(code, 1)
  t.match(stderr, /channel default has friend 7 and 4999\./)
  await t.rejects(openLedger({ url: target }), /holds a copy that is not finished/)
  t.match(await copy(), { code: 0 }, 'it goes on')
  t.equal((await using(target, (to) => to.counts()))[0]?.friend, 4_999)
})

t.test('what cannot be is refused', async (t) => {
  const { folder, url } = await stage(t)
  const run = (args: string[], DATABASE_URL = url) =>
    startCommand(['copy', ...args], { env: { DATABASE_URL }, cwd: folder }).ended
  t.match(await run([]), { code: 2, stderr: /--to/ })
  t.match(await run(['--to', `file:${folder}/x`, '--undo']), {
    code: 2,
    stderr: /either --to URL, or --undo/,
  })
  for (const [wrong, why] of [
    ['mysql://u:SeCrEt@h/d', /must be file:PATH or postgres:/],
    [
      'postgres://u:SeCrEt/7@127.0.0.1/d',
      /The URL of --to cannot be read; in its user and its password write @ as %40/,
    ],
  ] as const) {
    const { code, stderr } = await run(['--to', wrong])
    t.equal(code, 2)
    t.match(stderr, why)
    t.notMatch(stderr, 'SeCrEt')
  }
  t.match(await run(['--to', url]), { code: 1, stderr: /is the database that is to be copied/ })
  const missing = `file:${join(folder, 'none')}`
  t.match(await run(['--to', `${missing}-to`], missing), { code: 1, stderr: /none/ })
  t.notOk(existsSync(join(folder, 'none-to')), 'nothing is made where there is nothing to copy')
})
