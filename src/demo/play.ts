import type { LineEvent } from '../sandbox/line/events.ts'
import { createTraffic } from '../sandbox/line/traffic.ts'
import type { LineSandbox } from '../sandbox/line/webhooks.ts'
import { seededRandom } from '../sandbox/random.ts'
import { sleep } from '../wire/time.ts'

/** Few enough for a slow machine, so that the traffic of 3,000 people takes some nine seconds to watch. */
const WEBHOOKS_PER_SECOND = 450
const SENDERS = 16
const LIGHT_GAP_MS = 500
const LIGHT_PEOPLE = 1_000_000
const HOUR_MS = 3_600_000

/** Traffic, how much of it there will be, and what has been sent. */
export type Play = ReturnType<typeof rehearse>
export type Counts = Play['counts']

/** Traffic of `people`; it is played once to nobody, to know how much it will be. */
export function rehearse(people: number, seed: number) {
  // As of a while ago: of the minutes before a backfill, its list says nothing against a webhook.
  const start = Date.now() - HOUR_MS
  const create = () => createTraffic({ people, random: seededRandom(seed), start })
  let webhooks = 0
  for (const _ of create().bodies()) webhooks++
  return {
    people,
    traffic: create(),
    webhooks,
    counts: {
      /** Webhooks that are sent or about to be, and those that were answered 200. */
      webhooks: 0,
      acknowledged: 0,
      /** Attempts beyond the first of a webhook. */
      retries: 0,
      /** All events; those that came before, to the letter; and those that came before and say so. */
      events: 0,
      duplicates: 0,
      redeliveries: 0,
    },
  }
}

/** Sends all webhooks at a steady pace, each until it is answered 200; `onSending` hears each place, from 0 on. */
export async function playTraffic(
  { traffic, counts }: Play,
  line: LineSandbox,
  signal: AbortSignal,
  onSending: (place: number) => void,
) {
  const bodies = traffic.bodies()
  const seen = new Set<string>()
  let sent = 0
  const startedAt = performance.now()

  async function send() {
    for (const body of bodies) {
      const place = sent++
      for (const { webhookEventId, deliveryContext } of body) {
        if (deliveryContext.isRedelivery) counts.redeliveries++
        else if (seen.has(webhookEventId)) counts.duplicates++
        seen.add(webhookEventId)
      }
      const earlyMs = startedAt + (place / WEBHOOKS_PER_SECOND) * 1000 - performance.now()
      if (earlyMs > 0) await sleep(earlyMs, signal)
      onSending(place)
      await sendWebhook(counts, line, body, signal)
    }
  }
  await Promise.all(Array.from({ length: SENDERS }, send))
}

/** Sends a webhook until it is answered 200, and counts it. */
export async function sendWebhook(
  counts: Counts,
  line: LineSandbox,
  body: readonly LineEvent[],
  signal: AbortSignal,
) {
  counts.webhooks++
  counts.events += body.length
  counts.retries += (await line.deliver(body, { signal })) - 1
  counts.acknowledged++
}

/** A little traffic of other people, until `signal`. */
export async function playLightTraffic(line: LineSandbox, signal: AbortSignal) {
  const traffic = createTraffic({ people: LIGHT_PEOPLE, random: Math.random, start: Date.now() })
  for (const body of traffic.bodies()) {
    await line.deliver(body, { signal })
    await sleep(LIGHT_GAP_MS, signal)
  }
}
