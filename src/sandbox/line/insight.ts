import type { Followers } from './followers.ts'
import { type Reply, refusal } from './reply.ts'

/** `followers` counts everyone who ever followed, `blocks` those of them who do not now. */
export interface Insight {
  /** `ready`, `unready`, `out_of_service`. */
  status: string
  followers?: number
  blocks?: number
}

/** Answers `GET /v2/bot/insight/followers`: what was set, or else the follower list as it is now. [REF] */
export function answerInsight(date: string | undefined, set: Insight | null, followers: Followers): Reply {
  if (date === undefined || !isDate(date))
    return refusal(400, "The value for the 'date' parameter is invalid")
  if (set !== null) return { status: 200, body: { ...set, ...reaches(set) } }
  const { blocks, view } = followers
  const insight = { followers: view.size + blocks, blocks }
  return { status: 200, body: { status: 'ready', ...insight, ...reaches(insight) } }
}

function reaches({ followers, blocks }: Partial<Insight>): object {
  return followers === undefined || blocks === undefined ? {} : { targetedReaches: followers - blocks }
}

/** A day of the calendar as yyyyMMdd. */
function isDate(text: string): boolean {
  if (!/^\d{8}$/.test(text)) return false
  const iso = text.replace(/(....)(..)(..)/, '$1-$2-$3')
  const date = new Date(`${iso}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso)
}
