import { type StdioOptions, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface ProgramOptions {
  /** Its working folder: no `.env` of the user's is there. */
  readonly directory: string
  /** All of its environment. */
  readonly settings: Readonly<Record<string, string>>
}

/** How a process ended. */
export interface End {
  readonly code: number | null
  readonly signal: string | null
  /** Why it could not be started. */
  readonly error?: Error
}

const PROGRAM = fileURLToPath(new URL('../../bin/line-braze.js', import.meta.url))

/** Starts a command of `line-braze` as a process of its own. `ended` never rejects. */
export function spawnProgram(
  args: readonly string[],
  { directory, settings }: ProgramOptions,
  stdio: StdioOptions,
) {
  const child = spawn(process.execPath, [...process.execArgv, PROGRAM, ...args], {
    cwd: directory,
    env: settings,
    stdio,
    // A process group of its own: Ctrl-C is for us, and we tell the others when it is time.
    detached: true,
  })
  const { promise: ended, resolve: foundEnd } = Promise.withResolvers<End>()
  child.once('error', (error) => foundEnd({ code: null, signal: null, error }))
  child.once('close', (code, signal) => foundEnd({ code, signal }))
  return { child, ended }
}

export const describeEnd = ({ code, signal, error }: End) => error?.message ?? signal ?? `exit code ${code}`
