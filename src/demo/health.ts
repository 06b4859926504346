import { KEPT_MS } from '../http/kept.ts'
import { sleep } from '../wire/time.ts'

/** What `GET /health` says of delivery, for all channels. */
export interface DeliveryHealth {
  readonly state: string
  readonly reason: string | null
  readonly pending: number
  /** Customers whom Braze does not know yet, and to whom somebody is linked. */
  readonly waiting: number
}

interface Health {
  readonly delivery?: Omit<DeliveryHealth, 'waiting'>
  readonly channels?: readonly Pick<DeliveryHealth, 'waiting'>[]
}

const POLL_MS = 200

/** Looks at the server's health again and again. */
export function watchHealth(url: string) {
  const closing = new AbortController()
  let latest: DeliveryHealth | undefined
  let askedAt = 0

  async function read() {
    const now = performance.now()
    const answer = await fetch(`${url}/health`, closing)
    const { delivery, channels = [] } = (await answer.json()) as Health
    if (!delivery) return
    const waiting = channels.reduce((total, channel) => total + channel.waiting, 0)
    ;[latest, askedAt] = [{ ...delivery, waiting }, now]
  }

  async function watch() {
    while (!closing.signal.aborted) {
      // A server that does not answer is slow, or has ended, which is noticed elsewhere.
      await read().catch(() => {})
      await sleep(POLL_MS, closing.signal).catch(() => {})
    }
  }
  const watching = watch()

  async function until(predicate: (delivery: DeliveryHealth) => boolean, since: number, signal: AbortSignal) {
    while (!latest || askedAt < since || !predicate(latest)) await sleep(POLL_MS, signal)
  }

  return {
    /** Undefined until the server has answered for the first time. */
    latest: () => latest,
    /** Resolves once the server delivers. */
    untilDelivering: (signal: AbortSignal) => until(({ state }) => state === 'delivering', 0, signal),
    /** Resolves once somebody waits for a customer whom Braze does not know. */
    untilWaiting: (signal: AbortSignal) => until(({ waiting }) => waiting > 0, 0, signal),
    /** Resolves once nobody is pending of all whom it knows now; the number that it says may be `KEPT_MS` old. */
    untilDelivered: (signal: AbortSignal) =>
      until(({ pending }) => pending === 0, performance.now() + KEPT_MS, signal),
    /** Safe to repeat. */
    async close() {
      closing.abort()
      await watching
    },
  }
}
