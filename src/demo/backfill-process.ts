import { text } from 'node:stream/consumers'
import type { BackfillResult } from '../terminal/backfill-result.ts'
import { describeEnd, type ProgramOptions, spawnProgram } from './program.ts'

/** Starts `line-braze backfill` as a process of its own. What it shows, and its last words, go to our stderr. */
export function spawnBackfill({ directory, settings }: ProgramOptions) {
  const { TERM } = process.env
  const { child, ended } = spawnProgram(
    ['backfill', '--json'],
    // Its bars need to know the terminal, and a log of what goes well would only hide them.
    { directory, settings: { ...settings, ...(TERM !== undefined && { TERM }), LOG_LEVEL: 'warn' } },
    ['ignore', 'pipe', 'inherit'],
  )
  const output = text(child.stdout as NodeJS.ReadableStream)

  return {
    pid: child.pid,
    /** What it says in the end. @throws Error where it fails */
    async result(): Promise<BackfillResult> {
      const end = await ended
      if (end.code !== 0) throw new Error(`The backfill did not end as it should (${describeEnd(end)}).`)
      return JSON.parse(await output)
    },
    /** Kills it, and waits until it has ended: nobody will go on with its run. Safe to repeat. */
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
