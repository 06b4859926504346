import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface ServerOptions {
  /** Its working folder: no `.env` of the user's is there. */
  readonly directory: string
  /** All of its environment. */
  readonly settings: Readonly<Record<string, string>>
  /** It ended, and nobody had asked it to. */
  readonly onDeath: (error: Error) => void
}

/** How a process ended. */
export interface End {
  readonly code: number | null
  readonly signal: string | null
}

export type DemoServer = ReturnType<typeof spawnServer>

const PROGRAM = fileURLToPath(new URL('../../../bin/line-braze.js', import.meta.url))
const REMEMBERED_LINES = 5
/** After that a server that was asked to stop is killed. */
const STOP_MS = 10_000

/** Starts `line-braze serve` as a process of its own. */
export function spawnServer({ directory, settings, onDeath }: ServerOptions) {
  const child = spawn(process.execPath, [...process.execArgv, PROGRAM, 'serve'], {
    cwd: directory,
    env: settings,
    stdio: ['ignore', 'ignore', 'pipe'],
    // A process group of its own: Ctrl-C is for us, and we tell the server when it is time.
    detached: true,
  })
  const { promise: listening, resolve: foundUrl } = Promise.withResolvers<string>()
  const { promise: ended, resolve: foundEnd } = Promise.withResolvers<End>()
  const lastLines: string[] = []
  let stopping = false

  createInterface({ input: child.stderr }).on('line', (text) => {
    if (lastLines.push(text) > REMEMBERED_LINES) lastLines.shift()
    if (text.includes('"listening"')) foundUrl(JSON.parse(text).url)
  })
  child.once('error', (cause) => {
    foundEnd({ code: null, signal: null })
    onDeath(new Error(`The server could not be started: ${cause.message}`, { cause }))
  })
  child.once('close', (code, signal) => {
    foundEnd({ code, signal })
    if (stopping) return
    onDeath(
      new Error([`The server ended by itself (${describeEnd({ code, signal })}).`, ...lastLines].join('\n')),
    )
  })

  return {
    pid: child.pid,
    /** Its URL, once it listens; never settles where it does not. */
    listening,
    /** Asks it to stop, waits until it has ended, and says how. Safe to repeat. */
    async stop(): Promise<End> {
      stopping = true
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      child.kill('SIGTERM')
      return ended.finally(() => clearTimeout(timer))
    },
  }
}

export const describeEnd = (end: End | undefined) => end?.signal ?? `exit code ${end?.code}`
