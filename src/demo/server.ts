import { createInterface } from 'node:readline'
import { describeEnd, type End, type ProgramOptions, spawnProgram } from './program.ts'

export interface ServerOptions extends ProgramOptions {
  /** It ended, and nobody had asked it to. */
  readonly onDeath: (error: Error) => void
}

export type DemoServer = ReturnType<typeof spawnServer>

const REMEMBERED_LINES = 5
/** After that a server that was asked to stop is killed. */
const STOP_MS = 10_000

/** Starts `line-braze serve` as a process of its own. */
export function spawnServer({ onDeath, ...options }: ServerOptions) {
  const { child, ended } = spawnProgram(['serve'], options, ['ignore', 'ignore', 'pipe'])
  const { promise: listening, resolve: foundUrl } = Promise.withResolvers<string>()
  const lastLines: string[] = []
  let stopping = false

  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (text) => {
    if (lastLines.push(text) > REMEMBERED_LINES) lastLines.shift()
    if (text.includes('"listening"')) foundUrl(JSON.parse(text).url)
  })
  ended.then((end) => {
    if (stopping) return
    onDeath(new Error([`The server ended by itself (${describeEnd(end)}).`, ...lastLines].join('\n')))
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
