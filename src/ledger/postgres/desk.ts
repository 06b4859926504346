import {
  DAY_MS,
  DAY_OFFSET_MS,
  DAYS_KEPT_MS,
  GROWTH,
  HOUR_MS,
  HOURS_KEPT_MS,
  type Ledger,
  SERVERS_KEPT_MS,
} from '../ledger.ts'
import type { Database } from './database.ts'

/** What people look at. */
export function createDesk(database: Database) {
  return {
    async keepSample() {
      await database.query(KEEP_SAMPLE)
      await database.query(FORGET_SAMPLES)
    },
    samples: (backMs) => database.query(SAMPLES, { backMs: Math.round(backMs) }),
    report: ({ id, version, upMs, state, reason, activity }) =>
      database.transaction(async (transaction) => {
        await transaction.query(REPORT, { id, version, upMs: Math.round(upMs), state, reason })
        await transaction.query(FORGET_SERVERS)
        const round = (ms: number | null) => ms && Math.round(ms)
        await transaction.query(KEEP_ACTIVITY, {
          channels: activity.map(({ channel }) => channel),
          webhooks: activity.map(({ webhookMs }) => round(webhookMs)),
          deliveries: activity.map(({ deliveredMs }) => round(deliveredMs)),
        })
      }),
    async signOff(id) {
      await database.query('DELETE FROM servers WHERE id = @id', { id })
    },
    servers: () => database.query(SERVERS),
    activity: () => database.query(ACTIVITY),
    leaseHolder: async (name) =>
      (await database.query<{ holder: string; leftMs: number }>(LEASE_HOLDER, { name }))[0] ?? null,
    runs: (limit) => database.query(RUNS, { limit }),
  } satisfies Partial<Ledger>
}

const NUMBERS = ['friend', 'messager', 'gone', 'linked', ...GROWTH] as const
const SAMPLE = `channel, at, ${NUMBERS.join(', ')}`

/** In the order of the keys: several servers may do it at one moment. */
const KEEP_SAMPLE = `
  INSERT INTO series (${SAMPLE})
  SELECT channel, @now - @now % ${HOUR_MS}, ${NUMBERS.map((name) => `sum(${name})::bigint`).join(', ')}
  FROM counts GROUP BY channel ORDER BY channel
  ON CONFLICT (channel, at) DO UPDATE SET ${NUMBERS.map((name) => `${name} = excluded.${name}`).join(', ')}`

/** All but the last of each day. */
const FORGET_SAMPLES = `
  DELETE FROM series WHERE at < @now - ${DAYS_KEPT_MS} OR (at < @now - ${HOURS_KEPT_MS} AND EXISTS (
    SELECT 1 FROM series AS later
    WHERE later.channel = series.channel AND later.at > series.at
      AND (later.at + ${DAY_OFFSET_MS}) / ${DAY_MS} = (series.at + ${DAY_OFFSET_MS}) / ${DAY_MS}))`

const SAMPLES = `
  SELECT ${SAMPLE} FROM series WHERE at >= @now - @backMs::bigint
    OR at = (SELECT max(at) FROM series AS before
      WHERE before.channel = series.channel AND before.at < @now - @backMs::bigint)
  ORDER BY channel, at`

const REPORT = `
  INSERT INTO servers (id, version, started_at, seen_at, state, reason)
  VALUES (@id, @version, @now - @upMs::bigint, @now, @state, @reason)
  ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, state = excluded.state, reason = excluded.reason`

const FORGET_SERVERS = `DELETE FROM servers WHERE seen_at < @now - ${SERVERS_KEPT_MS}`

const KEEP_ACTIVITY = `
  INSERT INTO activity AS a (channel, webhook_at, delivered_at)
  SELECT channel, coalesce(@now - webhook, 0), coalesce(@now - delivery, 0)
  FROM unnest(@channels::text[], @webhooks::bigint[], @deliveries::bigint[]) AS t (channel, webhook, delivery)
  ORDER BY channel COLLATE "C"
  ON CONFLICT (channel) DO UPDATE SET
    webhook_at = greatest(a.webhook_at, excluded.webhook_at),
    delivered_at = greatest(a.delivered_at, excluded.delivered_at)
  WHERE excluded.webhook_at > a.webhook_at OR excluded.delivered_at > a.delivered_at`

const SERVERS = `
  SELECT id, version, @now - started_at AS "upMs", @now - seen_at AS "seenMs", state, reason
  FROM servers ORDER BY seen_at DESC, id`

const ACTIVITY = `
  SELECT channel, @now - nullif(webhook_at, 0) AS "webhookMs", @now - nullif(delivered_at, 0) AS "deliveredMs"
  FROM activity ORDER BY channel`

const LEASE_HOLDER = `
  SELECT holder, expires_at - @now AS "leftMs" FROM leases
  WHERE name = @name AND holder <> '' AND NOT has_ended AND expires_at > @now`

const RUNS = `
  SELECT id, kind, channel, state, @now - began_at AS "beganMs", @now - ended_at AS "endedMs",
    pages, listed, known, added, returned, gone
  FROM runs ORDER BY id DESC LIMIT @limit`
