/** What the tests of delivery have in common: a ledger on disk, a Braze on a socket, and deliverers between them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createBrazeClient } from '../../src/braze/client.ts'
import { friend } from '../../src/contact/contact.ts'
import { createDeliverer, type DelivererOptions } from '../../src/delivery/deliverer.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { createSqliteLedger } from '../../src/ledger/sqlite/ledger.ts'
import { openDatabase } from '../../src/ledger/sqlite/open.ts'
import { createStore } from '../../src/ledger/sqlite/store.ts'
import type { RemoteStore } from '../../src/ledger/sqlite/thread.ts'
import {
  type BrazeSandbox,
  type BrazeSandboxOptions,
  startBrazeSandbox,
} from '../../src/sandbox/braze/braze.ts'

export const SETTLE_MS = 300
export const hold = (ledger: Ledger, holder: string, durationMs = 1_000) =>
  ledger.holdLease('braze', holder, durationMs, { endedMs: 0, lostMs: 0 })
export const key = (userId: string) => ({ channel: 'default', userId })
export const users = (count: number, prefix = 'u') => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
export const follow = (userIds: readonly string[], at = 1_000) =>
  userIds.map((userId) => friend(key(userId), at))

interface Setting {
  braze: BrazeSandbox
  ledger: Ledger
  /** Starts another deliverer on the ledger; it is stopped with the test. */
  deliver(options?: Partial<DelivererOptions>): ReturnType<typeof createDeliverer>
  /** Resolves once the ledger says that nothing is pending. */
  delivered(): Promise<void>
  /** What was logged at warn and error. */
  said: string[]
  /** What was logged at info and debug. */
  told: string[]
}

/** The ledger without its thread, which takes longer to start than most of these tests take. */
function openInProcess(path: string, clock: () => number): Ledger {
  const store = Object.entries(createStore(openDatabase(path))).map(([name, method]) => [
    name,
    async (...args: never[]) => {
      // As with a thread, other things happen before the answer is there.
      await new Promise(setImmediate)
      return (method as (...args: never[]) => unknown)(...args)
    },
  ])
  return createSqliteLedger(Object.fromEntries(store) as RemoteStore, { clock })
}

/** A ledger on disk, a Braze on a socket, and as many deliverers between them as the test likes. */
export async function setUp(
  t: Test,
  options: BrazeSandboxOptions = {},
  { timeoutMs = 1_000, clock = Date.now }: { timeoutMs?: number; clock?: () => number } = {},
): Promise<Setting> {
  const folder = mkdtempSync(join(tmpdir(), 'line-braze-'))
  const braze = await startBrazeSandbox({
    settleMs: SETTLE_MS,
    keepRequests: true,
    applyMs: [0, 0],
    ...options,
  })
  const ledger = openInProcess(join(folder, 'ledger.db'), clock)
  const stops: (() => Promise<unknown>)[] = []
  const said: string[] = []
  const told: string[] = []
  const into = (lines: string[]) => (fields: object, message: string) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`)
  const log = { debug: into(told), info: into(told), warn: into(said), error: into(said) }

  t.teardown(async () => {
    await Promise.all(stops.map((stop) => stop()))
    await ledger.close()
    await braze.close()
    rmSync(folder, { recursive: true })
    if (braze.violations.length > 0) throw new Error(`against the rules: ${braze.violations.join('; ')}`)
  })

  return {
    braze,
    ledger,
    said,
    told,
    deliver(more = {}) {
      const client = createBrazeClient({
        endpoint: braze.url,
        apiKey: braze.apiKey,
        concurrency: 8,
        timeoutMs,
        attribute: 'line_id',
        aliasLabel: 'line_id',
        createProfiles: true,
      })
      const deliverer = createDeliverer({
        ledger,
        braze: client,
        holder: `holder ${stops.length}`,
        settleMs: SETTLE_MS,
        requestsPerSecond: 1_000,
        concurrency: 8,
        log,
        ...more,
      })
      stops.push(async () => {
        await deliverer.stop()
        await client.close()
      })
      deliverer.start()
      return deliverer
    },
    async delivered() {
      // Asked again after each answer of Braze, and then once more when its acknowledgement has been committed.
      for (;;) {
        const counts = await ledger.counts()
        if (counts.every(({ pending }) => pending === 0)) return
        const { requests } = braze.stats
        await Promise.race([
          braze.until(() => braze.stats.requests > requests),
          ledger.probe().then(() => ledger.probe()),
        ])
      }
    },
  }
}
