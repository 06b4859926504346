import { startChild } from '../processes/child.ts'
import type { Load } from '../processes/load.ts'
import type { Poster } from '../processes/poster.ts'
import type { Receiver } from '../processes/receiver.ts'
import { type Serve, startServe } from '../processes/serve.ts'
import { type Figure, figureOf } from '../report.ts'

const ROUNDS = 3
/** Fresh ones in every round: each is one write to Braze. */
const PEOPLE = 100_000
const EVENTS_PER_BODY = 75
const CONNECTIONS = 64
/** The default of BRAZE_CONCURRENCY, with which serve runs. */
const CONCURRENCY = 8

/**
 * From signed webhooks to a counting receiver, against posting the same bodies to the same receiver. The first
 * round warms up and does not count.
 */
export async function measurePipe(folder: string): Promise<Figure[]> {
  const load = startChild<Load>('load.ts')
  const poster = startChild<Poster>('poster.ts')
  const receiver = startChild<Receiver>('receiver.ts')
  const brazePort = await receiver.remote.listen()
  const serve = await startServe({ folder, brazePort })
  const pipeRates: number[] = []
  const bareRates: number[] = []

  async function pipe(serve: Serve): Promise<number> {
    await receiver.remote.expect(PEOPLE)
    const reached = receiver.remote.reached()
    const { startedAtMs } = await load.remote.send([serve.port], CONNECTIONS)
    const seconds = ((await reached) - startedAtMs) / 1000
    await serve.drained()
    const seen = await receiver.remote.seen()
    if (seen !== PEOPLE) throw new Error(`Braze got ${seen} objects for ${PEOPLE} people`)
    return PEOPLE / seconds
  }

  async function bare(): Promise<number> {
    await receiver.remote.expect(PEOPLE)
    const startedAtMs = await poster.remote.post(brazePort, CONCURRENCY)
    return PEOPLE / (((await receiver.remote.reached()) - startedAtMs) / 1000)
  }

  for (let round = 0; round <= ROUNDS; round += 1) {
    const first = round * PEOPLE
    await load.remote.prepare({ kind: 'follows', first, people: PEOPLE, eventsPerBody: EVENTS_PER_BODY })
    await poster.remote.prepare(first, PEOPLE)
    const piped = await pipe(serve)
    const posted = await bare()
    if (round === 0) continue
    pipeRates.push(piped)
    bareRates.push(posted)
  }
  await serve.stop()
  for (const child of [load, poster, receiver]) await child.stop()
  const ratios = pipeRates.map((rate, round) => rate / (bareRates[round] as number))
  return [
    figureOf('users/s through the pipe, of bare posting', ratios, '×', { atLeast: 0.2 }),
    figureOf('  webhook to Braze', pipeRates, 'users/s'),
    figureOf('  bare posting', bareRates, 'users/s'),
  ]
}
