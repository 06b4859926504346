import { mkdir, rm } from 'node:fs/promises'
import { about } from '../../src/config/settings.ts'
import { type Backfilled, runBackfill } from '../processes/backfill-process.ts'
import { startChild } from '../processes/child.ts'
import type { Fetcher } from '../processes/fetcher.ts'
import type { FollowerList } from '../processes/follower-list.ts'
import type { Poster } from '../processes/poster.ts'
import type { Receiver } from '../processes/receiver.ts'
import { type Figure, figureOf, type Goal } from '../report.ts'

/** The environment variable BENCH_FOLLOWERS says another number, while something is being developed. */
const FOLLOWERS = 1_000_000
/** The list with which the memory for a long one is compared. */
const FEW = 10_000
/** Each takes minutes. */
const ROUNDS = 1
/** How long LINE takes for a page: nothing, which is hardest, and about what it may take over the internet. */
const LATENCIES = [
  { ms: 0, name: 'LINE at once' },
  { ms: 20, name: 'LINE at 20 ms a page' },
] as const
const GOAL = { atMost: 1.3 }
const MEMORY_GOAL = { atMost: 64 }

/** With these settings backfill runs. */
const CONCURRENCY = about('BRAZE_CONCURRENCY').default as number
const REQUESTS_PER_SECOND = about('BRAZE_REQUESTS_PER_SECOND').default as number

/** The times are in seconds. */
interface Round {
  readonly fetching: number
  readonly posting: number
  readonly firstImport: Backfilled
  readonly fetchingAgain: number
  readonly secondRun: Backfilled
}

/**
 * The import of a whole follower list against what no import can do without: fetching the pages, and posting the
 * objects. Backfill is timed from the start of its process to the end, they from their first request on.
 */
export async function measureBackfill(folder: string): Promise<Figure[]> {
  const followers = Number(process.env.BENCH_FOLLOWERS ?? FOLLOWERS)
  const stage = await createStage(folder)
  await stage.prepare(FEW)
  await stage.round()
  // The one before warmed up: a program that is not compiled yet also takes more memory.
  const few = await stage.round()

  await stage.prepare(followers)
  const figures: Figure[] = []
  for (const { ms, name } of LATENCIES) {
    await stage.delay(ms)
    const rounds: Round[] = []
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await stage.round())
    figures.push(...figuresOf(rounds, followers, name))
    if (ms === 0) figures.push(...memoryFigures(rounds, few, followers))
  }
  await stage.stop()
  return figures
}

/** The processes that play LINE and Braze, and those that are compared with backfill. */
async function createStage(folder: string) {
  const list = startChild<FollowerList>('follower-list.ts')
  const fetcher = startChild<Fetcher>('fetcher.ts')
  const poster = startChild<Poster>('poster.ts')
  const receiver = startChild<Receiver>('receiver.ts')
  const linePort = await list.remote.listen()
  const brazePort = await receiver.remote.listen()
  let followers = 0

  async function fetch(): Promise<number> {
    const { listed, seconds } = await fetcher.remote.fetch(linePort)
    if (listed !== followers) throw new Error(`LINE listed ${listed} of ${followers} followers`)
    return seconds
  }

  async function post(): Promise<number> {
    await receiver.remote.expect(followers)
    const startedAtMs = await poster.remote.post(brazePort, CONCURRENCY, REQUESTS_PER_SECOND)
    return ((await receiver.remote.reached()) - startedAtMs) / 1000
  }

  /** Must tell Braze of `changed` followers, of each once. */
  async function backfill(folder: string, changed: number): Promise<Backfilled> {
    await receiver.remote.expect(changed)
    const run = await runBackfill({ folder, linePort, brazePort })
    const seen = await receiver.remote.seen()
    const { result } = run
    if (result.listed !== followers || result.changed !== changed || seen !== changed) {
      throw new Error(`Braze got ${seen} objects, not ${changed}, for ${JSON.stringify(result)}`)
    }
    return run
  }

  return {
    async prepare(count: number) {
      followers = count
      await list.remote.prepare(count)
      await poster.remote.prepare(0, count)
    },
    delay: list.remote.delay,
    /** Everything once, on a ledger of its own. */
    async round(): Promise<Round> {
      const own = `${folder}/round`
      await mkdir(own)
      const fetching = await fetch()
      const posting = await post()
      const firstImport = await backfill(own, followers)
      const fetchingAgain = await fetch()
      const secondRun = await backfill(own, 0)
      await rm(own, { recursive: true })
      return { fetching, posting, firstImport, fetchingAgain, secondRun }
    },
    async stop() {
      for (const child of [list, fetcher, poster, receiver]) await child.stop()
    },
  }
}

function figuresOf(rounds: readonly Round[], followers: number, latency: string): Figure[] {
  const of = (unit: string, measure: (round: Round) => number, name: string, goal?: Goal) =>
    figureOf(name, rounds.map(measure), unit, goal)
  const timed = (seconds: (round: Round) => number, name: string) => [
    of('s', seconds, `  ${latency}, ${name}`),
    of('users/s', (r) => followers / seconds(r), `  ${latency}, ${name}`),
  ]
  const count = followers.toLocaleString('en')
  const first = `first import of ${count}, ${latency}, of the slower of fetching and posting`
  const second = `second run over ${count}, ${latency}, of fetching`
  const slower = (r: Round) => Math.max(r.fetching, r.posting)
  return [
    of('×', (r) => r.firstImport.seconds / slower(r), first, GOAL),
    of('×', (r) => r.secondRun.seconds / r.fetchingAgain, second, GOAL),
    ...timed((r) => r.fetching, 'fetching'),
    ...timed((r) => r.posting, 'posting'),
    ...timed((r) => r.firstImport.seconds, 'first import'),
    of('s', (r) => r.firstImport.result.seconds, `  ${latency}, first import, as it says itself`),
    ...timed((r) => r.fetchingAgain, 'fetching again'),
    ...timed((r) => r.secondRun.seconds, 'second run'),
    of('s', (r) => r.secondRun.result.seconds, `  ${latency}, second run, as it says itself`),
  ]
}

function memoryFigures(rounds: readonly Round[], few: Round, followers: number): Figure[] {
  const of = (measure: (round: Round) => number, name: string, goal?: Goal) =>
    figureOf(name, rounds.map(measure), 'MiB', goal)
  const count = followers.toLocaleString('en')
  const fewCount = FEW.toLocaleString('en')
  const fewPeak = few.firstImport.peakMiB
  const above = `peak memory, first import of ${count}, above that of ${fewCount}`
  return [
    of((r) => r.firstImport.peakMiB - fewPeak, above, MEMORY_GOAL),
    of((r) => r.firstImport.peakMiB, `  peak memory, first import of ${count}`),
    of((r) => r.secondRun.peakMiB, `  peak memory, second run over ${count}`),
    figureOf(`  peak memory, first import of ${fewCount}`, [fewPeak], 'MiB'),
  ]
}
