import type { Database } from './database.ts'
import { placeTouched } from './places.ts'

/**
 * Works out places after the transactions that touched contacts: in one of its own, since it locks more than they do. They are
 * stored by then, whatever becomes of this: what fails here is done by the next one, of this process or another.
 */
export function createTouched(database: Database) {
  async function settle(channels: readonly string[] | null) {
    for (const channel of channels ?? []) await placeTouched(database, channel).catch(() => {})
  }
  return {
    /** Resolves when that is done, or after `patienceMs`: it goes on then. */
    async settle(channels: readonly string[] | null, patienceMs?: number) {
      if (!channels) return
      const settled = settle(channels)
      if (patienceMs === undefined) return settled
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, patienceMs)
      await Promise.race([settled, promise])
      clearTimeout(timer)
    },
    async settleAll() {
      const rows = await database.query<{ channel: string }>('SELECT DISTINCT channel FROM touched')
      await settle(rows.map(({ channel }) => channel))
    },
  }
}
