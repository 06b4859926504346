import type { LineApiSandbox } from '../sandbox/line/api.ts'
import type { Traffic, Truth } from '../sandbox/line/traffic.ts'
import { hex, shuffled } from '../sandbox/random.ts'

/** How many did what while no webhook arrived. */
export type Gap = Omit<ReturnType<typeof playGap>, 'truth'>

/** The part of each kind of people who do something: few enough that a backfill does not take it for a broken list. */
const SHARE = 0.08

export const newPeople = (count: number) =>
  Array.from({ length: Math.ceil(count) }, () => `U${hex(Math.random, 32)}`)

/**
 * Lets people follow, block and return on LINE: those of the traffic, whom webhooks have told of, and those from
 * before it. Who only wrote may follow; that they block, no list could tell.
 */
export function playGap(traffic: Traffic, before: readonly string[], line: LineApiSandbox) {
  const [truth, followers] = [traffic.expected(), traffic.followers()]
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
    /** Everybody's truth after it; how many they are, and how many of them can be reached. */
    truth: now,
    peopleAfterGap: now.size,
    reachableAfterGap: [...now.values()].filter((said) => said === 'reachable').length,
    /** People of whom a webhook had come, and how many of them could be reached by what it said. */
    heard: truth.size,
    heardReachable: heardReachable.length,
    /** People who followed before the server existed. */
    before: before.length,
    /** People who follow now, and how many of them nobody had ever heard of. */
    followed: followed.length,
    newcomers: newcomers.length,
    /** People who block now, and how many of them no webhook had told of, as they followed before. */
    blocked: blocked.length,
    blockedUnheard: blockedUnheard.length,
    /** People who had blocked, as the webhooks told, and follow again. */
    returned: returned.length,
    /** People on LINE's list who are not reachable as far as the webhooks told. */
    toFind: [...listed].filter((userId) => truth.get(userId) !== 'reachable').length,
    /** People who follow as far as the webhooks told, and are not on LINE's list. */
    toClear: [...followers].filter((userId) => !listed.has(userId)).length,
  }
}

const some = (people: readonly string[]) =>
  shuffled(Math.random, people).slice(0, Math.ceil(people.length * SHARE))
