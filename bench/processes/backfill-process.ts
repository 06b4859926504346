/** A real `backfill` process, as an operator starts it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { BackfillResult } from '../../src/terminal/backfill-result.ts'
import { own } from './child.ts'
import { monotonicMs } from './clock.ts'
import { databaseIn, PROGRAM } from './program.ts'
import { peakMiB } from './usage.ts'

export interface BackfillOptions {
  /** An empty folder, or that of an earlier run: the database, the log and no `.env` are in it. */
  readonly folder: string
  readonly linePort: number
  readonly brazePort: number
}

export interface Backfilled {
  /** What it printed; its `seconds` begin later and end earlier than those below. */
  readonly result: BackfillResult
  /** From its start until it was gone. */
  readonly seconds: number
  /** See usage.ts. */
  readonly peakMiB: number
}

/** Longer than any run here takes. */
const TIMEOUT_MS = 300_000
const POLL_MS = 100

/** Runs it to its end, with all settings but these at their defaults. */
export async function runBackfill(options: BackfillOptions): Promise<Backfilled> {
  const logFile = `${options.folder}/backfill.log`
  const stderr = openSync(logFile, 'w')
  const startedAtMs = monotonicMs()
  const child = spawn(process.execPath, [...PROGRAM, 'backfill', '--json'], {
    cwd: options.folder,
    env: environmentOf(options),
    stdio: ['ignore', 'pipe', stderr],
    timeout: TIMEOUT_MS,
  })
  own(child)
  closeSync(stderr)
  const peak = watchPeak(child.pid as number)
  let endedAtMs = Number.NaN
  child.once('exit', () => {
    endedAtMs = monotonicMs()
    peak.stop()
  })
  let printed = ''
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    printed += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0)
    throw new Error(`backfill ended with ${code}: ${readFileSync(logFile, 'utf8').slice(-1_000)}`)
  return {
    result: JSON.parse(printed),
    seconds: (endedAtMs - startedAtMs) / 1000,
    peakMiB: peak.mebibytes(),
  }
}

const environmentOf = ({ folder, linePort, brazePort }: BackfillOptions) => ({
  PATH: process.env.PATH,
  LINE_CHANNEL_ACCESS_TOKEN: 'bench',
  LINE_API_BASE_URL: `http://127.0.0.1:${linePort}`,
  BRAZE_REST_ENDPOINT: `http://127.0.0.1:${brazePort}`,
  BRAZE_API_KEY: 'bench',
  DATABASE_URL: databaseIn(folder),
  LOG_LEVEL: 'warn',
})

/** Nothing can be asked about a process that is gone, so its peak is asked for again and again until then. */
function watchPeak(pid: number) {
  let mebibytes = Number.NaN
  const timer = setInterval(() => {
    const now = peakMiB(pid)
    // A process that is just ending holds nothing any more.
    if (!Number.isNaN(now)) mebibytes = now
  }, POLL_MS)
  return { mebibytes: () => mebibytes, stop: () => clearInterval(timer) }
}
