import { number } from '../terminal/numbers.ts'
import { type Gap, newPeople, playGap } from './gap.ts'
import { patienceMs, withPatience } from './patience.ts'
import type { Play } from './play.ts'
import { backfill } from './processes.ts'
import { type Service, startService } from './service.ts'
import type { Means, Stage } from './stage.ts'

/** People who followed before the server existed, for each of the others. */
const BEFORE = 2 / 3
/** Small enough to see the list being read. */
const PAGE_SIZE = 100

/**
 * A gap while the server is down, and a backfill that repairs it and finds the followers from before. The server that
 * runs in the end, everybody's truth then, and what was done.
 */
export async function playSecondAct({ people, traffic }: Play, stage: Stage, first: Service, means: Means) {
  const { lineApi } = stage
  const { interruption, display } = means
  const before = newPeople(people * BEFORE)
  for (const userId of [...before, ...traffic.followers()]) lineApi.follow(userId)
  // Who can be reached and does not follow has written.
  for (const [userId, said] of traffic.expected()) if (said === 'reachable') lineApi.write(userId)
  const listed = lineApi.followers().size
  const open = () => `the second act has not ended after ${number(lineApi.stats.pages)} pages of LINE's list`

  return withPatience(patienceMs(people), interruption, open, async () => {
    display.say(
      'Second act: followers from before, and a gap while the server is down.',
      `LINE's follower list has ${number(listed)} people: ${number(before.length)} of them followed before the server existed.`,
    )
    await first.stop()
    const { truth, ...gap } = playGap(traffic, before, lineApi)
    display.say('The server is down, and no webhook tells it what people do:', ...describeGap(gap))
    const service = await startService('The server is back', stage, means)
    await interruption.race(service.health.untilDelivering(interruption.signal))
    return { service, truth, repair: { ...gap, ...(await repair(stage, means)) } }
  })
}

/** What happened in the gap, and what the backfills did. */
export type Repair = Awaited<ReturnType<typeof playSecondAct>>['repair']

/** What happened, and what the server had heard of these people. */
export function describeGap({ followed, newcomers, blocked, blockedUnheard, returned }: Gap): string[] {
  const [known, writers] = [blocked - blockedUnheard, followed - newcomers]
  return [
    `${number(followed)} follow: ${number(newcomers)} are new, and ${number(writers)} had written, so it reaches them already`,
    `${number(blocked)} block: it knows ${number(known)} as friends, and never heard of ${number(blockedUnheard)} from before`,
    `${number(returned)} return: it takes them for gone`,
  ]
}

/** Runs a backfill, and right after it another one that should have nothing to do. */
async function repair(stage: Stage, means: Means) {
  const { braze, lineApi } = stage
  lineApi.setPages(() => PAGE_SIZE)
  const first = await backfill('backfill reads the list, and the server delivers', stage, means)
  const { requests } = braze.stats
  lineApi.setPages(null)
  const second = await backfill('backfill reads it again, and should change nothing', stage, means)
  return {
    /** People whom the first one made reachable. */
    found: first.changed,
    /** People whom it cleared, since they were missing from LINE's list. */
    cleared: first.gone,
    /** People whom the second one changed, and requests to Braze that came of it. */
    changedAgain: second.changed + second.gone,
    requestsAgain: braze.stats.requests - requests,
  }
}
