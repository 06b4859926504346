import { createLineSandbox } from '../sandbox/line/webhooks.ts'
import { watchHealth } from './health.ts'
import { startServer } from './processes.ts'
import type { Means, Stage } from './stage.ts'

/** A server that runs, and what talks to it. */
export type Service = Awaited<ReturnType<typeof startService>>

/**
 * Starts a server on the stage's database, at a port of its own, and points LINE at it; says that it runs, as
 * `event`, and where a person can look at it.
 */
export async function startService(event: string, stage: Stage, means: Means) {
  const { closers, display } = means
  const server = startServer(stage, means)
  const url = await server.url
  const health = watchHealth(url)
  const { channelSecret: secret, destination } = stage.lineApi
  const line = createLineSandbox({ url: `${url}/webhook`, secret, destination })
  closers.push(health.close, line.close)
  display.say(`${event}, as process ${server.pid}.`, `health   ${url}/health`, `metrics  ${url}/metrics`)

  return {
    url,
    health,
    /** Posts webhooks to it. */
    line,
    /** Stops it, as a deployment would. @throws Error where it did not end as it should */
    async stop() {
      await health.close()
      await line.close()
      const failure = await server.stop()
      if (failure) throw failure
    },
  }
}
