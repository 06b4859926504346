import { isMoment, LINE_EPOCH } from '../line/epoch.ts'

/** ISO 8601 with a time zone, as databases write it, too: `2026-09-01 12:00:00+00`. */
const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) ?(?:(Z)|([+-]\d{2})(?::?(\d{2}))?)$/i

/**
 * Milliseconds since 1970, of ISO 8601 or of these milliseconds themselves; or what is wrong with it, which completes
 * "linked_at …".
 */
export function readMoment(text: string, now: number): number | string {
  const at = /^\d{1,16}$/.test(text) ? Number(text) : fromIso(text)
  if (at === undefined)
    return 'must be ISO 8601 with a time zone, such as 2026-09-01T12:00:00Z, or milliseconds since 1970'
  if (at > now) return 'is in the future'
  return isMoment(at) ? at : 'is before June 2011, when LINE opened, or in seconds instead of milliseconds'
}

function fromIso(text: string): number | undefined {
  const [, date, time, , hours, minutes = '00'] = ISO.exec(text) ?? []
  const at = Date.parse(`${date}T${time}${hours ? `${hours}:${minutes}` : 'Z'}`)
  // 31 February is taken for a day of March.
  const day = Date.parse(`${date}T00:00Z`)
  return Number.isNaN(at) || new Date(day).toISOString().slice(0, 10) !== date ? undefined : at
}

/**
 * The moment for what has none of its own: since when `changedAt`, a file's, or now. One that cannot be is taken for the
 * nearest that can: a file with a date from before LINE says nothing against what is known.
 */
export const usableMoment = (changedAt: number | null, now: number): number =>
  Math.max(LINE_EPOCH, Math.min(changedAt ?? now, now))
