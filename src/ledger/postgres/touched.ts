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
    settle,
    async settleAll() {
      const rows = await database.query<{ channel: string }>('SELECT DISTINCT channel FROM touched')
      await settle(rows.map(({ channel }) => channel))
    },
  }
}
