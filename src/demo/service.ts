import { createLineSandbox, type LineSandbox } from '../sandbox/line/webhooks.ts'
import { type HealthWatch, watchHealth } from './health.ts'
import { describeEnd, type End } from './program.ts'
import { type DemoServer, spawnServer } from './server.ts'
import type { Means, Stage } from './stage.ts'

/** A server that runs, and what talks to it. */
export interface Service {
  readonly server: DemoServer
  readonly url: string
  readonly health: HealthWatch
  /** Posts webhooks to it. */
  readonly line: LineSandbox
}

/** Starts a server on the stage's database, at a port of its own, and points LINE at it. */
export async function startService(stage: Stage, { interruption, closers }: Means): Promise<Service> {
  const { directory, settings, lineApi } = stage
  // Once the end has begun, nobody would end what is started.
  interruption.signal.throwIfAborted()
  const server = spawnServer({ directory, settings, onDeath: interruption.abort })
  closers.push(server.stop)
  const url = await interruption.race(server.listening)
  const health = watchHealth(url)
  closers.push(health.close)
  const { channelSecret: secret, destination } = lineApi
  const line = createLineSandbox({ url: `${url}/webhook`, secret, destination })
  closers.push(line.close)
  return { server, url, health, line }
}

/** Says that it runs, and where a person can look at it. */
export function introduce({ server, url }: Service, event: string, { display }: Means) {
  display.say(`${event}, as process ${server.pid}.`, `health   ${url}/health`, `metrics  ${url}/metrics`)
}

/** Stops the server, as a deployment would. */
export async function stopService({ server, health, line }: Service): Promise<End> {
  await health.close()
  await line.close()
  return server.stop()
}

/** @throws Error where a server that was asked to stop did not end as it should */
export function assertStopped(end: End) {
  if (end.code !== 0) throw new Error(`The server did not stop as it should (${describeEnd(end)}).`)
}
