/** The webhooks of a day to several servers by turns. */
import type { Remote } from '../processes/child.ts'
import type { Load, LoadResult } from '../processes/load.ts'
import { type Figure, figureOf, type Goal } from '../report.ts'

const ROUNDS = 5
const REQUESTS_PER_ROUND = 12_000
const CONNECTIONS = [64, 256] as const
/** People who follow before anything is timed. */
const KNOWN = 60_000
const FOLLOWS_PER_BODY = 100

/** What takes webhooks. */
export interface Side {
  /** Each gets its share of the connections. */
  readonly ports: readonly number[]
  /** The CPU time so far of what listens there, and of the database that it has elsewhere. */
  cpuSeconds(): number
  databaseCpuSeconds?(): number
  /** Of what remembers people: resolves when Braze was told of all of them. */
  drained?(): Promise<void>
}

/** With the seconds of CPU for each webhook, of all threads, until Braze was told; NaN if unknown. */
export interface Turn extends LoadResult {
  readonly serverCpu: number
  readonly databaseCpu: number
}
export type Round<Name extends string> = Readonly<Record<Name, Turn>>

/**
 * Round by round, every side gets the same requests; the first round of each number of connections warms up and does not
 * count. Returns what `figures` makes of the rounds of each.
 */
export async function playByTurns<Name extends string>(
  load: Remote<Load>,
  sides: Readonly<Record<Name, Side>>,
  figures: (rounds: readonly Round<Name>[], connections: number) => Figure[],
): Promise<Figure[]> {
  const names = Object.keys(sides) as Name[]

  async function play(name: Name, connections: number): Promise<Turn> {
    const { ports, cpuSeconds, databaseCpuSeconds = () => 0, drained } = sides[name]
    const [server, database] = [cpuSeconds(), databaseCpuSeconds()]
    const sent = await load.send(ports, connections)
    // What is still on its way to Braze must not run beside the next side.
    await drained?.()
    const each = (seconds: number) => seconds / sent.requests
    return {
      ...sent,
      serverCpu: each(cpuSeconds() - server),
      databaseCpu: each(databaseCpuSeconds() - database),
    }
  }

  async function playRound(round: number, connections: number): Promise<Round<Name>> {
    await load.prepare({ kind: 'day', known: KNOWN, requests: REQUESTS_PER_ROUND, round })
    const turns: Partial<Record<Name, Turn>> = {}
    for (const name of round % 2 ? names : names.toReversed()) turns[name] = await play(name, connections)
    return turns as Round<Name>
  }

  await load.prepare({ kind: 'follows', first: 0, people: KNOWN, eventsPerBody: FOLLOWS_PER_BODY })
  for (const { ports, drained } of Object.values<Side>(sides)) {
    if (!drained) continue
    await load.send(ports, CONNECTIONS[0])
    await drained()
  }
  let round = 0
  const all: Figure[] = []
  for (const connections of CONNECTIONS) {
    await playRound(round++, connections)
    const rounds: Round<Name>[] = []
    while (rounds.length < ROUNDS) rounds.push(await playRound(round++, connections))
    all.push(...figures(rounds, connections))
  }
  return all
}

/** One figure of all rounds, and the usual ones of a side. */
export function describing<Name extends string>(rounds: readonly Round<Name>[], connections: number) {
  const of = (unit: string, measure: (round: Round<Name>) => number, name: string, goal?: Goal) =>
    figureOf(name, rounds.map(measure), unit, goal)
  return {
    of,
    absolute: (side: Name, name: string) => [
      of('webhooks/s', (r) => rate(r[side]), `  ${name}, ${connections} connections`),
      of('ms', (r) => r[side].p50Ms, `  ${name}, p50`),
      of('ms', (r) => r[side].p99Ms, `  ${name}, p99`),
      of('µs', (r) => r[side].serverCpu * 1e6, `  ${name}, its CPU for a webhook`),
      of('of a core', (r) => r[side].cpu, `  ${name}, load generator's CPU`),
    ],
  }
}

/** Webhooks per second. */
export const rate = ({ requests, seconds }: LoadResult) => requests / seconds
