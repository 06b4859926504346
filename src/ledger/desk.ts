import type { RunKind } from './runs.ts'

/**
 * Why reachable people are more or fewer, counted since the ledger counts it. Between two moments the number of reachable
 * people grows by `followed + listed + returned - blocked - lapsed`.
 */
export interface Growth {
  /** New people, of whom a webhook told. */
  readonly followed: number
  /** New people, whom a follower list named. */
  readonly listed: number
  /** People who had been gone. */
  readonly returned: number
  /** People who blocked the account, or were missing from a complete list. */
  readonly blocked: number
  /** People who only wrote, too long ago. */
  readonly lapsed: number
}

/** What of a sample is growth, in the order in which it is shown. */
export const GROWTH = [
  'followed',
  'listed',
  'returned',
  'blocked',
  'lapsed',
] as const satisfies readonly (keyof Growth)[]

/** The numbers of a channel as they were at the end of an hour, or by now in this one. */
export interface Sample extends Growth {
  readonly channel: string
  /** The beginning of the hour, milliseconds since 1970. */
  readonly at: number
  readonly friend: number
  readonly messager: number
  readonly gone: number
  readonly linked: number
}

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
/** Each hour is kept for a month, and then the last one of each day, for two years. */
export const HOURS_KEPT_MS = 31 * DAY_MS
export const DAYS_KEPT_MS = 731 * DAY_MS
/** Days begin when they do for LINE, whose statistics are of UTC+9. */
export const DAY_OFFSET_MS = 9 * HOUR_MS

/** What a process that serves says of itself. */
export interface ServerReport {
  /** Names the process, which is as long as it lives. */
  readonly id: string
  readonly version: string
  /** For how long it has been there. */
  readonly upMs: number
  /** What its health says of delivery. */
  readonly state: string
  readonly reason: string | null
  /** Of each channel, how long ago it stored a webhook, and Braze accepted something from it; null: it never did. */
  readonly activity: readonly {
    readonly channel: string
    readonly webhookMs: number | null
    readonly deliveredMs: number | null
  }[]
}

/** A process that serves, or did until it stopped without a word. */
export interface KnownServer extends Omit<ServerReport, 'activity'> {
  /** How long ago it said so. */
  readonly seenMs: number
}

/** A server that has said nothing for so long is forgotten. */
export const SERVERS_KEPT_MS = DAY_MS

export interface Activity {
  readonly channel: string
  /** How long ago that was, whichever server it was; null: never, since this is kept. */
  readonly webhookMs: number | null
  readonly deliveredMs: number | null
}

/** A run, for people to look at. */
export interface RunSummary {
  readonly id: number
  readonly kind: RunKind
  readonly channel: string
  readonly state: 'listing' | 'clearing' | 'complete' | 'abandoned'
  /** How long ago it began and ended; null: before this was kept, or it has not ended. */
  readonly beganMs: number | null
  readonly endedMs: number | null
  readonly pages: number
  readonly listed: number
  readonly known: number
  readonly added: number
  readonly returned: number
  readonly gone: number
}
