import type { Ledger } from '../ledger/ledger.ts'
import type { LineClient } from '../line/client.ts'

const DAY_MS = 86_400_000
/** LINE counts days in Japan's time. */
const JAPAN_MS = 9 * 3_600_000

/**
 * About how many the follower list will name: by LINE's own count of the day before, which is a day late, else by the
 * last complete run; null where neither is known. Never rejects: it is only for the eye.
 */
export async function estimateTotal(
  line: Pick<LineClient, 'followerCount'>,
  ledger: Pick<Ledger, 'lastListed'>,
  { channel, signal, now = Date.now() }: { channel: string; signal: AbortSignal; now?: number },
): Promise<number | null> {
  const date = new Date(now + JAPAN_MS - DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')
  const count = await line.followerCount(date, signal).catch(() => null)
  return count ?? ledger.lastListed(channel).catch(() => null)
}
