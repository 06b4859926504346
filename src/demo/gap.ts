import type { LineApiSandbox } from '../sandbox/line/api.ts'
import type { Truth } from '../sandbox/line/traffic.ts'
import { hex, shuffled } from '../sandbox/random.ts'

/** What the webhooks have told, and whom they have told nothing about. */
export interface Known {
  /** Everybody of whom a webhook came. */
  readonly truth: ReadonlyMap<string, Truth>
  /** Those of them who follow. */
  readonly followers: ReadonlySet<string>
  /** People who followed before anybody listened. */
  readonly before: readonly string[]
}

/** What happened while no webhook arrived, and how things are after it. */
export interface Gap {
  /** People of whom a webhook had come, and how many of them could be reached by what it said. */
  readonly heard: number
  readonly heardReachable: number
  /** People who followed before anybody listened. */
  readonly before: number
  /** People who follow now, and how many of them nobody had ever heard of. */
  readonly followed: number
  readonly newcomers: number
  /** People who block now, and how many of them no webhook had told of, as they followed before. */
  readonly blocked: number
  readonly blockedUnheard: number
  /** People who had blocked, as the webhooks told, and follow again. */
  readonly returned: number
  /** Everybody's truth. */
  readonly truth: ReadonlyMap<string, Truth>
  /** People on LINE's list who are not reachable as far as the webhooks told. */
  readonly toFind: number
  /** People who follow as far as the webhooks told, and are not on LINE's list. */
  readonly toClear: number
}

/** The part of each kind of people who do something: few enough that a backfill does not take it for a broken list. */
const SHARE = 0.08

export const newPeople = (count: number) =>
  Array.from({ length: Math.ceil(count) }, () => `U${hex(Math.random, 32)}`)

/** Lets people follow, block and return on LINE. Who only wrote may follow; that they block, no list could tell. */
export function playGap(
  { truth, followers, before }: Known,
  line: Pick<LineApiSandbox, 'follow' | 'unfollow' | 'followers'>,
): Gap {
  const idsOf = (wanted: Truth) => [...truth].filter(([, said]) => said === wanted).map(([userId]) => userId)
  const heardReachable = idsOf('reachable')
  const writers = heardReachable.filter((userId) => !followers.has(userId))
  const newcomers = newPeople(truth.size * SHARE)
  const followed = [...newcomers, ...some(writers)]
  const blockedUnheard = some(before)
  const blocked = [...some([...followers]), ...blockedUnheard]
  const returned = some(idsOf('gone'))

  const now = new Map(truth)
  for (const userId of [...before, ...followed, ...returned]) now.set(userId, 'reachable')
  for (const userId of blocked) now.set(userId, 'gone')
  for (const userId of [...followed, ...returned]) line.follow(userId)
  for (const userId of blocked) line.unfollow(userId)

  const listed = line.followers()
  return {
    heard: truth.size,
    heardReachable: heardReachable.length,
    before: before.length,
    followed: followed.length,
    newcomers: newcomers.length,
    blocked: blocked.length,
    blockedUnheard: blockedUnheard.length,
    returned: returned.length,
    truth: now,
    toFind: [...listed].filter((userId) => truth.get(userId) !== 'reachable').length,
    toClear: [...followers].filter((userId) => !listed.has(userId)).length,
  }
}

const some = (people: readonly string[]) =>
  shuffled(Math.random, people).slice(0, Math.ceil(people.length * SHARE))
