import type { Database } from './database.ts'
import { placeTouched } from './places.ts'

/**
 * Works out places after the transactions that touched contacts: in one of its own, since it locks more than they do. They are
 * stored by then, whatever becomes of this: what fails here is done by the next one, of this process or another.
 *
 * @param onWarning told in a sentence when that begins to fail
 */
export function createTouched(database: Database, onWarning: (sentence: string) => void) {
  const underWay = new Map<string, Promise<void>>()
  /** Begins when what is under way has ended, and so sees all that was touched by now. */
  const next = new Map<string, Promise<void>>()
  const failing = new Set<string>()

  /** @param where for the sentence */
  async function attempt(where: string, work: () => Promise<void>) {
    try {
      await work()
      failing.delete(where)
    } catch (error) {
      const { message } = error as Error
      if (!failing.has(where))
        onWarning(
          `Where the user ids of linked people belong cannot be worked out${where}, and is tried again: ${message}`,
        )
      failing.add(where)
    }
  }
  function begin(channel: string): Promise<void> {
    const done = attempt(` in the channel "${channel}"`, () => placeTouched(database, channel)).then(() => {
      underWay.delete(channel)
    })
    underWay.set(channel, done)
    return done
  }
  /** One at a time in a channel: more would wait for the first one, with a connection each. */
  function place(channel: string): Promise<void> {
    const before = underWay.get(channel)
    if (!before) return begin(channel)
    const known = next.get(channel)
    if (known) return known
    const after = before.then(() => {
      next.delete(channel)
      return begin(channel)
    })
    next.set(channel, after)
    return after
  }

  /** Resolves when that is done, or after `patienceMs`: it goes on then. */
  async function settle(channels: readonly string[] | null, patienceMs?: number) {
    if (!channels?.length) return
    const settled = Promise.all(channels.map(place))
    if (patienceMs === undefined) return void (await settled)
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, patienceMs)
    await Promise.race([settled, promise])
    clearTimeout(timer)
  }

  return {
    settle,
    /** The same for whatever others have left undone. */
    settleAll: (patienceMs?: number) =>
      attempt('', async () => {
        const rows = await database.query<{ channel: string }>('SELECT DISTINCT channel FROM touched')
        await settle(
          rows.map(({ channel }) => channel),
          patienceMs,
        )
      }),
  }
}
