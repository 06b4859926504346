import { type Reply, refusal } from '../answers.ts'
import { hex, type Random } from '../random.ts'
import type { Followers } from './followers.ts'

interface Parts {
  pageSize: number
  random: Random
  clock: () => number
}

/** A page of the follower list, once it is answered. */
export interface AnsweredPage {
  /** Counted from 1 over the sandbox's life. */
  page: number
  /** How many elements `userIds` had. */
  ids: number
  isLast: boolean
}

const defaultLimit = 300
const maxLimit = 1000
/** How long `next` can be used. [REF] */
const cursorLifeMs = 24 * 60 * 60 * 1000

/** Answers `GET /v2/bot/followers/ids`. [REF] `onPage` hears of each page. */
export function createList(
  followers: Followers,
  { pageSize, random, clock }: Parts,
  onPage: (page: AnsweredPage) => void,
) {
  /** Opaque names for places, in the order of issue; one can be used again and again until it expires. */
  const cursors = new Map<string, { place: number; expiresAt: number }>()
  let pages = 0
  let sizes: ((page: number) => number) | null = null
  let raw: unknown[] = []
  let isRepeating = false
  let isEndless = false
  let isForbidden = false

  const controls = {
    /** How many ids the nth answered page has at most, counted from 1 over the sandbox's life; 0 for an empty one. */
    setPages(newSizes: ((page: number) => number) | null) {
      sizes = newSizes
    },
    /** Elements put into `userIds` of the next answered page, as they are. */
    appendRaw: (...values: unknown[]) => void raw.push(...values),
    /** Every cursor that was given out is answered 400 from now on. */
    expireCursors: () => cursors.clear(),
    /** The list never ends: each page's `next` is the cursor that was asked for. The first page, which was asked for without, gets one of its own. */
    repeatCursor(on: boolean) {
      isRepeating = on
    },
    /** The list never ends: after its last follower come empty pages, each with a `next` that is new. */
    endlessList(on: boolean) {
      isEndless = on
    },
    /** The account is neither verified nor premium: the list is answered 403. */
    forbidList(on: boolean) {
      isForbidden = on
    },
  }

  function issue(place: number): string {
    for (const [cursor, { expiresAt }] of cursors) {
      if (expiresAt > clock()) break
      cursors.delete(cursor)
    }
    const cursor = hex(random, 32)
    cursors.set(cursor, { place, expiresAt: clock() + cursorLifeMs })
    return cursor
  }

  /** The place that a cursor names, or null where it is unknown or expired. */
  function placeOf(cursor: string): number | null {
    const known = cursors.get(cursor)
    return known !== undefined && known.expiresAt > clock() ? known.place : null
  }

  /** The cursor after a page, or null after the last one. */
  function cursorAfter(start: string | undefined, next: number | null): string | null {
    if (isRepeating && start !== undefined) return start
    const place = next ?? (isRepeating || isEndless ? followers.end() : null)
    return place === null ? null : issue(place)
  }

  function answer({ limit: limitText, start }: Record<string, string>): Reply {
    if (isForbidden) return refusal(403, 'Access to this API is not available for your account')
    const limit = readLimit(limitText)
    if (limit === null) return refusal(400, "The value for the 'limit' parameter is invalid")
    const place = start === undefined ? 0 : placeOf(start)
    if (place === null) return refusal(400, 'Invalid start param')
    const number = ++pages
    const { page, next } = followers.read(place, Math.min(limit, pageSize, sizes?.(number) ?? limit))
    const cursor = cursorAfter(start, next)
    const userIds = [...page, ...raw]
    raw = []
    onPage({ page: number, ids: userIds.length, isLast: cursor === null })
    return { status: 200, body: { userIds, ...(cursor !== null && { next: cursor }) } }
  }

  return { controls, answer }
}

function readLimit(text: string | undefined): number | null {
  if (text === undefined) return defaultLimit
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  return limit >= 1 && limit <= maxLimit ? limit : null
}
