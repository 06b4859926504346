import { join } from 'node:path'
import t from 'tap'
import type { Outstanding } from '../../src/ledger/ledger.ts'
import { closeAll } from '../../src/process/closing.ts'
import { createLog } from '../../src/process/environment.ts'
import { createInterruption } from '../../src/process/interruption.ts'
import { deliverRuns, startRunDelivery } from '../../src/process/run-delivery.ts'
import { createDisplay } from '../../src/terminal/display.ts'
import { folder } from '../harness/files.ts'
import { openInline } from '../harness/ledger.ts'
import { friends, users } from '../harness/people.ts'

const SETTINGS = {
  // Nobody listens there.
  BRAZE_REST_ENDPOINT: 'http://127.0.0.1:9',
  BRAZE_API_KEY: 'key',
  BRAZE_CREATE_PROFILES: 'true' as const,
  BRAZE_CHECK_CUSTOMERS: true,
  BRAZE_MERGE_PROFILES: false,
  BRAZE_SETTLE_MS: 0,
  BRAZE_REQUESTS_PER_SECOND: 10,
  BRAZE_CONCURRENCY: 1,
  BRAZE_TIMEOUT_MS: 1_000,
}

t.test('the run that is followed is looked at, also another one, and once more in the end', async (t) => {
  const ledger = await openInline({ url: `file:${join(folder(t), 'ledger.db')}` })
  t.teardown(ledger.close)
  await ledger.record(friends(users(3)))
  const contacts = (await ledger.due(3)).map(({ id, revision }) => ({ id, revision, failure: null }))
  await ledger.acknowledge(contacts, 0)
  const resend = async (count: number) => {
    const run = await ledger.beginRun('resync', 'default')
    const ids = contacts.slice(0, count).map(({ id }) => id)
    await ledger.resend(run.id, ids)
    return {
      run,
      resendAll: () =>
        ledger.resend(
          run.id,
          contacts.map(({ id }) => id),
        ),
    }
  }

  const interruption = createInterruption()
  const closers: (() => unknown)[] = []
  let onPending: (pending: number) => void = () => {}
  const progress = {
    seen: null as Outstanding | null,
    get outstanding() {
      return this.seen
    },
    set outstanding(outstanding) {
      this.seen = outstanding
      if (outstanding) onPending(outstanding.pending)
    },
  }
  const seen = (count: number) =>
    new Promise<void>((resolve) => {
      onPending = (pending) => pending === count && resolve()
    })
  const delivery = await startRunDelivery({
    task: {
      host: process,
      interruption,
      signal: interruption.signal,
      display: createDisplay({ write: () => true }, { lineMs: 1_000, hasStamps: false }),
      closing: (close) => closers.push(close),
    },
    settings: SETTINGS,
    channels: [
      { name: 'default', secrets: [], attribute: 'line_id', aliasLabel: 'line_id', tokenBlock: 'block' },
    ],
    ledger,
    log: createLog('silent'),
  })

  const first = await resend(1)
  const firstSeen = seen(1)
  delivery.follow(first.run, progress)
  await firstSeen
  const second = await resend(2)
  const secondSeen = seen(2)
  delivery.follow(second.run, progress)
  await secondSeen
  t.match(progress.outstanding, { pending: 2, earlier: 0, failed: 0 })

  await second.resendAll()
  await closeAll(closers)
  t.match(progress.outstanding, { pending: 3, earlier: 0, failed: 0 }, 'although nobody waited for it')
  interruption.close()
})

/** Waits over a ledger that says one after the other what is open, a minute apart; the last one stays. */
function setUp(
  looks: (Partial<Outstanding> & { interrupt?: true })[],
  state: 'delivering' | 'standby' | 'paused',
  stumbling = 0,
) {
  const controller = new AbortController()
  const said = { notes: [] as string[], looks: [] as number[], stops: 0 }
  let now = 0
  let place = 0
  const waited = deliverRuns({
    ledger: {
      async outstanding() {
        const look = looks[Math.min(place++, looks.length - 1)]
        if (look?.interrupt) controller.abort(new Error('interrupted'))
        return { pending: 0, failed: 0, earlier: 0, ...look }
      },
    },
    runs: () => [1],
    deliverer: {
      delivery: () => ({ state, stumbling, reason: state === 'paused' ? 'Braze answers 401' : null }),
      stop: async () => void said.stops++,
    },
    onLook: ([{ pending, earlier } = { pending: 0, earlier: 0 }]) => said.looks.push(pending + earlier),
    note: (sentence) => said.notes.push(sentence),
    signal: controller.signal,
    monotonic: () => now,
    async sleep(_ms, signal) {
      now += 60_001
      signal?.throwIfAborted()
    },
  })
  return { waited, said }
}

t.test('until nothing is open, of this run and of earlier ones, and then once more', async (t) => {
  const { waited, said } = setUp(
    [{ pending: 3 }, { pending: 1, earlier: 1 }, { earlier: 1 }, {}],
    'delivering',
  )
  await waited
  t.match(said, { looks: [3, 2, 1, 0, 0], stops: 1, notes: [] })
})

t.test('what Braze rejected ends it with a sentence', async (t) => {
  const { waited, said } = setUp([{ pending: 1 }, { failed: 1 }], 'delivering')
  await t.rejects(waited, {
    message:
      /^Braze rejected 1 contact; line-braze failed has its words, and line-braze failed retry tries them again\.$/,
  })
  t.equal(said.stops, 1)
})

t.test('a person has to mend something first: it ends, where this process delivers', async (t) => {
  const { waited, said } = setUp([{ pending: 1 }], 'paused')
  await t.rejects(waited, { message: 'Braze answers 401' })
  t.equal(said.stops, 1)
})

t.test('a server that does not get on: said once after a minute, and the end after 65', async (t) => {
  const { waited, said } = setUp([{ pending: 2 }], 'standby')
  await t.rejects(waited, { message: /told Braze of nobody for 65 minutes; .* 2 changes wait for it\.$/ })
  t.match(said.notes, [/for a minute; its \/health says why/])
  t.equal(said.notes.length, 1)
  t.ok(said.looks.length >= 65 && said.looks.length <= 68, `${said.looks.length} looks`)
})

t.test(
  'a server that gets on, however slowly, is waited for; so is a Braze that this process waits for',
  async (t) => {
    const slow = Array.from({ length: 100 }, (_, i) => ({ pending: 200 - Math.floor(i / 60) }))
    const { waited, said } = setUp([...slow, {}], 'standby')
    await waited
    t.equal(said.stops, 1)
    await setUp([...Array.from({ length: 100 }, () => ({ pending: 5 })), {}], 'delivering').waited
  },
)

t.test('an end that was asked for still looks at what was under way', async (t) => {
  const { waited, said } = setUp(
    [{ pending: 5 }, { pending: 4, interrupt: true }, { pending: 2 }],
    'delivering',
  )
  await t.rejects(waited, { message: 'interrupted' })
  t.strictSame(said.looks, [5, 4, 2])
  t.equal(said.stops, 1)
})

t.test('nobody is left but those over whom Braze fails: it ends after a minute', async (t) => {
  const { waited, said } = setUp([{ pending: 9 }, { pending: 2 }], 'delivering', 2)
  await t.rejects(waited, { message: /everybody but 2 contacts, over whom it fails/ })
  t.ok(said.looks.length <= 5)
  await setUp([...Array.from({ length: 9 }, () => ({ pending: 3 })), {}], 'delivering', 2).waited
})

t.test('looking takes a twentieth of the time at most, however long a look takes', async (t) => {
  let now = 0
  const rests: number[] = []
  const tooks = [1, 5, 50, 400]
  await deliverRuns({
    ledger: {
      async outstanding() {
        now += tooks[rests.length] ?? 0
        return { pending: rests.length < tooks.length ? 1 : 0, failed: 0, earlier: 0 }
      },
    },
    runs: () => [1],
    deliverer: {
      delivery: () => ({ state: 'delivering', stumbling: 0, reason: null }),
      stop: async () => {},
    },
    onLook() {},
    note: t.fail,
    signal: new AbortController().signal,
    monotonic: () => now,
    sleep: async (ms) => void rests.push(Math.round(ms)),
  })
  t.strictSame(rests, [100, 100, 1_000, 8_000])
})
