/** A real `serve` process, as an operator starts it. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { KEPT_MS } from '../../src/http/kept.ts'
import { own, stop } from './child.ts'
import { databaseIn, PROGRAM, PROGRAM_ENV } from './program.ts'
import { cpuSeconds, peakMiB } from './usage.ts'
import { SECRET } from './webhooks.ts'

const POLL_MS = 20
const START_TIMEOUT_MS = 15_000
const DRAIN_TIMEOUT_MS = 45_000

export interface ServeOptions {
  /** An empty or kept folder: the log, the database where it is a file, and no `.env` are in it. */
  readonly folder: string
  readonly brazePort: number
  /** Of the database; by default one in the folder. */
  readonly url?: string
  /** Further variables of its environment. */
  readonly more?: Readonly<Record<string, string>>
}

export interface Serve {
  readonly port: number
  /** Resolves when Braze has been told of everything. */
  drained(): Promise<void>
  /** See usage.ts. */
  peakMiB(): number
  cpuSeconds(): number
  /** What it has logged so far. */
  logBytes(): number
  stop(): Promise<void>
}

/** Starts it on a free port, with all settings but these at their defaults; resolves when it listens. */
export async function startServe({
  folder,
  brazePort,
  url = databaseIn(folder),
  more,
}: ServeOptions): Promise<Serve> {
  const logFile = `${folder}/serve.log`
  const stderr = openSync(logFile, 'w')
  const child = own(
    spawn(process.execPath, [...PROGRAM, 'serve'], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        ...PROGRAM_ENV,
        LINE_CHANNEL_SECRET: SECRET,
        BRAZE_REST_ENDPOINT: `http://127.0.0.1:${brazePort}`,
        BRAZE_API_KEY: 'bench',
        BRAZE_REQUESTS_PER_SECOND: '100000',
        DATABASE_URL: url,
        HOST: '127.0.0.1',
        PORT: '0',
        ...more,
      },
      stdio: ['ignore', 'ignore', stderr],
    }),
  )
  closeSync(stderr)
  const read = () => readFileSync(logFile, 'utf8')
  const port = await listeningPort(read, () => child.exitCode === null)

  return {
    port,
    drained: () => drained(port),
    peakMiB: () => peakMiB(child.pid as number),
    cpuSeconds: () => cpuSeconds(child.pid as number),
    logBytes: () => statSync(logFile).size,
    async stop() {
      await stop(child)
      if (child.exitCode !== 0) throw new Error(`serve ended with ${child.exitCode}: ${read().slice(-1_000)}`)
    },
  }
}

async function listeningPort(readLog: () => string, isAlive: () => boolean): Promise<number> {
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end && isAlive(); ) {
    const port = /"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(readLog())?.[1]
    if (port) return Number(port)
    await sleep(POLL_MS)
  }
  throw new Error(`serve does not listen: ${readLog().slice(-1_000)}`)
}

async function drained(port: number) {
  const readSince = performance.now() + KEPT_MS
  for (const end = Date.now() + DRAIN_TIMEOUT_MS; Date.now() < end; await sleep(POLL_MS)) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`)
    const { delivery } = (await answer.json()) as { delivery: { pending: number; failed: number } }
    if (delivery.failed > 0) throw new Error(`serve failed to deliver ${delivery.failed} contacts`)
    // Numbers of before the call say nothing of what it waits for.
    if (delivery.pending === 0 && performance.now() > readSince) return
  }
  throw new Error(`serve has not delivered everything within ${DRAIN_TIMEOUT_MS} ms`)
}
