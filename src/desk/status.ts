import type {
  Activity,
  BeingForgotten,
  ChannelCounts,
  KnownServer,
  KnownToken,
  Ledger,
  RunSummary,
} from '../ledger/ledger.ts'
import { DELIVERY_LEASE } from '../ledger/ledger.ts'
import {
  asHolder,
  type Delivery,
  type DeliveryLedger,
  deliveryOf,
  isSilent,
  NOBODY,
  saidOf,
} from './delivery.ts'
import { backMsOf, type GrowthDay, growthOf } from './growth.ts'
import { isoOf } from './words.ts'

/** How it stands, for people and machines. Moments are ISO 8601; null: never, or not known. */
export interface Standing {
  readonly at: string
  readonly channels: readonly ChannelStanding[]
  /** Of all channels together. */
  readonly pending: number
  readonly oldestPendingSeconds: number | null
  readonly failed: number
  /** Who asked to be forgotten and is not erased yet, and since when the first of them. */
  readonly forgetting: { readonly open: number; readonly oldestSeconds: number }
  readonly delivery: DeliveryStanding
  readonly servers: readonly ServerStanding[]
  /** The newest first. */
  readonly runs: readonly RunStanding[]
  /** Null where it was not asked for. */
  readonly growth: readonly GrowthDay[] | null
}

export interface ChannelStanding extends ChannelCounts {
  readonly lastWebhookAt: string | null
  readonly lastDeliveryAt: string | null
  /** The token of LINE's that Braze's Content Block was last seen to hold; null: none that was issued here. */
  readonly token: { readonly keyId: string; readonly secondsLeft: number } | null
}

/** As `Delivery` says it. */
export interface DeliveryStanding extends Omit<Delivery, 'seenMs'> {
  readonly seenSeconds: number | null
  readonly isSilent: boolean
}

export interface ServerStanding extends Omit<KnownServer, 'upMs' | 'seenMs'> {
  readonly startedAt: string
  readonly seenAt: string
  /** It has said nothing for so long that it may be gone. */
  readonly isSilent: boolean
}

export interface RunStanding extends Omit<RunSummary, 'beganMs' | 'endedMs'> {
  readonly beganAt: string | null
  readonly endedAt: string | null
}

export type StandingLedger = DeliveryLedger &
  Pick<Ledger, 'counts' | 'oldestPendingMs' | 'beingForgotten' | 'activity' | 'runs' | 'tokens' | 'samples'>

export interface StandingOptions {
  readonly ledger: StandingLedger
  /** Those that are shown also where nobody is known there. */
  readonly channels: readonly string[]
  /** Whether others, which only the database knows, are left out. */
  readonly isChosen?: boolean
  readonly runsLimit?: number
  /** Of how many days growth is wanted; 0: of none. */
  readonly days?: number
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

const RUNS_LIMIT = 10

/** Reads how it stands, from the database alone. Changes nothing. */
export async function standing(options: StandingOptions): Promise<Standing> {
  const { ledger, channels, isChosen = false, runsLimit = RUNS_LIMIT, days = 0, clock = Date.now } = options
  const [counts, oldestMs, beingForgotten, lease, servers, activity, runs] = await Promise.all([
    ledger.counts(),
    ledger.oldestPendingMs(),
    ledger.beingForgotten(),
    ledger.leaseHolder(DELIVERY_LEASE),
    ledger.servers(),
    ledger.activity(),
    ledger.runs(runsLimit),
  ])
  const now = clock()
  const isShown = ({ channel }: { readonly channel: string }) => !isChosen || channels.includes(channel)
  const shown = namesOf(channels, counts).filter((channel) => isShown({ channel }))
  const tokens = await Promise.all(shown.map((channel) => ledger.tokens(channel)))
  const samples = days > 0 ? await ledger.samples(backMsOf(days, now)) : null
  const standings = shown.map((channel, place) =>
    channelStanding(channel, { counts, activity, tokens: tokens[place] ?? [], now }),
  )
  return {
    at: isoOf(now),
    channels: standings,
    pending: sumOf(standings, 'pending'),
    oldestPendingSeconds: oldestMs === null ? null : secondsOf(oldestMs),
    failed: sumOf(standings, 'failed'),
    forgetting: forgettingStanding(beingForgotten.filter(isShown)),
    delivery: deliveryStanding(lease ? deliveryOf(lease.holder, servers) : NOBODY),
    servers: servers.map((server) =>
      serverStanding(server.id === lease?.holder ? asHolder(server) : server, now),
    ),
    runs: runs.filter(isShown).map((run) => runStanding(run, now)),
    growth: samples && growthOf(samples.filter(isShown), days, now),
  }
}

const namesOf = (channels: readonly string[], counts: readonly ChannelCounts[]) => [
  ...new Set([...channels, ...counts.map(({ channel }) => channel)]),
]

const NO_COUNTS = { friend: 0, messager: 0, gone: 0, pending: 0, failed: 0, linked: 0, waiting: 0 }

interface Known {
  readonly counts: readonly ChannelCounts[]
  readonly activity: readonly Activity[]
  readonly tokens: readonly KnownToken[]
  readonly now: number
}

function channelStanding(channel: string, { counts, activity, tokens, now }: Known): ChannelStanding {
  const last = activity.find((each) => each.channel === channel)
  const token = tokens.find(({ isWritten }) => isWritten)
  return {
    ...(counts.find((each) => each.channel === channel) ?? { channel, ...NO_COUNTS }),
    lastWebhookAt: agoOrNull(last?.webhookMs, now),
    lastDeliveryAt: agoOrNull(last?.deliveredMs, now),
    token: token ? { keyId: token.keyId, secondsLeft: Math.max(0, secondsOf(token.leftMs)) } : null,
  }
}

const forgettingStanding = (all: readonly BeingForgotten[]): Standing['forgetting'] => ({
  open: all.reduce((total, { count }) => total + count, 0),
  oldestSeconds: secondsOf(Math.max(0, ...all.map(({ oldestMs }) => oldestMs))),
})

const deliveryStanding = ({ seenMs, ...delivery }: Delivery): DeliveryStanding => ({
  ...delivery,
  seenSeconds: seenMs === null ? null : secondsOf(seenMs),
  isSilent: isSilent({ seenMs }),
})

/** Who delivers, in a sentence. */
export const sayDelivery = ({ seenSeconds, isSilent: _, ...delivery }: DeliveryStanding): string =>
  saidOf({ ...delivery, seenMs: seenSeconds === null ? null : seenSeconds * 1_000 })

const serverStanding = ({ upMs, seenMs, ...server }: KnownServer, now: number): ServerStanding => ({
  ...server,
  startedAt: isoOf(now - upMs),
  seenAt: isoOf(now - seenMs),
  isSilent: isSilent({ seenMs }),
})

const runStanding = ({ beganMs, endedMs, ...run }: RunSummary, now: number): RunStanding => ({
  ...run,
  beganAt: agoOrNull(beganMs, now),
  endedAt: agoOrNull(endedMs, now),
})

const secondsOf = (ms: number) => Math.round(ms / 1_000)
const agoOrNull = (ms: number | null | undefined, now: number) => (ms == null ? null : isoOf(now - ms))
const sumOf = (channels: readonly ChannelStanding[], of: 'pending' | 'failed') =>
  channels.reduce((sum, channel) => sum + channel[of], 0)
