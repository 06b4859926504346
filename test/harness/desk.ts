/** A brand of two years, for whoever looks at the page: tests in a browser, and the pictures of the README. */

import { join } from 'node:path'
import { createMetrics } from '../../src/http/metrics.ts'
import { createMeter, type Meter } from '../../src/http/page/meter.ts'
import { createServer, type ServerOptions } from '../../src/http/server.ts'
import {
  DAY_MS,
  DELIVERY_LEASE,
  type Growth,
  HOUR_MS,
  type Ledger,
  type Sample,
} from '../../src/ledger/ledger.ts'
import type { ContactRecord, CustomerRecord, LedgerPart, RunRecord } from '../../src/ledger/records.ts'
import { createPage } from '../../src/process/page.ts'
import { VERSION } from '../../src/process/version.ts'
import { openInline } from './ledger.ts'

type Part<K extends LedgerPart['kind']> = Extract<LedgerPart, { readonly kind: K }>

const DAYS = 700
const HOURS = 30 * 24
/** One person of so many only wrote, and one of so many is a known customer. */
const WRITERS = 14
const CUSTOMERS = 3
const REJECTIONS = [
  ...Array(5).fill("'line_id' is not a valid custom attribute: it is blocklisted in this workspace"),
  ...Array(2).fill('The user alias is invalid: alias_label is longer than 255 characters'),
]

/** The same numbers each time, 0 to 1. */
function createRandom(seed: number) {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

/** What happened until `at`, from quiet nights to loud campaigns. */
function grow(random: () => number, total: Record<keyof Growth, number>, at: number, hours: number) {
  const day = Math.floor(at / DAY_MS)
  const hour = new Date(at + 9 * HOUR_MS).getUTCHours()
  const campaign = day % 45 < 3 ? 3.2 : 1
  const weekend = (day + 4) % 7 < 2 ? 1.4 : 1
  const awake = hours > 1 ? 1 : hour < 6 ? 0.15 : hour > 18 ? 1.9 : 1.1
  const some = (perDay: number) =>
    Math.round((perDay / 24) * hours * awake * (0.6 + random() * 0.8) + random() - 0.5)
  total.followed += Math.max(0, some(19 * campaign * weekend))
  total.returned += Math.max(0, some(2.6 * campaign))
  total.blocked += Math.max(0, some(6.5 * (day % 45 === 3 ? 3.5 : 1)))
  total.lapsed += Math.max(0, some(0.7))
}

function samplesUntil(now: number): Sample[] {
  const random = createRandom(7)
  const total = { followed: 1_900, listed: 5_240, returned: 0, blocked: 310, lapsed: 0 }
  const hour = now - (now % HOUR_MS)
  const moments = [
    ...Array.from({ length: DAYS - 30 }, (_, i) => ({
      at: hour - HOURS * HOUR_MS - (DAYS - 30 - i) * DAY_MS,
      hours: 24,
    })),
    ...Array.from({ length: HOURS }, (_, i) => ({ at: hour - (HOURS - i) * HOUR_MS, hours: 1 })),
  ]
  return moments.map(({ at, hours }, i) => {
    grow(random, total, at, hours)
    if (i === 420) total.listed += 640
    const reachable = total.followed + total.listed + total.returned - total.blocked - total.lapsed
    const messager = Math.floor(reachable / WRITERS)
    return {
      channel: 'default',
      at,
      friend: reachable - messager,
      messager,
      gone: total.blocked + total.lapsed - total.returned,
      linked: Math.floor((reachable / CUSTOMERS) * (i / moments.length)),
      ...total,
    }
  })
}

export const userIdOf = (i: number) => `Ua7c31e05b4d2${i.toString(16).padStart(20, '0')}`
export const customerOf = (i: number) => `customer-${i}`

const TOLD = { revision: 1, accepted: 1, changedAt: 1, dueAt: 1, failure: null, run: null }

function contactOf(i: number, now: number, { friend, messager, linked }: Sample): ContactRecord {
  const isFriend = i < friend
  const isReachable = i < friend + messager
  const at = now - (i % 600) * DAY_MS - 5_000_000
  const externalId = i < linked ? customerOf(i) : null
  const failure = externalId === null && isReachable ? (REJECTIONS[i - linked] ?? null) : null
  return {
    channel: 'default',
    userId: userIdOf(i),
    friendAt: isFriend ? at : isReachable ? 0 : at - DAY_MS,
    messagedAt: i % 5 === 0 || !isFriend ? at - 1_000 : 0,
    goneAt: isReachable ? 0 : at,
    checkUntil: null,
    externalId,
    linkedAt: externalId === null ? 0 : at + 60_000,
    target: externalId,
    customer: externalId,
    isHolder: externalId !== null,
    merge: null,
    ...TOLD,
    failure,
  }
}

const customerRecord = (i: number): CustomerRecord => ({
  channel: 'default',
  externalId: customerOf(i),
  isKnown: true,
  checkAt: null,
  isUrgent: false,
  tries: 0,
  hasHolder: true,
  ...TOLD,
})

function runsUntil(now: number, { friend }: Sample): RunRecord[] {
  const run = {
    channel: 'default',
    account: null,
    asOf: now,
    cursor: null,
    cursorAt: now,
    invalid: 0,
    known: 0,
  }
  const counts = { pages: 0, listed: 0, added: 0, returned: 0, gone: 0 }
  const took = (daysAgo: number, minutes: number) => {
    const beganAt = now - daysAgo * DAY_MS - 7 * HOUR_MS
    return { beganAt, endedAt: beganAt + minutes * 60_000 }
  }
  const night = { ...run, kind: 'backfill', state: 'complete', known: friend }
  return [
    { ...run, ...counts, id: 1, kind: 'links', state: 'complete', ...took(12, 2) },
    { ...night, ...counts, id: 2, pages: 14, listed: friend - 40, added: 3, gone: 2, ...took(3, 1) },
    { ...night, ...counts, id: 3, state: 'abandoned', pages: 4, listed: 4_000, ...took(2, 1), endedAt: null },
    { ...night, ...counts, id: 4, pages: 14, listed: friend - 12, returned: 1, gone: 4, ...took(1, 1) },
    {
      ...night,
      ...counts,
      id: 5,
      state: 'listing',
      pages: 9,
      listed: 9_000,
      ...took(0, 1),
      endedAt: null,
      beganAt: now - 40_000,
    },
  ]
}

/** Fills an empty ledger. Returns its newest sample. */
export async function fillDesk(ledger: Pick<Ledger, 'load'>, now: number): Promise<Sample> {
  const series = samplesUntil(now)
  const newest = series.at(-1) as Sample
  const { friend, messager, gone, linked, channel, followed, listed, returned, blocked, lapsed } = newest
  const people = Array.from({ length: friend + messager + gone }, (_, i) => contactOf(i, now, newest))
  const customers = Array.from({ length: linked }, (_, i) => customerRecord(i))
  await ledger.load({ kind: 'ledger', id: 'desk' })
  await ledger.load({ kind: 'runs', rows: runsUntil(now, newest) } satisfies Part<'runs'>)
  for (let at = 0; at < customers.length; at += 2_000)
    await ledger.load({ kind: 'customers', rows: customers.slice(at, at + 2_000) })
  for (let at = 0; at < people.length; at += 2_000)
    await ledger.load({ kind: 'contacts', rows: people.slice(at, at + 2_000) })
  await ledger.load({
    kind: 'activity',
    rows: [{ channel, webhookAt: now - 3_000, deliveredAt: now - 4_000 }],
  })
  await ledger.load({ kind: 'series', rows: series })
  await ledger.load({ kind: 'growth', rows: [{ channel, followed, listed, returned, blocked, lapsed }] })
  await ledger.load({ kind: 'end' })
  return newest
}

/** A meter that has counted for an hour until `now`. */
export function busyMeter(now: number) {
  const random = createRandom(11)
  let at = now
  const meter = createMeter(() => at)
  for (let minute = 60; minute >= 0; minute--) {
    at = now - minute * 60_000
    const events = Math.round(6 + 5 * random() + (minute > 18 && minute < 27 ? 34 * random() : 0))
    meter.stored('default', events)
    for (let i = 0; i < events; i++)
      meter.accepted(0.08 + random() ** 4 * (minute > 18 && minute < 27 ? 6 : 1.4))
  }
  return meter
}

export const TOKEN = 'a-token-of-the-operator'
const SERVERS = ['5f3c9a1e-0000', 'b81d4c20-0000'] as const

export interface DeskOptions {
  readonly folder: string
  /** Without it: nothing is known yet. */
  readonly isFilled?: boolean
  readonly meter?: Meter
  /** Default: a free one. */
  readonly port?: number
  readonly options?: Partial<ServerOptions>
}

/** A server with the page in this process, on a ledger in `folder`. */
export async function startDesk({ folder, isFilled = true, meter, port = 0, options }: DeskOptions) {
  const now = Date.now()
  const ledger = await openInline({ url: `file:${join(folder, 'desk.db')}` })
  if (isFilled) {
    if ((await ledger.counts()).length === 0) await fillDesk(ledger, now)
    for (const [i, id] of SERVERS.entries())
      await ledger.report({
        id,
        version: VERSION,
        upMs: 9 * DAY_MS + i * HOUR_MS,
        state: i === 0 ? 'delivering' : 'standby',
        reason: null,
        activity: [],
      })
    await ledger.holdLease(DELIVERY_LEASE, SERVERS[0], HOUR_MS, { endedMs: 0, lostMs: 0 })
  }
  const metrics = createMetrics()
  const channels = [{ name: 'default', secrets: ['secret'] }]
  const delivery = { state: 'delivering', reason: null as string | null, stumbling: 0 }
  const token = {
    channel: 'default',
    block: 'LINE_Channel_AccessToken',
    keyId: 'key',
    secondsLeft: 19.4 * 86_400,
    problem: null as string | null,
    isStale: false,
  }
  const app = await createServer({
    version: VERSION,
    channels,
    ledger,
    log: { info() {}, warn() {}, error() {} },
    bodyLimitBytes: 100_000,
    delivery: () => delivery,
    tokens: () => (isFilled ? [token] : []),
    metricsText: metrics.page({ isDelivering: () => true, channels: ['default'] }),
    page: createPage(
      {
        API_TOKENS: TOKEN,
        BRAZE_CREATE_PROFILES: 'true',
        BRAZE_MERGE_PROFILES: false,
        MESSAGER_WINDOW_DAYS: 0,
      },
      channels,
      {
        ledger,
        meter: meter ?? createMeter(),
        server: SERVERS[0],
        quotas: () => (isFilled ? [{ channel: 'default', quota: { limit: 30_000, used: 18_240 } }] : []),
      },
    ),
    ...options,
  })
  const url = await app.listen({ host: '127.0.0.1', port })
  let closing: Promise<void> | undefined
  return {
    url,
    ledger,
    delivery,
    token,
    app,
    close() {
      closing ??= app.close().then(ledger.close)
      return closing
    },
  }
}
