import { mkdir } from 'node:fs/promises'
import { friend } from '../../src/contact/contact.ts'
import { openLedger } from '../../src/ledger/open.ts'
import { startChild } from '../processes/child.ts'
import type { Load } from '../processes/load.ts'
import { databaseIn } from '../processes/program.ts'
import type { Receiver } from '../processes/receiver.ts'
import { startServe } from '../processes/serve.ts'
import { userId } from '../processes/webhooks.ts'
import { type Figure, figureOf } from '../report.ts'

const PEOPLE = 150_000
const EVENTS_PER_BODY = 75
const CONNECTIONS = 64
const GOAL = { atMost: 220 }

/** The most memory of a process with 150,000 people due at once: found so at its start, or gathered in an outage. */
export async function measureMemory(folder: string): Promise<Figure[]> {
  const load = startChild<Load>('load.ts')
  const receiver = startChild<Receiver>('receiver.ts')
  const brazePort = await receiver.remote.listen()

  /** Runs serve on a folder of its own until everything is delivered. */
  async function peak(name: string, meanwhile: (port: number) => Promise<void>) {
    const serve = await startServe({ folder: `${folder}/${name}`, brazePort })
    await meanwhile(serve.port)
    await receiver.remote.reached()
    await serve.drained()
    const mebibytes = serve.peakMiB()
    await serve.stop()
    return mebibytes
  }

  await mkdir(`${folder}/found`)
  await fill(`${folder}/found`)
  await receiver.remote.expect(PEOPLE)
  const found = await peak('found', async () => {})

  await mkdir(`${folder}/gathered`)
  await load.remote.prepare({ kind: 'follows', first: 0, people: PEOPLE, eventsPerBody: EVENTS_PER_BODY })
  await receiver.remote.expect(PEOPLE)
  const gathered = await peak('gathered', async (port) => {
    await receiver.remote.outage(true)
    await load.remote.send([port], CONNECTIONS)
    await receiver.remote.outage(false)
  })

  for (const child of [load, receiver]) await child.stop()
  return [
    figureOf('peak memory, started with 150,000 people due', [found], 'MiB', GOAL),
    figureOf('peak memory, 150,000 people come in an outage', [gathered], 'MiB', GOAL),
  ]
}

async function fill(folder: string) {
  const ledger = await openLedger({ url: databaseIn(folder) })
  const now = Date.now()
  for (let person = 0; person < PEOPLE; person += 5_000) {
    await ledger.record(
      Array.from({ length: 5_000 }, (_, i) =>
        friend({ channel: 'default', userId: userId(person + i) }, now),
      ),
    )
  }
  await ledger.close()
}
