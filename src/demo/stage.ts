import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Closers } from '../process/closing.ts'
import type { Interruption } from '../process/interruption.ts'
import { type BrazeSandbox, startBrazeSandbox } from '../sandbox/braze/braze.ts'
import { type LineApiSandbox, startLineApiSandbox } from '../sandbox/line/api.ts'
import type { Display } from '../terminal/display.ts'

/** What every part of the demo has at hand. */
export interface Means {
  readonly interruption: Interruption
  readonly display: Display
  readonly closers: Closers
}

/** Everything that stays, whether the server runs or not. */
export interface Stage {
  /** Where the processes work. */
  readonly directory: string
  /** The path of their database. */
  readonly database: string
  /** All of their environment. */
  readonly settings: Readonly<Record<string, string>>
  readonly lineApi: LineApiSandbox
  readonly braze: BrazeSandbox
}

/** Shorter than by default, for people who watch. */
const SETTLE_MS = 500
const BRAZE_TIMEOUT_MS = 1_000
const BRAZE_LATENCY_MS = 20
/** With pages of a hundred, the follower list of 3,000 people takes some three seconds to watch. */
const LINE_LATENCY_MS = 80
const DATABASE = 'line-braze.db'

/** Starts LINE's API and a Braze, and makes a temporary folder for the database. */
export async function setStage({ closers }: Means): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'line-braze-demo-'))
  closers.push(() => rm(directory, { recursive: true, force: true }))
  const apiKey = randomBytes(16).toString('hex')
  const braze = await startBrazeSandbox({ apiKey, latencyMs: BRAZE_LATENCY_MS, settleMs: SETTLE_MS })
  closers.push(braze.close)
  const lineApi = await startLineApiSandbox({
    channelSecret: randomBytes(16).toString('hex'),
    latencyMs: LINE_LATENCY_MS,
  })
  closers.push(lineApi.close)

  const settings = {
    LINE_CHANNEL_SECRET: lineApi.channelSecret,
    LINE_CHANNEL_ID: lineApi.channelId,
    LINE_API_BASE_URL: lineApi.url,
    BRAZE_REST_ENDPOINT: braze.url,
    BRAZE_API_KEY: apiKey,
    BRAZE_SETTLE_MS: String(SETTLE_MS),
    BRAZE_TIMEOUT_MS: String(BRAZE_TIMEOUT_MS),
    DATABASE_URL: `file:./${DATABASE}`,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'info',
  }
  return { directory, database: join(directory, DATABASE), settings, lineApi, braze }
}
