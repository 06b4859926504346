import { sleep } from '../../wire/time.ts'

export interface TurnsOptions {
  readonly rest?: ((ms: number) => Promise<unknown>) | undefined
  /** Milliseconds that nobody sets. */
  readonly monotonic?: () => number
}

/** So long a commit of pages should take: webhooks that another process takes wait for as long. */
const COMMIT_MS = 150
/** Stored together at most. */
const MOST_PAGES = 8
/** Between two commits there is a gap in which others get their turn. */
const GAP_MS = 10
/** Profiles made due in one transaction. */
export const RESEND_AT_ONCE = 2_000
/** Contacts linked in one transaction. */
export const LINKS_AT_ONCE = 1_000

/**
 * SQLite has one writer at a time. Whoever writes much takes turns: in commits that are short enough for others to wait
 * for, and with a rest after each.
 */
export function createTurns({ rest = sleep, monotonic = () => performance.now() }: TurnsOptions = {}) {
  let pagesAtOnce = MOST_PAGES
  return {
    /** How many pages the next commit may carry. */
    pagesAtOnce: () => pagesAtOnce,

    /** Writes `pages` pages, and rests: longer where something changed, since delivery wants its turn, too. */
    async writePages<T extends { readonly changed: number }>(
      pages: number,
      write: () => Promise<T>,
    ): Promise<T> {
      const startedAt = monotonic()
      const written = await write()
      const tookMs = monotonic() - startedAt
      pagesAtOnce = Math.max(1, Math.min(MOST_PAGES, Math.floor((pages * COMMIT_MS) / tookMs)))
      await rest(written.changed > 0 ? Math.max(GAP_MS, tookMs / 4) : GAP_MS)
      return written
    },

    async write<T>(write: () => Promise<T>): Promise<T> {
      const written = await write()
      await rest(GAP_MS)
      return written
    },
  }
}
