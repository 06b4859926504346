import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'undici'
import { KEPT_MS } from '../http/kept.ts'

/** What `GET /health` says of delivery. */
export interface DeliveryHealth {
  readonly state: string
  readonly reason: string | null
  readonly pending: number
}

export const isDelivered = ({ pending }: DeliveryHealth) => pending === 0
export const isDelivering = ({ state }: DeliveryHealth) => state === 'delivering'

export type HealthWatch = ReturnType<typeof watchHealth>

const POLL_MS = 200

/** Looks at the server's health again and again. */
export function watchHealth(url: string) {
  const client = new Client(url)
  const closing = new AbortController()
  let latest: DeliveryHealth | undefined

  async function read(): Promise<DeliveryHealth | undefined> {
    const { body } = await client.request({ path: '/health', method: 'GET' })
    const { delivery } = (await body.json()) as { delivery?: DeliveryHealth }
    latest = delivery ?? latest
    return delivery
  }

  async function watch() {
    while (!closing.signal.aborted) {
      // A server that does not answer is slow, or has ended, which is noticed elsewhere.
      await read().catch(() => {})
      await sleep(POLL_MS, undefined, { signal: closing.signal }).catch(() => {})
    }
  }
  const watching = watch()

  return {
    /** Undefined until the server has answered for the first time. */
    latest: () => latest,
    /** Resolves once `predicate` holds, by numbers that were read from now on. */
    async until(predicate: (delivery: DeliveryHealth) => boolean, signal: AbortSignal) {
      const readSince = performance.now() + KEPT_MS
      for (;;) {
        const delivery = await read().catch(() => undefined)
        if (delivery && predicate(delivery) && performance.now() > readSince) return
        await sleep(POLL_MS, undefined, { signal })
      }
    },
    /** Safe to repeat. */
    async close() {
      closing.abort()
      await client.destroy()
      await watching
    },
  }
}
