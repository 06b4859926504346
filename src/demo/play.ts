import { setTimeout as sleep } from 'node:timers/promises'
import type { LineEvent } from '../sandbox/line/events.ts'
import { createTraffic, type Traffic } from '../sandbox/line/traffic.ts'
import type { LineSandbox } from '../sandbox/line/webhooks.ts'
import { seededRandom } from '../sandbox/random.ts'

/** What has been sent. */
export interface Counts {
  /** Webhooks that are sent or about to be. */
  webhooks: number
  /** Webhooks that were answered 200. */
  acknowledged: number
  /** Attempts beyond the first of a webhook. */
  retries: number
  /** All events, repeated ones too. */
  events: number
  /** Events that came before, to the letter. */
  duplicates: number
  /** Events that came before and say so. */
  redeliveries: number
}

/** Traffic, and how much of it there will be. */
export interface Play {
  readonly traffic: Traffic
  readonly webhooks: number
  /** How long it takes when nothing is slow. */
  readonly expectedMs: number
  readonly counts: Counts
}

/** Few enough for a slow machine, so that the traffic of 3,000 people takes some nine seconds to watch. */
const WEBHOOKS_PER_SECOND = 450
const SENDERS = 16
const LIGHT_GAP_MS = 500
const LIGHT_PEOPLE = 1_000_000

const HOUR_MS = 3_600_000

/** Traffic of `people`; it is played once to nobody, to know how much it will be. */
export function rehearse(people: number, seed: number): Play {
  // As of a while ago: of the minutes before a backfill, its list says nothing against a webhook.
  const start = Date.now() - HOUR_MS
  const create = () => createTraffic({ people, random: seededRandom(seed), start })
  let webhooks = 0
  for (const _ of create().bodies()) webhooks++
  const counts = { webhooks: 0, acknowledged: 0, retries: 0, events: 0, duplicates: 0, redeliveries: 0 }
  return { traffic: create(), webhooks, expectedMs: (webhooks / WEBHOOKS_PER_SECOND) * 1000, counts }
}

interface Sending {
  readonly line: LineSandbox
  readonly signal: AbortSignal
  /** Called before each webhook, with its place from 0 on. */
  readonly onSending: (place: number) => void
}

/** Sends all webhooks at a steady pace, each until it is answered 200. */
export async function playTraffic({ traffic, counts }: Play, { line, signal, onSending }: Sending) {
  const bodies = traffic.bodies()
  const count = createCounter(counts)
  const startedAt = performance.now()

  async function send() {
    for (let next = bodies.next(); !next.done; next = bodies.next()) {
      const place = counts.webhooks++
      count(next.value)
      const earlyMs = startedAt + (place / WEBHOOKS_PER_SECOND) * 1000 - performance.now()
      if (earlyMs > 0) await sleep(earlyMs, undefined, { signal })
      onSending(place)
      counts.retries += (await line.deliver(next.value, { signal })) - 1
      counts.acknowledged++
    }
  }
  await Promise.all(Array.from({ length: SENDERS }, send))
}

/** A little traffic of other people, until `signal`. */
export async function playLightTraffic(line: LineSandbox, signal: AbortSignal) {
  const traffic = createTraffic({ people: LIGHT_PEOPLE, random: Math.random, start: Date.now() })
  for (const body of traffic.bodies()) {
    await line.deliver(body, { signal })
    await sleep(LIGHT_GAP_MS, undefined, { signal })
  }
}

function createCounter(counts: Counts) {
  const seen = new Set<string>()
  return (body: readonly LineEvent[]) => {
    counts.events += body.length
    for (const { webhookEventId, deliveryContext } of body) {
      if (deliveryContext.isRedelivery) counts.redeliveries++
      else if (seen.has(webhookEventId)) counts.duplicates++
      seen.add(webhookEventId)
    }
  }
}
