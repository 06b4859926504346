import { openSync } from 'node:fs'
import { startChild } from '../processes/child.ts'
import type { Load, LoadResult } from '../processes/load.ts'
import type { Naked } from '../processes/naked.ts'
import type { Receiver } from '../processes/receiver.ts'
import { startServe } from '../processes/serve.ts'
import type { Storeless } from '../processes/storeless.ts'
import { type Figure, figureOf, type Goal } from '../report.ts'

const ROUNDS = 5
const REQUESTS_PER_ROUND = 12_000
const CONNECTIONS = [64, 256] as const
/** People who follow before anything is timed. */
const KNOWN = 60_000
const FOLLOWS_PER_BODY = 100

type Side = 'serve' | 'storeless' | 'naked'

interface Measured {
  readonly port: number
  readonly cpuSeconds: () => number
}

/** `serverCpu`: seconds of CPU for each webhook, of all threads, until Braze was told; NaN if unknown. */
type Round = Record<Side, LoadResult & { readonly serverCpu: number }>
type Connections = (typeof CONNECTIONS)[number]

/**
 * Durable webhooks against the same server that stores nothing, and against Fastify with next to nothing on it.
 * Round by round, every side gets the same requests; the first round of each number of connections
 * warms up and does not count.
 */
export async function measureIntake(folder: string): Promise<Figure[]> {
  const load = startChild<Load>('load.ts')
  const receiver = startChild<Receiver>('receiver.ts')
  const storeless = startChild<Storeless>('storeless.ts', openSync(`${folder}/storeless.log`, 'w'))
  const naked = startChild<Naked>('naked.ts')
  const serve = await startServe({ folder, brazePort: await receiver.remote.listen() })
  const sides: Record<Side, Measured> = {
    serve: { port: serve.port, cpuSeconds: serve.cpuSeconds },
    storeless: { port: await storeless.remote.listen(), cpuSeconds: storeless.cpuSeconds },
    naked: { port: await naked.remote.listen(), cpuSeconds: naked.cpuSeconds },
  }
  const results: Record<Connections, Round[]> = { 64: [], 256: [] }

  await load.remote.prepare({ kind: 'follows', first: 0, people: KNOWN, eventsPerBody: FOLLOWS_PER_BODY })
  await load.remote.send(serve.port, CONNECTIONS[0])
  await serve.drained()

  async function playRound(round: number, connections: Connections): Promise<Round> {
    await load.remote.prepare({ kind: 'day', known: KNOWN, requests: REQUESTS_PER_ROUND, round })
    const result: Partial<Round> = {}
    const order: Side[] = ['serve', 'storeless', 'naked']
    for (const side of round % 2 ? order : order.reverse()) {
      const { port, cpuSeconds } = sides[side]
      const cpuBefore = cpuSeconds()
      const sent = await load.remote.send(port, connections)
      // What is still on its way to Braze must not run beside the next side.
      if (side === 'serve') await serve.drained()
      result[side] = { ...sent, serverCpu: (cpuSeconds() - cpuBefore) / sent.requests }
    }
    return result as Round
  }

  let round = 0
  for (const connections of CONNECTIONS) {
    await playRound(round++, connections)
    for (let i = 0; i < ROUNDS; i += 1) results[connections].push(await playRound(round++, connections))
  }
  await serve.stop()
  for (const child of [load, receiver, storeless, naked]) await child.stop()
  return CONNECTIONS.flatMap((connections) => figures(results[connections], connections))
}

function figures(rounds: readonly Round[], connections: Connections): Figure[] {
  const of = (unit: string, measure: (round: Round) => number, name: string, goal?: Goal) =>
    figureOf(name, rounds.map(measure), unit, goal)
  const rate = ({ requests, seconds }: LoadResult) => requests / seconds
  const absolute = (side: Side, name: string) => [
    of('webhooks/s', (r) => rate(r[side]), `  ${name}, ${connections} connections`),
    of('ms', (r) => r[side].p50Ms, `  ${name}, p50`),
    of('ms', (r) => r[side].p99Ms, `  ${name}, p99`),
    of('µs', (r) => r[side].serverCpu * 1e6, `  ${name}, its CPU for a webhook`),
    of('of a core', (r) => r[side].cpu, `  ${name}, load generator's CPU`),
  ]
  const least = { atLeast: 0.85 }
  const most = { atMost: 1.5 }
  return [
    of(
      '×',
      (r) => rate(r.serve) / rate(r.storeless),
      `webhooks/s at ${connections} connections, of the same without a ledger`,
      least,
    ),
    of(
      '×',
      (r) => r.serve.p99Ms / r.storeless.p99Ms,
      `p99 of a webhook at ${connections} connections, of the same without a ledger`,
      most,
    ),
    of(
      '×',
      (r) => rate(r.serve) / rate(r.naked),
      `webhooks/s at ${connections} connections, of a naked Fastify`,
    ),
    ...absolute('serve', 'serve'),
    ...absolute('storeless', 'without a ledger'),
    ...absolute('naked', 'naked Fastify'),
  ]
}
