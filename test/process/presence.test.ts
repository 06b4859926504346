import t, { type Test } from 'tap'
import about from '../../package.json' with { type: 'json' }
import type { ServerReport } from '../../src/ledger/ledger.ts'
import { createPresence, REPORT_MS, SAMPLE_MS } from '../../src/process/presence.ts'
import { createTime, turns } from '../harness/time.ts'

function setUp(t: Test) {
  const time = createTime()
  const reports: ServerReport[] = []
  const did: string[] = []
  let failure: Error | undefined
  const presence = createPresence({
    ledger: {
      async report(server) {
        did.push('report')
        if (failure) throw failure
        reports.push(server)
      },
      async keepSample() {
        did.push('sample')
        if (failure) throw failure
      },
      async signOff(id) {
        did.push(`sign off ${id}`)
      },
    },
    id: 'me',
    channels: ['default', 'cafe'],
    delivery: () => ({ state: 'delivering', reason: null }),
    log: { debug: () => {} },
    monotonic: time.monotonic,
    sleep(ms, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const cancel = time.after(ms, resolve)
      signal?.addEventListener('abort', () => {
        cancel()
        reject(signal.reason)
      })
      return promise
    },
  })
  t.teardown(presence.stop)
  return {
    presence,
    reports,
    did,
    fail(error: Error | undefined) {
      failure = error
    },
    async pass(ms: number) {
      time.pass(ms)
      await turns()
    },
  }
}

t.test('a server says what it is, and what it last did in each channel', async (t) => {
  const { presence, reports, pass } = setUp(t)
  await pass(5_000)
  presence.start()
  await turns()
  const none = { webhookMs: null, deliveredMs: null }
  const activity = [
    { channel: 'default', ...none },
    { channel: 'cafe', ...none },
  ]
  t.strictSame(reports, [
    { id: 'me', version: about.version, upMs: 5_000, state: 'delivering', reason: null, activity },
  ])
  presence.webhookStored('cafe')
  await pass(1_000)
  presence.delivered('default')
  await pass(REPORT_MS - 1_000)
  t.match(reports.at(-1), {
    upMs: 5_000 + REPORT_MS,
    activity: [
      { webhookMs: null, deliveredMs: REPORT_MS - 1_000 },
      { webhookMs: REPORT_MS, deliveredMs: null },
    ],
  })
})

t.test('now and then it keeps a sample; a ledger that fails is asked again', async (t) => {
  const { presence, did, fail, pass } = setUp(t)
  presence.start()
  await turns()
  t.strictSame(did.splice(0).sort(), ['report', 'sample'])
  fail(new Error('busy'))
  await pass(SAMPLE_MS)
  t.ok(did.splice(0).includes('sample'))
  fail(undefined)
  await pass(SAMPLE_MS)
  t.ok(did.includes('sample') && did.includes('report'))
})

t.test('in the end it says what it did last, and signs off, whatever the ledger says', async (t) => {
  const { presence, reports, did, fail } = setUp(t)
  presence.start()
  await turns()
  presence.delivered('cafe')
  did.splice(0)
  await presence.stop()
  t.match(reports.at(-1), { activity: [{}, { deliveredMs: 0 }] })
  t.strictSame(did.splice(0), ['report', 'sample', 'sign off me'])
  fail(new Error('gone'))
  await presence.stop()
})
