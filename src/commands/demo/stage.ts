import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrazeSandbox, startBrazeSandbox } from '../../sandbox/braze.ts'
import { createLineSandbox, type LineSandbox } from '../../sandbox/line.ts'
import type { Interruption } from '../interruption.ts'
import { type HealthWatch, watchHealth } from './health.ts'
import { type DemoServer, spawnServer } from './server.ts'

/** Everything that takes part. */
export interface Stage {
  readonly line: LineSandbox
  readonly server: DemoServer
  /** The server's URL. */
  readonly url: string
  /** The path of the server's database. */
  readonly database: string
  readonly health: HealthWatch
  readonly braze: BrazeSandbox
}

/** What has to be called in the end, the last one first. */
export type Closers = (() => unknown)[]

/** Shorter than by default, for people who watch. */
const SETTLE_MS = 500
const BRAZE_TIMEOUT_MS = 1_000
const BRAZE_LATENCY_MS = 20
const DATABASE = 'line-braze.db'

/** Starts a sandbox Braze, a server of its own process on a temporary database, and a sandbox LINE. */
export async function setStage({
  interruption,
  closers,
}: {
  interruption: Interruption
  closers: Closers
}): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'line-braze-demo-'))
  closers.push(() => rm(directory, { recursive: true, force: true }))
  const apiKey = randomBytes(16).toString('hex')
  const braze = await startBrazeSandbox({ apiKey, latencyMs: BRAZE_LATENCY_MS, settleMs: SETTLE_MS })
  closers.push(braze.close)

  const secret = randomBytes(16).toString('hex')
  const settings = {
    LINE_CHANNEL_SECRET: secret,
    BRAZE_REST_ENDPOINT: braze.url,
    BRAZE_API_KEY: apiKey,
    BRAZE_SETTLE_MS: String(SETTLE_MS),
    BRAZE_TIMEOUT_MS: String(BRAZE_TIMEOUT_MS),
    DATABASE_URL: `file:./${DATABASE}`,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'info',
  }
  const server = spawnServer({ directory, settings, onDeath: interruption.abort })
  closers.push(server.stop)
  const url = await interruption.race(server.listening)

  const health = watchHealth(url)
  closers.push(health.close)
  const line = createLineSandbox({ url: `${url}/webhook`, secret })
  closers.push(line.close)
  return { line, server, url, database: join(directory, DATABASE), health, braze }
}

/** Ends what was started, in the reverse order. */
export async function closeAll(closers: Closers) {
  for (const close of closers.splice(0).reverse()) await close()
}
