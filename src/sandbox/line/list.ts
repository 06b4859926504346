import type { Random } from '../random.ts'
import { type Cursors, createCursors } from './cursors.ts'
import type { Followers } from './followers.ts'
import { type Reply, refusal } from './reply.ts'

/** What tests can make LINE do with the follower list. */
export interface ListControls {
  /** How many ids the nth answered page has at most, counted from 1 over the sandbox's life; 0 for an empty one. */
  setPages: (sizes: ((page: number) => number) | null) => void
  /** Elements put into `userIds` of the next answered page, as they are. */
  appendRaw: (...values: unknown[]) => void
  /** Every cursor that was given out is answered 400 from now on. */
  expireCursors: () => void
  /** The list never ends: each page's `next` is the cursor that was asked for. The first page, which was asked for without, gets one of its own. */
  repeatCursor: (on: boolean) => void
  /** The list never ends: after its last follower come empty pages, each with a `next` that is new. */
  endlessList: (on: boolean) => void
  /** The account is neither verified nor premium: the list is answered 403. */
  forbidList: (on: boolean) => void
}

export type List = ReturnType<typeof createList>

const defaultLimit = 300
const maxLimit = 1000

/** Answers `GET /v2/bot/followers/ids`. [REF] */
export function createList(options: {
  followers: Followers
  pageSize: number
  random: Random
  clock: () => number
}) {
  const { followers, pageSize } = options
  const cursors: Cursors = createCursors(options.random, options.clock)
  let sizes: ((page: number) => number) | null = null
  let raw: unknown[] = []
  let isRepeating = false
  let isEndless = false
  let isForbidden = false

  const controls: ListControls = {
    setPages(newSizes) {
      sizes = newSizes
    },
    appendRaw(...values) {
      raw.push(...values)
    },
    expireCursors: cursors.expire,
    repeatCursor(on) {
      isRepeating = on
    },
    endlessList(on) {
      isEndless = on
    },
    forbidList(on) {
      isForbidden = on
    },
  }

  /** The cursor after a page, or null after the last one. */
  function nextCursor(start: string | undefined, next: number | null): string | null {
    if (isRepeating) return start ?? cursors.issue(next ?? followers.end)
    if (isEndless) return cursors.issue(next ?? followers.end)
    return next === null ? null : cursors.issue(next)
  }

  /** `number` is that of the page, should it become one. */
  function answer({ limit: limitText, start }: Record<string, string>, number: number): Reply {
    if (isForbidden) return refusal(403, 'Access to this API is not available for your account')
    const limit = readLimit(limitText)
    if (limit === null) return refusal(400, "The value for the 'limit' parameter is invalid")
    const place = start === undefined ? 0 : cursors.placeOf(start)
    if (place === null) return refusal(400, 'Invalid start param')
    const { page, next } = followers.read(place, Math.min(limit, pageSize, sizes?.(number) ?? limit))
    const cursor = nextCursor(start, next)
    const userIds = [...page, ...raw]
    raw = []
    const body = { userIds, ...(cursor !== null && { next: cursor }) }
    return { status: 200, body, page: { ids: userIds.length, isLast: cursor === null } }
  }

  return { controls, answer }
}

function readLimit(text: string | undefined): number | null {
  if (text === undefined) return defaultLimit
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  return limit >= 1 && limit <= maxLimit ? limit : null
}
