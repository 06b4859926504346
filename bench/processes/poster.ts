/** The process that posts what serve would post, and does nothing else. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { attributeObject } from '../../src/braze/attributes.ts'
import { MAX_ITEMS } from '../../src/braze/client.ts'
import { createPacer } from '../../src/braze/pace.ts'
import { answerCalls } from './child.ts'
import { monotonicMs } from './clock.ts'
import { userId } from './webhooks.ts'

const OPTIONS = {
  channels: new Map([['default', { attribute: 'line_id', aliasLabel: 'line_id' }]]),
  createProfiles: 'true',
} as const

let bodies: string[] = []

const methods = answerCalls({
  /** Builds the bodies for the `people` from number `first` on. */
  prepare(first: number, people: number) {
    bodies = []
    for (let person = first; person < first + people; person += MAX_ITEMS) {
      const count = Math.min(MAX_ITEMS, first + people - person)
      const writes = Array.from({ length: count }, (_, i) => ({
        channel: 'default',
        address: { userId: userId(person + i) },
        value: userId(person + i),
      }))
      bodies.push(JSON.stringify({ attributes: writes.map((write) => attributeObject(write, OPTIONS)) }))
    }
  },

  /** Posts every body once, at most `perSecond` of them in a second, and returns when the first left; see clock.ts. */
  async post(port: number, concurrency: number, perSecond = Number.POSITIVE_INFINITY): Promise<number> {
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: concurrency, pipelining: 1 })
    const queue = bodies.values()
    const turn = createTurns(perSecond)
    const startedAtMs = monotonicMs()
    await Promise.all(Array.from({ length: concurrency }, () => postAll(pool, queue, turn)))
    await pool.close()
    return startedAtMs
  },
})

export type Poster = typeof methods

/** Returns what resolves when the next request may leave. */
function createTurns(perSecond: number) {
  const pacer = createPacer(perSecond)
  return async () => {
    for (let ms = 1; ms > 0; ) {
      ms = pacer.delayMs(performance.now())
      if (ms > 0) await sleep(ms)
    }
    pacer.leave(performance.now())
  }
}

async function postAll(pool: Pool, queue: Iterable<string>, turn: () => Promise<void>) {
  const headers = { authorization: 'Bearer bench', 'content-type': 'application/json' }
  for (const body of queue) {
    await turn()
    const answer = await pool.request({ method: 'POST', path: '/users/track', headers, body })
    await answer.body.text()
    if (answer.statusCode !== 201) throw new Error(`the receiver answered ${answer.statusCode}`)
  }
}
