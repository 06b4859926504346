import type { LineEvent } from '../sandbox/line/events.ts'
import { sleep } from '../wire/time.ts'
import { createBrand } from './brand.ts'
import type { Cast, LogIn } from './cast.ts'
import { createPlaces } from './places.ts'
import { type Play, sendWebhook } from './play.ts'
import type { playSecondAct } from './second-act.ts'
import type { Stage } from './stage.ts'

const LOG_INS_PER_SECOND = 100
const AT_A_TIME = 16

/** The number in which each way is counted. */
const COUNTED = { api: 'byApi', idToken: 'byIdToken', accountLink: 'byAccountLink' } as const

/** Where the second act has ended. */
export type Before = Pick<Awaited<ReturnType<typeof playSecondAct>>, 'service' | 'truth'>

/**
 * What people do once they can log in, and where it should have brought them. Everything resolves once the server has it on
 * disk, and rejects when `signal` aborts.
 */
export function createLogIns(
  { counts }: Play,
  { service, truth }: Before,
  cast: Cast,
  stage: Stage,
  signal: AbortSignal,
) {
  const { lineApi } = stage
  const { line } = service
  const brand = createBrand(service, stage, hear, signal)
  const places = createPlaces(cast.customers)
  const people = new Map(truth)
  const done = { logIns: 0, byApi: 0, byIdToken: 0, byAccountLink: 0 }

  function hear(event: LineEvent) {
    return sendWebhook(counts, line, [event], signal)
  }

  async function follow(userId: string) {
    lineApi.follow(userId)
    people.set(userId, 'reachable')
    await hear(line.events.follow(userId))
  }

  async function logIn({ userId, customer, way, isNew }: LogIn) {
    // LINE gives link tokens of friends only; its webhook comes later.
    if (isNew) lineApi.follow(userId)
    await brand.logIn(way, userId, customer)
    places.link(userId, customer)
    done.logIns++
    done[COUNTED[way]]++
    if (isNew) await follow(userId)
  }

  return {
    done,
    logIn,
    follow,
    /** Everybody, at a steady pace. */
    async all() {
      const coming = cast.logIns.entries()
      const startedAt = performance.now()
      async function send() {
        for (const [place, each] of coming) {
          const earlyMs = startedAt + (place / LOG_INS_PER_SECOND) * 1000 - performance.now()
          if (earlyMs > 0) await sleep(earlyMs, signal)
          await logIn(each)
        }
      }
      await Promise.all(Array.from({ length: AT_A_TIME }, send))
    },
    async block(userId: string) {
      lineApi.unfollow(userId)
      people.set(userId, 'gone')
      await hear(line.events.unfollow(userId))
    },
    async unlink(userId: string) {
      await brand.unlink(userId)
      places.unlink(userId)
    },
    /** Where everybody belongs now. */
    expected: () => places.expected(people),
    /** How many follow only since they logged in. */
    joined: () => people.size - truth.size,
  }
}
