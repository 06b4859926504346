import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Closers } from '../process/closing.ts'
import type { Interruption } from '../process/interruption.ts'
import { startBrazeSandbox } from '../sandbox/braze/braze.ts'
import { startLineApiSandbox } from '../sandbox/line/api.ts'
import type { Display } from '../terminal/display.ts'
import { newKeyPair } from '../token/key-pair.ts'

/** What every part of the demo has at hand. */
export interface Means {
  readonly interruption: Interruption
  readonly display: Display
  readonly closers: Closers
}

/** A place for a ledger that is removed in the end. */
export interface Place {
  readonly url: string
  /** For people. */
  readonly name: string
  remove(): Promise<void>
}

/** Everything that stays, whether the server runs or not. */
export type Stage = Awaited<ReturnType<typeof setStage>>

/** Shorter than by default, for people who watch. */
const SETTLE_MS = 500
const BRAZE_TIMEOUT_MS = 1_000
/** By which name Braze knows LINE's token. */
export const TOKEN_BLOCK = 'LINE_Channel_AccessToken'
const BRAZE_LATENCY_MS = 20
/** With pages of a hundred, the follower list of 3,000 people takes some three seconds to watch. */
const LINE_LATENCY_MS = 80

/** Starts LINE's API and a Braze, and makes a temporary folder, in which the database is unless there is another place for it. */
export async function setStage({ closers }: Means, makePlace?: () => Promise<Place>) {
  const directory = await mkdtemp(join(tmpdir(), 'line-braze-demo-'))
  closers.push(() => rm(directory, { recursive: true, force: true }))
  const place = await makePlace?.()
  if (place) closers.push(place.remove)
  const braze = await startBrazeSandbox({ latencyMs: BRAZE_LATENCY_MS, settleMs: SETTLE_MS })
  closers.push(braze.close)
  const lineApi = await startLineApiSandbox({ latencyMs: LINE_LATENCY_MS })
  closers.push(lineApi.close)
  const apiToken = randomBytes(32).toString('hex')
  // As somebody does in LINE's console, who has run token keygen.
  const { privateKey, publicKey } = newKeyPair()
  const assertionKey = { ...privateKey, kid: lineApi.registerKey(publicKey) }

  return {
    /** Where the processes work: no `.env` of the user's is there. */
    directory,
    /** Where the database is, for people. */
    database: place?.name ?? `${directory}/line-braze.db`,
    /** All of their environment. */
    settings: {
      LINE_CHANNEL_SECRET: lineApi.channelSecret,
      LINE_CHANNEL_ID: lineApi.channelId,
      LINE_ASSERTION_KEY: JSON.stringify(assertionKey),
      LINE_LOGIN_CHANNEL_ID: lineApi.loginChannelId,
      LINE_API_BASE_URL: lineApi.url,
      BRAZE_REST_ENDPOINT: braze.url,
      BRAZE_API_KEY: braze.apiKey,
      BRAZE_SETTLE_MS: String(SETTLE_MS),
      BRAZE_TIMEOUT_MS: String(BRAZE_TIMEOUT_MS),
      BRAZE_TOKEN_BLOCK: TOKEN_BLOCK,
      API_TOKENS: apiToken,
      DATABASE_URL: place?.url ?? 'file:./line-braze.db',
      HOST: '127.0.0.1',
      PORT: '0',
    },
    /** By which the brand's own systems are known to the server. */
    apiToken,
    lineApi,
    braze,
  }
}
