/** What the tests of delivery have in common: a ledger on disk, a Braze on a socket, and deliverers between them. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { type BrazeClient, createBrazeClient } from '../../src/braze/client.ts'
import { createDeliverer, type DelivererOptions } from '../../src/delivery/deliverer.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import {
  type BrazeSandbox,
  type BrazeSandboxOptions,
  startBrazeSandbox,
} from '../../src/sandbox/braze/braze.ts'
import { folder } from './files.ts'
import { openInline } from './ledger.ts'
import { assertManners } from './stage.ts'
import { createTime, type TestTime } from './time.ts'

export const SETTLE_MS = 300
const START = 1_800_000_000_000

export const hold = (ledger: Ledger, holder: string, durationMs = 1_000) =>
  ledger.holdLease('braze', holder, durationMs, { endedMs: 0, lostMs: 0 })

export interface SettingOptions {
  /** For one request. Of the machine's time in any case: where it stands still for less than that, no request is made again. */
  readonly timeoutMs?: number
  /** Whether all go by the machine's clock, as the sandbox does where it delays or limits. */
  readonly isReal?: boolean
  /** For how long who only wrote can be sent messages; for ever without it. */
  readonly messagerWindowMs?: number
  /** Whether there is a second account, `cafe`, with an attribute of its own on the same profiles. */
  readonly isShared?: boolean
}

const DEFAULT = { default: { attribute: 'line_id', aliasLabel: 'line_id' } }
const CAFE = { cafe: { attribute: 'cafe_line_id', aliasLabel: 'line_id' } }

export interface Setting {
  readonly braze: BrazeSandbox
  readonly ledger: Ledger
  /** Passes only in `until` and `delivered`, and where the test says so. */
  readonly time: TestTime
  /** Milliseconds since 1970, for all of them. */
  clock(): number
  /** The machine is suspended for so long: the monotonic clock stands still. */
  suspend(ms: number): void
  /** A client of the Braze; it is closed with the test. */
  client(): BrazeClient
  /** Starts another deliverer on the ledger; it is stopped with the test, unless it is to die before. */
  deliver(options?: Partial<DelivererOptions>, dies?: boolean): ReturnType<typeof createDeliverer>
  /** Lets time pass, from one timer to the next, and on each of them all that can be done, until it holds. */
  until(holds: () => boolean | Promise<boolean>): Promise<void>
  /** The same, until the ledger says that nothing is pending. */
  delivered(): Promise<void>
  /** When each of `braze.requests` was made, by `time`. */
  readonly sentAt: number[]
  /** What was logged at warn and error. */
  readonly said: string[]
  /** What was logged at info and debug. */
  readonly told: string[]
}

/** A ledger on disk, a Braze on a socket, and as many deliverers between them as the test likes. */
export async function setUp(
  t: Test,
  options: BrazeSandboxOptions = {},
  { timeoutMs = 10_000, isReal = false, isShared = false, messagerWindowMs = 0 }: SettingOptions = {},
): Promise<Setting> {
  const path = folder(t)
  const time = createTime()
  let suspendedMs = 0
  const clock = isReal ? Date.now : () => Math.floor(START + time.monotonic() + suspendedMs)
  const underWay = createUnderWay()
  const braze = await startBrazeSandbox({
    settleMs: SETTLE_MS,
    keepRequests: true,
    applyMs: [0, 0],
    clock,
    ...options,
  })
  const sentAt: number[] = []
  braze.on('request', () => sentAt.push(time.monotonic()))
  const url = `file:${join(path, 'ledger.db')}`
  const ledger = underWay.watch(await openInline({ url, clock, messagerWindowMs }))
  const stops: (() => Promise<unknown>)[] = []
  let holders = 0
  const [said, told]: [string[], string[]] = [[], []]
  const into = (lines: string[]) => (fields: object, message: string) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`)
  const log = { debug: into(told), info: into(told), warn: into(said), error: into(said) }
  t.teardown(async () => {
    for (const stop of stops) await stop()
    await ledger.close()
    await braze.close()
    assertManners(braze)
  })

  function client() {
    const client = createBrazeClient({
      endpoint: braze.url,
      apiKey: braze.apiKey,
      concurrency: 8,
      timeoutMs,
      channels: new Map(Object.entries({ ...DEFAULT, ...(isShared && CAFE) })),
      createProfiles: 'true',
    })
    stops.push(client.close)
    return underWay.watch(client)
  }

  async function until(holds: () => boolean | Promise<boolean>) {
    for (;;) {
      await underWay.over()
      if (await holds()) return
      if (!isReal && time.passToNext()) continue
      // Braze looks at what it is asked to wait for whenever anything has happened there.
      let looks = 0
      await Promise.race([underWay.next(), braze.until(() => looks++ > 0)])
    }
  }

  return {
    braze,
    ledger,
    time,
    clock,
    suspend(ms) {
      suspendedMs += ms
    },
    client,
    until,
    sentAt,
    said,
    told,
    deliver(more = {}, dies = false) {
      const deliverer = createDeliverer({
        ledger,
        braze: client(),
        holder: `holder ${++holders}`,
        settleMs: SETTLE_MS,
        requestsPerSecond: 1_000,
        concurrency: 8,
        checkCustomers: true,
        mergeProfiles: false,
        log,
        clock,
        ...(!isReal && { monotonic: time.monotonic, after: time.after }),
        ...more,
      })
      // Before its client is closed.
      if (!dies) stops.unshift(deliverer.stop)
      deliverer.start()
      return deliverer
    },
    delivered: () => until(async () => (await ledger.counts()).every(({ pending }) => pending === 0)),
  }
}

/** Knows which calls have not come back yet. */
function createUnderWay() {
  let count = 0
  let news = Promise.withResolvers<void>()

  function isBack() {
    count -= 1
    news.resolve()
    news = Promise.withResolvers()
  }

  return {
    /** The same object, whose calls that return promises are counted. */
    watch<T extends object>(object: T): T {
      const watched = Object.entries(object).map(([name, value]) => {
        if (typeof value !== 'function') return [name, value]
        return [
          name,
          (...args: unknown[]) => {
            const answer = value(...args)
            if (!(answer instanceof Promise)) return answer
            count += 1
            return answer.finally(isBack)
          },
        ]
      })
      return Object.fromEntries(watched)
    },
    /** Resolves when the next one comes back. */
    next: () => news.promise,
    /** Resolves once none is under way, and nothing that the last one brought has led to another one. */
    async over() {
      for (let quiet = 0; quiet < 2; quiet++) {
        await new Promise(setImmediate)
        if (count === 0) continue
        await news.promise
        quiet = -1
      }
    },
  }
}
