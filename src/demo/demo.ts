import { randomInt } from 'node:crypto'
import { type Closers, closeAll } from '../process/closing.ts'
import { createInterruption, Interrupted } from '../process/interruption.ts'
import { EXIT } from '../process/run.ts'
import { createDisplay } from '../terminal/display.ts'
import { wrap } from '../terminal/wrap.ts'
import { describe, judge } from './compare.ts'
import { playFirstAct } from './first-act.ts'
import { playFourthAct } from './fourth-act.ts'
import { playLightTraffic, rehearse } from './play.ts'
import { judgeReceivers } from './receivers.ts'
import { type Result, resultOf, tableOf } from './report.ts'
import { playSecondAct } from './second-act.ts'
import type { Service } from './service.ts'
import { type Means, type Place, type Stage, setStage } from './stage.ts'
import { playThirdAct } from './third-act.ts'

export interface DemoOptions {
  readonly people: number
  /** Makes the place for its ledger. Default: an SQLite file in a temporary folder. */
  readonly makePlace?: () => Promise<Place>
  readonly keep?: boolean
  readonly json?: boolean
}

/** Before this is over, what it started has ended and what it wrote is gone, whatever happens. */
export async function demo(options: DemoOptions) {
  const interruption = createInterruption()
  const display = createDisplay(process.stderr, { lineMs: 1_000, hasStamps: true, term: process.env.TERM })
  const closers: Closers = []
  let hasResult = false
  function print(result: Result | { status: string }, text = '') {
    hasResult = true
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : text)
  }
  const failure = await perform(options, { interruption, display, closers }, print).then(
    () => undefined,
    (error: unknown) => (interruption.signal.aborted ? interruption.signal.reason : error),
  )
  const isInterrupted = failure instanceof Interrupted
  if (failure && !hasResult) print({ status: isInterrupted ? 'interrupted' : 'failed' })
  if (isInterrupted) process.exitCode = EXIT.interrupted
  display.end()
  await closeAll(closers, isInterrupted ? undefined : failure).finally(interruption.close)
}

async function perform(
  { people, makePlace, keep }: DemoOptions,
  means: Means,
  print: (result: Result, text: string) => void,
) {
  means.display.say('Starting a sandbox LINE, a sandbox Braze, and the real server between.')
  const play = rehearse(people, randomInt(2 ** 32))
  const stage = await setStage(means, makePlace)
  const first = await playFirstAct(play, stage, means)
  const { repair, ...second } = await playSecondAct(play, stage, first, means)
  const { expected, links } = await playThirdAct(play, stage, second, means)
  const receivers = judgeReceivers(expected, await playFourthAct(expected, stage, means))

  const { braze } = stage
  const { service } = second
  const verdict = judge(braze, expected, play.traffic.bystanders(), repair, receivers)
  const isGood = verdict.wrongs.length === 0
  const outcome = describe(verdict, repair)
  const result = resultOf(play.counts, braze.stats, repair, links, verdict)
  means.interruption.signal.throwIfAborted()
  print(result, `\n${tableOf(result)}\n\n${isGood ? `${wrap(outcome).join('\n')}\n` : ''}`)
  if (keep) return lookAround(stage, service, means, isGood ? '' : outcome)
  if (!isGood) throw new Error(outcome)
  await service.stop()
}

/** Goes on with light traffic until somebody ends it. */
async function lookAround(
  { braze, database, apiToken }: Stage,
  { line, url }: Service,
  means: Means,
  news: string,
) {
  means.display.say(
    'All of it goes on, with light traffic, for a look around.',
    ...(news ? [news] : []),
    `health    ${url}/health`,
    `metrics   ${url}/metrics`,
    `page      ${url}/ (the token of the API opens it)`,
    `api       ${url}/api/channels/default (the bearer token is ${apiToken})`,
    `Braze     ${braze.url}/users/track (the sandbox)`,
    `database  ${database}`,
    'Ctrl-C ends it and removes what it stored.',
  )
  await playLightTraffic(line, means.interruption.signal)
}
