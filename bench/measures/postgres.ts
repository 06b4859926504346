import { mkdirSync, openSync } from 'node:fs'
import { makeTemporarySchema } from '../../src/ledger/open.ts'
import { startChild } from '../processes/child.ts'
import type { Load } from '../processes/load.ts'
import { startPostgres } from '../processes/postgres.ts'
import type { Receiver } from '../processes/receiver.ts'
import { type Serve, startServe } from '../processes/serve.ts'
import type { Storeless } from '../processes/storeless.ts'
import type { Figure } from '../report.ts'
import { describing, playByTurns, type Round, rate } from './turns.ts'

type Rounds = readonly Round<'one' | 'two' | 'storeless'>[]

/**
 * Durable webhooks of one server on PostgreSQL, and of two on another schema there, against the server that stores nothing.
 * The database, the servers and the load share the cores of this machine.
 */
export async function measurePostgres(folder: string): Promise<Figure[]> {
  const load = startChild<Load>('load.ts')
  const receiver = startChild<Receiver>('receiver.ts')
  const storeless = startChild<Storeless>('storeless.ts', openSync(`${folder}/storeless.log`, 'w'))
  const brazePort = await receiver.remote.listen()
  const postgres = await startPostgres()

  async function startServers(...names: string[]) {
    const { url } = await makeTemporarySchema(postgres.url)
    const servers: Serve[] = []
    // The first one is the one that delivers.
    for (const name of names) {
      mkdirSync(`${folder}/${name}`)
      servers.push(await startServe({ folder: `${folder}/${name}`, brazePort, url }))
    }
    const [first] = servers
    return {
      ports: servers.map(({ port }) => port),
      cpuSeconds: () => servers.reduce((sum, server) => sum + server.cpuSeconds(), 0),
      databaseCpuSeconds: postgres.cpuSeconds,
      drained: async () => first?.drained(),
      async stop() {
        for (const server of servers) await server.stop()
      },
    }
  }

  const one = await startServers('alone')
  const two = await startServers('first', 'second')
  const stored = { ports: [await storeless.remote.listen()], cpuSeconds: storeless.cpuSeconds }
  const figures = await playByTurns(load.remote, { one, two, storeless: stored }, figuresOf)
  for (const servers of [one, two]) await servers.stop()
  for (const child of [load, receiver, storeless]) await child.stop()
  await postgres.stop()
  return figures
}

function figuresOf(rounds: Rounds, connections: number): Figure[] {
  const { of, absolute } = describing(rounds, connections)
  const database = (side: 'one' | 'two', name: string) =>
    of('µs', (r) => r[side].databaseCpu * 1e6, `  ${name}, PostgreSQL's CPU for a webhook`)
  return [
    of(
      '×',
      (r) => rate(r.one) / rate(r.storeless),
      `webhooks/s on PostgreSQL at ${connections} connections, of the same without a ledger`,
      { atLeast: 0.6 },
    ),
    of(
      '×',
      (r) => rate(r.two) / rate(r.one),
      `webhooks/s of two servers at ${connections} connections, of one`,
      { atLeast: 1 },
    ),
    ...absolute('one', 'serve on PostgreSQL'),
    database('one', 'serve on PostgreSQL'),
    ...absolute('two', 'two of them'),
    database('two', 'two of them'),
    ...absolute('storeless', 'without a ledger'),
  ]
}
