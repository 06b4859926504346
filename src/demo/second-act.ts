import type { Truth } from '../sandbox/line/traffic.ts'
import { number } from '../terminal/numbers.ts'
import { type Gap, type Known, newPeople, playGap } from './gap.ts'
import { isDelivering } from './health.ts'
import { withPatience } from './patience.ts'
import type { Play } from './play.ts'
import { type Repair, repair } from './repair.ts'
import { assertStopped, introduce, type Service, startService, stopService } from './service.ts'
import type { Means, Stage } from './stage.ts'

export interface SecondAct {
  /** The server that runs in the end. */
  readonly service: Service
  /** Everybody's truth in the end. */
  readonly truth: ReadonlyMap<string, Truth>
  readonly repair: Repair
}

/** People who followed before the server existed, for each of the others. */
const BEFORE = 2 / 3
/** Of all processes that start and stop. */
const EXPECTED_MS = 6_000
/** Of LINE for each follower on its list. */
const FOLLOWER_MS = 1

/** A gap while the server is down, and a backfill that repairs it and finds the followers from before. */
export async function playSecondAct(
  { traffic }: Play,
  stage: Stage,
  first: Service,
  means: Means,
): Promise<SecondAct> {
  const { lineApi } = stage
  const { interruption } = means
  const truth = traffic.expected()
  const known = { truth, followers: traffic.followers(), before: newPeople(truth.size * BEFORE) }
  for (const userId of [...known.before, ...known.followers]) lineApi.follow(userId)
  const patience = {
    expectedMs: EXPECTED_MS + lineApi.followers().size * FOLLOWER_MS,
    open: () => `the second act has not ended after ${number(lineApi.stats.pages)} pages of LINE's list`,
  }
  return withPatience(patience, interruption, async () => {
    const gap = await breakOff(first, known, stage, means)
    const service = await startService(stage, means)
    introduce(service, 'The server is back', means)
    await interruption.race(service.health.until(isDelivering, interruption.signal))
    return { service, truth: gap.truth, repair: await repair(gap, stage, means) }
  })
}

/** Stops the server, and lets things happen of which it will never hear. */
async function breakOff(service: Service, known: Known, { lineApi }: Stage, { display }: Means) {
  const [listed, before] = [lineApi.followers().size, known.before.length].map(number)
  display.say(
    'Second act: followers from before, and a gap while the server is down.',
    `LINE's follower list has ${listed} people: ${before} of them followed before the server existed.`,
  )
  assertStopped(await stopService(service))
  const gap = playGap(known, lineApi)
  display.say('The server is down, and no webhook tells it what people do:', ...describeGap(gap))
  return gap
}

/** What happened, and what the server had heard of these people. */
export function describeGap({ followed, newcomers, blocked, blockedUnheard, returned }: Gap): string[] {
  const [known, writers] = [blocked - blockedUnheard, followed - newcomers]
  return [
    `${number(followed)} follow: ${number(newcomers)} are new, and ${number(writers)} had written, so it reaches them already`,
    `${number(blocked)} block: it knows ${number(known)} as friends, and never heard of ${number(blockedUnheard)} from before`,
    `${number(returned)} return: it takes them for gone`,
  ]
}
