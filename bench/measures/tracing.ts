import { mkdir } from 'node:fs/promises'
import { startChild } from '../processes/child.ts'
import type { Collector } from '../processes/collector.ts'
import type { Load } from '../processes/load.ts'
import type { Receiver } from '../processes/receiver.ts'
import { startServe } from '../processes/serve.ts'
import type { Figure } from '../report.ts'
import { describing, playByTurns, type Round, rate } from './turns.ts'

type Rounds = readonly Round<'plain' | 'traced' | 'sampled'>[]

/** Durable webhooks with a span for each, with spans for one in a hundred, and without tracing. */
export async function measureTracing(folder: string): Promise<Figure[]> {
  const load = startChild<Load>('load.ts')
  const receiver = startChild<Receiver>('receiver.ts')
  const collector = startChild<Collector>('collector.ts')
  const brazePort = await receiver.remote.listen()
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await collector.remote.listen()}` }
  const start = async (name: string, more: Readonly<Record<string, string>>) => {
    await mkdir(`${folder}/${name}`)
    return startServe({ folder: `${folder}/${name}`, brazePort, more })
  }
  const plain = await start('plain', {})
  const traced = await start('traced', traces)
  const sampled = await start('sampled', {
    ...traces,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
  })
  const sideOf = ({ port, cpuSeconds, drained }: typeof plain) => ({ ports: [port], cpuSeconds, drained })
  const figures = await playByTurns(
    load.remote,
    { plain: sideOf(plain), traced: sideOf(traced), sampled: sideOf(sampled) },
    figuresOf,
  )
  for (const serve of [plain, traced, sampled]) await serve.stop()
  for (const child of [load, receiver, collector]) await child.stop()
  return figures
}

function figuresOf(rounds: Rounds, connections: number): Figure[] {
  const { of, absolute } = describing(rounds, connections)
  return [
    of(
      '×',
      (r) => rate(r.traced) / rate(r.plain),
      `webhooks/s at ${connections} connections, with a span for each, of none`,
    ),
    of('×', (r) => rate(r.sampled) / rate(r.plain), '  with spans for one in a hundred, of none'),
    of(
      '×',
      (r) => r.traced.serverCpu / r.plain.serverCpu,
      '  CPU for a webhook with a span for each, of none',
    ),
    ...absolute('plain', 'without tracing'),
    ...absolute('traced', 'with a span for each'),
  ]
}
