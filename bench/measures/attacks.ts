import { mkdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attacker } from '../processes/attacker.ts'
import { startChild } from '../processes/child.ts'
import type { Load } from '../processes/load.ts'
import type { Receiver } from '../processes/receiver.ts'
import { type Serve, startServe } from '../processes/serve.ts'
import { type Figure, figureOf } from '../report.ts'

const KNOWN = 20_000
const REQUESTS = 2_000
const CONNECTIONS = 8
/** New connections with a webhook each, while others are idle. */
const KNOCKS = 100
/** Before anything is measured: the attack has to be under way. */
const ONSET_MS = 500
const IDLE = 2_000
const BODIES = 1_900
const BODY_BYTES = 1_048_576

/** What strangers without a secret can do to a server, and to the webhooks that LINE sends meanwhile. */
export async function measureAttacks(folder: string): Promise<Figure[]> {
  const load = startChild<Load>('load.ts')
  const receiver = startChild<Receiver>('receiver.ts')
  const attacker = startChild<Attacker>('attacker.ts')
  const { remote: enemy } = attacker
  const brazePort = await receiver.remote.listen()

  /** A server of its own for each attack, with people who are known. */
  async function against(
    name: string,
    measure: (serve: Serve, send: () => Promise<number>) => Promise<Figure[]>,
  ) {
    await mkdir(`${folder}/${name}`)
    const serve = await startServe({ folder: `${folder}/${name}`, brazePort })
    await load.remote.prepare({ kind: 'follows', first: 0, people: KNOWN, eventsPerBody: 100 })
    await load.remote.send([serve.port], CONNECTIONS)
    await serve.drained()
    let round = 0
    const p99Ms = async () => {
      await load.remote.prepare({ kind: 'day', known: KNOWN, requests: REQUESTS, round: round++ })
      return (await load.remote.send([serve.port], CONNECTIONS)).p99Ms
    }
    // Code that has not run before is slow.
    await p99Ms()
    const figures = await measure(serve, p99Ms)
    await enemy.stop()
    await serve.stop()
    return figures
  }

  /** The webhooks' p99 before an attack, and while it lasts. */
  async function slowdown(name: string, p99Ms: () => Promise<number>, attack: () => Promise<unknown>) {
    const calm = await p99Ms()
    await attack()
    await sleep(ONSET_MS)
    const attacked = await p99Ms()
    return [
      figureOf(`${name}: webhooks' p99, of the one in peace`, [attacked / calm], '×'),
      figureOf('  in peace', [calm], 'ms'),
      figureOf('  under attack', [attacked], 'ms'),
    ]
  }

  const figures = [
    ...(await against('metrics', (serve, p99Ms) =>
      slowdown('metrics flood', p99Ms, () => enemy.metrics(serve.port, 10, 2_000)),
    )),
    ...(await against('bodies', async (serve, p99Ms) => {
      const before = serve.peakMiB()
      const slow = await slowdown('held bodies', p99Ms, () => enemy.bodies(serve.port, BODIES, BODY_BYTES))
      return [
        ...slow,
        figureOf('held bodies: peak memory, above the one before', [serve.peakMiB() - before], 'MiB'),
      ]
    })),
    ...(await against('idle', async (serve) => {
      await enemy.idle(serve.port, IDLE)
      await sleep(ONSET_MS)
      const taken = await enemy.knock(serve.port, KNOWN, KNOCKS)
      return [figureOf('2,000 idle connections: new webhooks that get a 200', [taken / KNOCKS], 'of all')]
    })),
    ...(await against('unsigned', async (serve, p99Ms) => {
      const slow = await slowdown('unsigned flood', p99Ms, () => enemy.unsigned(serve.port, 10, 100))
      const [bytes, at] = [serve.logBytes(), performance.now()]
      await sleep(3_000)
      const perSecond = ((serve.logBytes() - bytes) / (performance.now() - at)) * 1_000
      return [...slow, figureOf('unsigned flood: log', [perSecond], 'bytes/s')]
    })),
  ]
  for (const child of [load, receiver, attacker]) await child.stop()
  return figures
}
