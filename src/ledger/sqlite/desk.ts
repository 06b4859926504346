import type BetterSqlite3 from 'better-sqlite3'
import {
  type Activity,
  DAY_MS,
  DAY_OFFSET_MS,
  DAYS_KEPT_MS,
  GROWTH,
  HOUR_MS,
  HOURS_KEPT_MS,
  type KnownServer,
  type RunSummary,
  type Sample,
  SERVERS_KEPT_MS,
} from '../ledger.ts'
import type { Stored, transactions } from './stored.ts'

/** What people look at, in one open database. */
export function createDesk(database: BetterSqlite3.Database, atomic: ReturnType<typeof transactions>) {
  const statements = prepare(database)
  return {
    keepSample: atomic((now) => {
      statements.keepSample.run({ at: now - (now % HOUR_MS) })
      statements.forgetHours.run({ before: now - HOURS_KEPT_MS })
      statements.forgetDays.run({ before: now - DAYS_KEPT_MS })
    }),
    samples: (now, backMs) => statements.samples.all({ from: now - backMs }),
    report: atomic((now, { id, version, upMs, state, reason, activity }) => {
      const startedAt = Math.round(now - upMs)
      statements.report.run({ id, version, startedAt, now, state, reason })
      statements.forgetServers.run({ before: now - SERVERS_KEPT_MS })
      const at = (agoMs: number | null) => (agoMs === null ? 0 : Math.round(now - agoMs))
      for (const { channel, webhookMs, deliveredMs } of activity)
        statements.keepActivity.run({ channel, webhookAt: at(webhookMs), deliveredAt: at(deliveredMs) })
    }),
    signOff: atomic((_now, id) => void statements.signOff.run({ id })),
    servers: (now) => statements.servers.all({ now }),
    activity: (now) => statements.activity.all({ now }),
    leaseHolder: (now, name) => statements.leaseHolder.get({ name, now }) ?? null,
    runs: (now, limit) => statements.runs.all({ limit, now }),
  } satisfies Partial<Stored>
}

const NUMBERS = ['friend', 'messager', 'gone', 'linked', ...GROWTH]
const SAMPLE = `channel, at, ${NUMBERS.join(', ')}`

const prepare = (database: BetterSqlite3.Database) => ({
  keepSample: database.prepare<[object]>(`
    INSERT INTO series (${SAMPLE})
    SELECT counts.channel, @at, friend, messager, gone, linked, ${GROWTH.map((name) => `coalesce(${name}, 0)`).join(', ')}
    FROM counts LEFT JOIN growth ON growth.channel = counts.channel WHERE true
    ON CONFLICT DO UPDATE SET ${NUMBERS.map((name) => `${name} = excluded.${name}`).join(', ')}`),
  /** All but the last of each day. */
  forgetHours: database.prepare<[object]>(`
    DELETE FROM series WHERE at < @before AND EXISTS (
      SELECT 1 FROM series AS later
      WHERE later.channel = series.channel AND later.at > series.at
        AND (later.at + ${DAY_OFFSET_MS}) / ${DAY_MS} = (series.at + ${DAY_OFFSET_MS}) / ${DAY_MS})`),
  forgetDays: database.prepare<[object]>('DELETE FROM series WHERE at < @before'),
  samples: database.prepare<[object], Sample>(`
    SELECT ${SAMPLE} FROM series WHERE at >= @from
      OR at = (SELECT max(at) FROM series AS before WHERE before.channel = series.channel AND before.at < @from)
    ORDER BY channel, at`),
  report: database.prepare<[object]>(`
    INSERT INTO servers (id, version, started_at, seen_at, state, reason)
    VALUES (@id, @version, @startedAt, @now, @state, @reason)
    ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at, state = excluded.state, reason = excluded.reason`),
  forgetServers: database.prepare<[object]>('DELETE FROM servers WHERE seen_at < @before'),
  keepActivity: database.prepare<[object]>(`
    INSERT INTO activity (channel, webhook_at, delivered_at) VALUES (@channel, @webhookAt, @deliveredAt)
    ON CONFLICT DO UPDATE SET
      webhook_at = max(webhook_at, excluded.webhook_at), delivered_at = max(delivered_at, excluded.delivered_at)`),
  signOff: database.prepare<[object]>('DELETE FROM servers WHERE id = @id'),
  servers: database.prepare<[object], KnownServer>(`
    SELECT id, version, @now - started_at AS upMs, @now - seen_at AS seenMs, state, reason
    FROM servers ORDER BY seen_at DESC, id`),
  activity: database.prepare<[object], Activity>(`
    SELECT channel, @now - nullif(webhook_at, 0) AS webhookMs, @now - nullif(delivered_at, 0) AS deliveredMs
    FROM activity ORDER BY channel`),
  leaseHolder: database.prepare<[object], { holder: string; leftMs: number }>(`
    SELECT holder, expires_at - @now AS leftMs FROM leases
    WHERE name = @name AND holder <> '' AND expires_at > @now`),
  runs: database.prepare<[object], RunSummary>(`
    SELECT id, kind, channel, state, @now - began_at AS beganMs, @now - ended_at AS endedMs,
      pages, listed, known, added, returned, gone
    FROM runs ORDER BY id DESC LIMIT @limit`),
})
