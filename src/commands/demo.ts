import { randomInt } from 'node:crypto'
import { Command, InvalidArgumentError } from 'commander'
import { judge } from './demo/compare.ts'
import { frameOf, lineOf } from './demo/frame.ts'
import { createOutage } from './demo/outage.ts'
import { type Play, playLightTraffic, playTraffic, rehearse } from './demo/play.ts'
import { type Progress, readProgress } from './demo/progress.ts'
import { describe, type Result, resultOf, tableOf } from './demo/report.ts'
import { describeEnd } from './demo/server.ts'
import { type Closers, closeAll, type Stage, setStage } from './demo/stage.ts'
import { createDisplay, type Display } from './display.ts'
import { createInterruption, Interrupted, type Interruption } from './interruption.ts'
import { number } from './numbers.ts'
import { EXIT } from './run.ts'

interface DemoOptions {
  readonly people: number
  readonly keep?: boolean
  readonly json?: boolean
}

const PEOPLE = 3_000
const MOST_PEOPLE = 100_000
/** Beyond the time that the traffic should take: what has not ended by then never will. */
const PATIENCE_MS = 90_000

export function demoCommand(): Command {
  return new Command('demo')
    .description('shows it all at work between a sandbox LINE and a sandbox Braze; needs no setting')
    .option('--people <number>', 'how many people there are on the sandbox LINE', readPeople, PEOPLE)
    .option('--keep', 'goes on afterwards, for a look around, until Ctrl-C')
    .option('--json', 'print the result as one JSON object')
    .action(demo)
}

function readPeople(text: string): number {
  const people = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (people < 1 || people > MOST_PEOPLE)
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_PEOPLE}.`)
  return people
}

/** Before this is over, what it started has ended and what it wrote is gone, whatever happens. */
async function demo(options: DemoOptions) {
  const interruption = createInterruption()
  const display = createDisplay(process.stderr, { lineMs: 1_000, hasStamps: true })
  const closers: Closers = []
  let hasResult = false
  function print(result: Result | { status: string }, text = '') {
    hasResult = true
    process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : text)
  }
  try {
    await perform(options, { interruption, display, closers, print })
  } catch (error) {
    const cause = interruption.signal.aborted ? interruption.signal.reason : error
    const isInterrupted = cause instanceof Interrupted
    if (!hasResult) print({ status: isInterrupted ? 'interrupted' : 'failed' })
    if (!isInterrupted) throw cause
    process.exitCode = EXIT.interrupted
  } finally {
    display.end()
    await closeAll(closers)
    interruption.close()
  }
}

interface Means {
  readonly interruption: Interruption
  readonly display: Display
  readonly closers: Closers
  /** Prints the result, as JSON where that is wanted, else as `text`. */
  readonly print: (result: Result, text: string) => void
}

async function perform({ people, keep }: DemoOptions, means: Means) {
  means.display.say('Starting a sandbox LINE, a sandbox Braze, and the real server between.')
  const play = rehearse(people, randomInt(2 ** 32))
  const stage = await setStage(means)
  await playThrough(play, stage, means)

  const verdict = judge(play.traffic, stage.braze)
  const outcome = describe(verdict)
  const end = keep ? undefined : await stage.server.stop()
  means.interruption.signal.throwIfAborted()
  const result = resultOf(play.counts, stage.braze, verdict)
  means.print(result, `\n${tableOf(result)}\n\n${verdict.isGood ? `${outcome}\n` : ''}`)
  if (keep) return lookAround(stage, means, verdict.isGood ? [] : [outcome])
  if (!verdict.isGood) throw new Error(outcome)
  if (end?.code !== 0) throw new Error(`The server did not stop as it should (${describeEnd(end)}).`)
}

/** Sends the traffic, and waits until Braze has heard and applied all that follows from it. */
async function playThrough(play: Play, stage: Stage, { interruption, display, closers }: Means) {
  const { braze, line, health, server, url } = stage
  const { signal } = interruption
  const outage = createOutage(braze, { webhooks: play.webhooks, say: display.say })
  const read = () => readProgress(play, stage, outage.isOn())
  const patience = setTimeout(() => interruption.abort(stuck(read())), play.expectedMs + PATIENCE_MS)
  closers.push(() => clearTimeout(patience))

  display.say(
    `The server listens, as process ${server.pid}.`,
    `health   ${url}/health`,
    `metrics  ${url}/metrics`,
  )
  display.show({ frame: () => frameOf(read()), line: () => lineOf(read()) })
  await playTraffic(play, { line, signal, onSending: outage.advance })
  display.say('LINE has a 200 for every webhook; Braze still has to hear the rest.')
  await health.untilDelivered(signal)
  await interruption.race(braze.whenApplied())
  clearTimeout(patience)
  display.end()
}

function stuck({ counts, webhooks, delivery }: Progress): Error {
  const open = number(webhooks - counts.acknowledged)
  const waiting = `${number(delivery?.pending ?? 0)} people wait for Braze`
  const reason = delivery?.reason ? ` (${delivery.reason})` : ''
  return new Error(`The demo gave up waiting: ${open} webhooks have no 200 yet, ${waiting}${reason}.`)
}

/** Goes on with light traffic until somebody ends it. */
async function lookAround({ line, url, braze, database }: Stage, means: Means, news: readonly string[]) {
  means.display.say(
    'All of it goes on, with light traffic, for a look around.',
    ...news,
    `health    ${url}/health`,
    `metrics   ${url}/metrics`,
    `Braze     ${braze.url}/users/track (the sandbox)`,
    `database  ${database}`,
    'Ctrl-C ends it and removes its files.',
  )
  await playLightTraffic(line, means.interruption.signal)
}
