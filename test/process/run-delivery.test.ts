import { join } from 'node:path'
import t from 'tap'
import type { Outstanding } from '../../src/ledger/ledger.ts'
import { closeAll } from '../../src/process/closing.ts'
import { createLog } from '../../src/process/environment.ts'
import { createInterruption } from '../../src/process/interruption.ts'
import { startRunDelivery } from '../../src/process/run-delivery.ts'
import { createDisplay } from '../../src/terminal/display.ts'
import { folder } from '../harness/files.ts'
import { openInline } from '../harness/ledger.ts'
import { friends, users } from '../harness/people.ts'

const SETTINGS = {
  // Nobody listens there.
  BRAZE_REST_ENDPOINT: 'http://127.0.0.1:9',
  BRAZE_API_KEY: 'key',
  BRAZE_ATTRIBUTE: 'line_id',
  BRAZE_ALIAS_LABEL: 'line_id',
  BRAZE_CREATE_PROFILES: true,
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
  const delivery = startRunDelivery({
    task: {
      host: process,
      interruption,
      signal: interruption.signal,
      display: createDisplay({ write: () => true }, { lineMs: 1_000, hasStamps: false }),
      closing: (close) => closers.push(close),
    },
    settings: SETTINGS,
    ledger,
    log: createLog('silent'),
    progress,
  })

  const first = await resend(1)
  const firstSeen = seen(1)
  delivery.follow(first.run)
  await firstSeen
  const second = await resend(2)
  const secondSeen = seen(2)
  delivery.follow(second.run)
  await secondSeen
  t.match(progress.outstanding, { pending: 2, earlier: 0, failed: 0 })

  await second.resendAll()
  await closeAll(closers)
  t.match(progress.outstanding, { pending: 3, earlier: 0, failed: 0 }, 'although nobody waited for it')
  interruption.close()
})
