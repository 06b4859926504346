import { GROWTH, type Growth } from '../ledger.ts'
import type { Sql } from './database.ts'

/** Status of a contact, as it is counted: 1, 2, 3, and 0 for one that is not there. */
export const GONE = 3
/** Only its link is known. */
const NOTHING_KNOWN = 64
/** For `after`: a run brought it, or it was time that did. */
export const BY_RUN = 128
export const BY_TIME = 256

/** The rules of `statusOf` in src/contact, a tie is gone; the contract suite holds the two together. */
export const statusOf = (of: string) => `(CASE
  WHEN ${of}.friend_at > ${of}.gone_at THEN 'friend' WHEN ${of}.messaged_at > ${of}.gone_at THEN 'messager' ELSE 'gone'
END)`
export const isReachable = (of: string) => `(greatest(${of}.friend_at, ${of}.messaged_at) > ${of}.gone_at)`

/** Of either table of profiles. The indexes of what is due have these conditions, word for word. */
export const isPending = (of: string) => `(${of}.revision <> ${of}.accepted AND ${of}.failure IS NULL)`

const profileOf = (of: string) =>
  `CASE WHEN ${of}.failure IS NOT NULL THEN 8 WHEN ${of}.revision <> ${of}.accepted THEN 4 ELSE 0 END`

/** As what a contact counts. A statement that changes it keeps in `was` what it was before, so that it can tell both. */
export const countedContact = (of: string) => `(
  CASE WHEN ${of}.friend_at > ${of}.gone_at THEN 1 WHEN ${of}.messaged_at > ${of}.gone_at THEN 2 ELSE ${GONE} END
  + ${profileOf(of)} + CASE WHEN ${of}.external_id IS NULL THEN 0 ELSE 16 END
  + CASE WHEN greatest(${of}.friend_at, ${of}.messaged_at, ${of}.gone_at) = 0 THEN ${NOTHING_KNOWN} ELSE 0 END
)::smallint`

export const countedCustomer = (of: string) => `(
  ${profileOf(of)} + CASE WHEN ${of}.check_at IS NOT NULL AND ${of}.tries > 0 THEN 32 ELSE 0 END
)::smallint`

/** What a row is by now: the number of these among those that changed is added to what it was before. */
const STATES = ['friend', 'messager', 'gone', 'pending', 'failed', 'linked', 'waiting'] as const
const COUNTS = [...STATES, ...GROWTH] as const
type Count = (typeof COUNTS)[number]
const SETS: Record<(typeof STATES)[number], (of: string) => string> = {
  friend: (of) => `${of} & 3 = 1`,
  messager: (of) => `${of} & 3 = 2`,
  gone: (of) => `${of} & 3 = ${GONE}`,
  pending: (of) => `${of} & 4 <> 0`,
  failed: (of) => `${of} & 8 <> 0`,
  linked: (of) => `${of} & 16 <> 0`,
  waiting: (of) => `${of} & 32 <> 0`,
}
const becameReachable = `before & 3 IN (0, ${GONE}) AND after & 3 IN (1, 2)`
const becameGone = `before & 3 IN (1, 2) AND after & 3 = ${GONE}`
const wasUnknown = `(before & 3 = 0 OR before & ${NOTHING_KNOWN} <> 0)`
/** What has happened to a contact: it is counted for ever. */
const HAPPENED: Record<keyof Growth, string> = {
  followed: `${becameReachable} AND ${wasUnknown} AND after & ${BY_RUN} = 0`,
  listed: `${becameReachable} AND ${wasUnknown} AND after & ${BY_RUN} <> 0`,
  returned: `${becameReachable} AND NOT ${wasUnknown}`,
  blocked: `${becameGone} AND after & ${BY_TIME} = 0`,
  lapsed: `${becameGone} AND after & ${BY_TIME} <> 0`,
}
const DIFFERENCES = [
  ...STATES.map(
    (count) => `sum((${SETS[count]('after')})::int - (${SETS[count]('before')})::int) AS ${count}`,
  ),
  ...GROWTH.map((count) => `count(*) FILTER (WHERE ${HAPPENED[count]}) AS ${count}`),
]

/** What rows of `changed` (channel, before, after) add to the counts; no row for a channel where that is nothing. */
export const differences = (changed: string) =>
  `${sums(changed)} HAVING bool_or(before <> after & ~${BY_RUN})`

const sums = (changed: string, more = '') =>
  `SELECT channel, ${DIFFERENCES.join(', ')}${more} FROM ${changed} GROUP BY channel`

const SHARDS = 64

/**
 * Adds to the counts, in the order of their keys, and in a shard of its own: whoever else adds at this moment has, mostly,
 * another one. To be the last of a transaction that waits for anything.
 */
export const adding = (source: string) => `
  INSERT INTO counts AS c (channel, shard, ${COUNTS.join(', ')})
  SELECT channel, (SELECT floor(random() * ${SHARDS})::smallint), ${COUNTS.join(', ')} FROM (${source}) AS added
  ORDER BY channel COLLATE "C"
  ON CONFLICT (channel, shard) DO UPDATE SET ${COUNTS.map((count) => `${count} = c.${count} + excluded.${count}`).join(', ')}`

const recordOf = <T>(of: (count: Count) => T) =>
  Object.fromEntries(COUNTS.map((count) => [count, of(count)])) as Record<Count, T>
const NOTHING = recordOf(() => 0)

type Differences = { readonly channel: string } & Readonly<Record<Count, number>>

/** Adds up what several statements of one transaction change, for its end. */
export function createTally() {
  const byChannel = new Map<string, Record<Count, number>>()
  function add(rows: readonly Differences[]) {
    for (const row of rows) {
      const sum = byChannel.get(row.channel) ?? NOTHING
      byChannel.set(
        row.channel,
        recordOf((count) => sum[count] + row[count]),
      )
    }
  }
  return {
    /** Changes rows by a statement that returns channel, before and after. Returns how many they were. */
    async change(sql: Sql, text: string, values: Record<string, unknown>): Promise<number> {
      const rows = await sql.query<Differences & { rows: number }>(
        `WITH changed AS (${text}) ${sums('changed', ', count(*) AS rows')}`,
        values,
      )
      add(rows)
      return rows.reduce((sum, { rows }) => sum + rows, 0)
    },
    async write(sql: Sql) {
      const rows = [...byChannel].filter(([, sum]) => COUNTS.some((count) => sum[count] !== 0))
      if (rows.length === 0) return
      await sql.query(ADD_TALLY, {
        channels: rows.map(([channel]) => channel),
        ...recordOf((count) => rows.map(([, sum]) => sum[count])),
      })
    },
  }
}
export type Tally = ReturnType<typeof createTally>

const ADD_TALLY = adding(
  `SELECT * FROM unnest(@channels::text[], ${COUNTS.map((count) => `@${count}::bigint[]`).join(', ')})
    AS t (channel, ${COUNTS.join(', ')})`,
)

export const ALL_COUNTS = `
  SELECT channel, ${STATES.map((count) => `sum(${count})::bigint AS ${count}`).join(', ')}
  FROM counts GROUP BY channel ORDER BY channel`
