import { openSync } from 'node:fs'
import { startChild } from '../processes/child.ts'
import type { Load } from '../processes/load.ts'
import type { Naked } from '../processes/naked.ts'
import type { Receiver } from '../processes/receiver.ts'
import { startServe } from '../processes/serve.ts'
import type { Storeless } from '../processes/storeless.ts'
import type { Figure } from '../report.ts'
import { describing, playByTurns, type Round, rate } from './turns.ts'

type Rounds = readonly Round<'serve' | 'storeless' | 'naked'>[]

/** Durable webhooks against the same server that stores nothing, and against Fastify with next to nothing on it. */
export async function measureIntake(folder: string): Promise<Figure[]> {
  const load = startChild<Load>('load.ts')
  const receiver = startChild<Receiver>('receiver.ts')
  const storeless = startChild<Storeless>('storeless.ts', openSync(`${folder}/storeless.log`, 'w'))
  const naked = startChild<Naked>('naked.ts')
  const serve = await startServe({ folder, brazePort: await receiver.remote.listen() })
  const figures = await playByTurns(
    load.remote,
    {
      serve: { ports: [serve.port], cpuSeconds: serve.cpuSeconds, drained: serve.drained },
      storeless: { ports: [await storeless.remote.listen()], cpuSeconds: storeless.cpuSeconds },
      naked: { ports: [await naked.remote.listen()], cpuSeconds: naked.cpuSeconds },
    },
    figuresOf,
  )
  await serve.stop()
  for (const child of [load, receiver, storeless, naked]) await child.stop()
  return figures
}

function figuresOf(rounds: Rounds, connections: number): Figure[] {
  const { of, absolute } = describing(rounds, connections)
  return [
    of(
      '×',
      (r) => rate(r.serve) / rate(r.storeless),
      `webhooks/s at ${connections} connections, of the same without a ledger`,
      { atLeast: 0.85 },
    ),
    of(
      '×',
      (r) => r.serve.p99Ms / r.storeless.p99Ms,
      `p99 of a webhook at ${connections} connections, of the same without a ledger`,
      { atMost: 1.5 },
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
